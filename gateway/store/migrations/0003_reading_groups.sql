-- Readings by the group: one row per flush and hour of reading, packed and chained by hash (see
-- gateway.domain.groups). Sequence is the order of commits, which the chains follow; late readings
-- are in younger groups than their neighbours in time. Nothing was released with the table before.
DROP TABLE reading;

CREATE TABLE reading_group (
    sequence INTEGER PRIMARY KEY,
    from_ms  INTEGER NOT NULL,
    to_ms    INTEGER NOT NULL CHECK (to_ms >= from_ms),  -- newest reading, at most an hour after from_ms
    readings BLOB    NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX reading_group_time ON reading_group (from_ms);

-- Where each meter's chain stood at the end of each day (UTC), after the group named; of the running
-- day, at its last full hour. From here chains are recomputed after older groups were pruned.
CREATE TABLE chain_head (
    day_s    INTEGER NOT NULL CHECK (day_s % 86400 = 0),
    meter_id INTEGER NOT NULL REFERENCES meter,
    sequence INTEGER NOT NULL,
    head     BLOB    NOT NULL CHECK (length(head) = 32),
    PRIMARY KEY (day_s, meter_id)
) STRICT, WITHOUT ROWID;

-- How far each consumer has read reading_group; pruning never passes the slowest.
CREATE TABLE reading_cursor (
    consumer TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO reading_cursor VALUES ('rollup', 0);

-- What is left of readings for years: one row per meter and quarter-hour, hour, day (span_s).
CREATE TABLE rollup (
    span_s         INTEGER NOT NULL CHECK (span_s IN (900, 3600, 86400)),
    start_s        INTEGER NOT NULL,
    meter_id       INTEGER NOT NULL REFERENCES meter,
    readings       INTEGER NOT NULL,
    valid          INTEGER NOT NULL,      -- of them
    doubts         INTEGER NOT NULL,      -- all doubts of all of them, a Doubt of gateway.domain.readings
    first_ms       INTEGER NOT NULL,
    first_wh       INTEGER NOT NULL,      -- the register then
    last_ms        INTEGER NOT NULL,
    last_wh        INTEGER NOT NULL,
    min_voltage_mv INTEGER,
    max_voltage_mv INTEGER,
    max_power_mw   INTEGER,
    powers         INTEGER NOT NULL,      -- readings with a power
    power_mw_sum   INTEGER NOT NULL,
    PRIMARY KEY (span_s, start_s, meter_id)
) STRICT, WITHOUT ROWID;

-- Every flush of readings touches the running quarter-hour, and none should touch an index for it:
-- the index goes by a flag which only claims and late readings change.
DROP INDEX usage_unclaimed;
ALTER TABLE usage ADD COLUMN open INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1)); -- 0: a batch carries all of it
UPDATE usage SET open = usage_wh > claimed_wh;
CREATE INDEX usage_open ON usage (start_s) WHERE open = 1;
CREATE TRIGGER usage_opened_or_closed AFTER UPDATE OF usage_wh, claimed_wh ON usage
WHEN NEW.open <> (NEW.usage_wh > NEW.claimed_wh)
BEGIN
    UPDATE usage SET open = NOT NEW.open
    WHERE start_s = NEW.start_s AND meter_point_id = NEW.meter_point_id;
END;

ALTER TABLE register ADD COLUMN export_wh INTEGER;  -- the newest, of meters that have such a register
