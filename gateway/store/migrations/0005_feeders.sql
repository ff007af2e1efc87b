-- Feeders: what a line delivers, next to what the meters behind it count.

-- 'feeder': its meter measures a feeder and is nobody's supply. It has no slot on chain; its own
-- is taken from the top of the range, so that (site, slot) stays unique.
ALTER TABLE meter_point ADD COLUMN kind TEXT NOT NULL DEFAULT 'supply' CHECK (kind IN ('supply', 'feeder'));
-- The feeder on which it hangs, or which it measures; NULL: the only one, if there is one.
ALTER TABLE meter_point ADD COLUMN feeder TEXT;

-- As usage, of meter points of the kind 'feeder'. Never in usage: nobody is charged for it.
CREATE TABLE feeder_usage (
    start_s        INTEGER NOT NULL CHECK (start_s % 900 = 0),
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    usage_wh       INTEGER NOT NULL CHECK (usage_wh >= 0),
    estimated_wh   INTEGER NOT NULL DEFAULT 0 CHECK (estimated_wh BETWEEN 0 AND usage_wh),
    PRIMARY KEY (start_s, meter_point_id)
) STRICT, WITHOUT ROWID;

-- Where the energy of a feeder went, per local hour and day; a day's row adds up its complete hours.
CREATE TABLE feeder_balance (
    span_s       INTEGER NOT NULL CHECK (span_s IN (3600, 86400)),
    start_s      INTEGER NOT NULL,        -- of a day: local midnight
    feeder       TEXT    NOT NULL,
    hours        INTEGER NOT NULL,
    feeder_wh    INTEGER NOT NULL,        -- delivered
    meters_wh    INTEGER NOT NULL,        -- counted behind it
    technical_wh INTEGER NOT NULL,        -- lost in the wires, by the model of that time
    meters       INTEGER NOT NULL,
    complete     INTEGER NOT NULL CHECK (complete IN (0, 1)),  -- 0: some meter was not read since
    PRIMARY KEY (span_s, start_s, feeder)
) STRICT, WITHOUT ROWID;
