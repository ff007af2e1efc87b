-- Who lives where and since when, which meter was replaced by which, and which nodes nobody knows.

-- 'file': the configuration names it. 'store': it was accepted here and stays without being named.
ALTER TABLE meter_point ADD COLUMN origin TEXT NOT NULL DEFAULT 'file' CHECK (origin IN ('file', 'store'));

-- A meter point's total is carried_wh + the register row's cumulative_wh. The meters before this
-- one counted carried_wh; counted_wh and flagged_wh are what this one did, NULL while it is installed.
ALTER TABLE installation ADD COLUMN carried_wh INTEGER NOT NULL DEFAULT 0 CHECK (carried_wh >= 0);
ALTER TABLE installation ADD COLUMN counted_wh INTEGER CHECK (counted_wh >= 0);
ALTER TABLE installation ADD COLUMN flagged_wh INTEGER;

-- One meter replaced by another at one instant, with what was counted for the last stretch.
CREATE TABLE exchange (
    new_installation_id INTEGER PRIMARY KEY REFERENCES installation,
    old_installation_id INTEGER NOT NULL UNIQUE REFERENCES installation,
    at_s                INTEGER NOT NULL,
    usage_wh            INTEGER NOT NULL CHECK (usage_wh >= 0),  -- from the last reading to at_s
    estimated_wh        INTEGER NOT NULL CHECK (estimated_wh BETWEEN 0 AND usage_wh),
    approved_by         TEXT,                                    -- who answers for an estimate
    CHECK (estimated_wh = 0 OR approved_by IS NOT NULL)
) STRICT;

-- Nodes that report and are no meter point's: a person accepts or forgets them. At most 100.
CREATE TABLE node_candidate (
    name               TEXT PRIMARY KEY,
    first_s            INTEGER NOT NULL,
    last_s             INTEGER NOT NULL,
    messages           INTEGER NOT NULL,
    read_ms            INTEGER NOT NULL,  -- what the last message said, its own date unchecked
    energy_wh          INTEGER NOT NULL,
    voltage_mv         INTEGER NOT NULL,
    current_ma         INTEGER NOT NULL,
    power_mw           INTEGER NOT NULL,
    power_factor_milli INTEGER NOT NULL,
    rssi_dbm           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An occupant at a meter point in [from_s, to_s). What was used is counted_to_wh - counted_from_wh,
-- over however many meters; the registers are what the bill shows.
CREATE TABLE account (
    account_id       INTEGER PRIMARY KEY,
    meter_point_id   INTEGER NOT NULL REFERENCES meter_point,
    label            TEXT,               -- a word of the operator's; nothing personal
    from_s           INTEGER NOT NULL,
    to_s             INTEGER CHECK (to_s > from_s),
    register_from_wh INTEGER NOT NULL,
    register_to_wh   INTEGER,
    counted_from_wh  INTEGER NOT NULL CHECK (counted_from_wh >= 0),
    counted_to_wh    INTEGER CHECK (counted_to_wh >= counted_from_wh),
    estimated_from   INTEGER NOT NULL CHECK (estimated_from IN (0, 1)), -- no reading near that instant
    estimated_to     INTEGER CHECK (estimated_to IN (0, 1)),
    CHECK ((to_s IS NULL) = (register_to_wh IS NULL)),
    CHECK ((to_s IS NULL) = (counted_to_wh IS NULL)),
    CHECK ((to_s IS NULL) = (estimated_to IS NULL))
) STRICT;
CREATE INDEX account_point ON account (meter_point_id, from_s);
CREATE UNIQUE INDEX account_open ON account (meter_point_id) WHERE to_s IS NULL;
CREATE TRIGGER account_no_overlap_insert BEFORE INSERT ON account
WHEN EXISTS (SELECT 1 FROM account a WHERE a.meter_point_id = NEW.meter_point_id
             AND a.from_s < IFNULL(NEW.to_s, 1 << 62) AND IFNULL(a.to_s, 1 << 62) > NEW.from_s)
BEGIN SELECT RAISE(ABORT, 'two occupants of one meter point overlap'); END;
CREATE TRIGGER account_no_overlap_update BEFORE UPDATE OF meter_point_id, from_s, to_s ON account
WHEN EXISTS (SELECT 1 FROM account a WHERE a.meter_point_id = NEW.meter_point_id
             AND a.account_id <> OLD.account_id
             AND a.from_s < IFNULL(NEW.to_s, 1 << 62) AND IFNULL(a.to_s, 1 << 62) > NEW.from_s)
BEGIN SELECT RAISE(ABORT, 'two occupants of one meter point overlap'); END;
