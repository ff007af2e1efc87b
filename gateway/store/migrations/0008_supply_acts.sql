-- What people on site and operators decide about supply, and what the decision remembers.

ALTER TABLE meter_point ADD COLUMN load_limit_w INTEGER CHECK (load_limit_w > 0);

ALTER TABLE supply ADD COLUMN overloads INTEGER NOT NULL DEFAULT 0;  -- one a day after another, until reset
ALTER TABLE supply ADD COLUMN tripped_ms INTEGER;    -- last disconnected for overload
ALTER TABLE supply ADD COLUMN chain_cut_s INTEGER;   -- last disconnected by what the chain says alone
ALTER TABLE supply ADD COLUMN low_credit INTEGER NOT NULL DEFAULT 0 CHECK (low_credit BETWEEN 0 AND 2);

-- Safety: a lock per person, as padlocks on a switch. The supply is dead while one of them hangs.
CREATE TABLE lock_out (
    lock_out_id    INTEGER PRIMARY KEY,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    locked_s       INTEGER NOT NULL,
    locked_by      TEXT    NOT NULL COLLATE NOCASE CHECK (length(locked_by) > 0),
    reason         TEXT    NOT NULL CHECK (length(reason) > 0),
    released_s     INTEGER,
    released_by    TEXT COLLATE NOCASE,
    release_reason TEXT,
    CHECK ((released_s IS NULL) = (released_by IS NULL)),
    CHECK ((released_s IS NULL) = (release_reason IS NULL)),
    CHECK (released_by IS NULL OR released_by = locked_by)
) STRICT;
CREATE UNIQUE INDEX lock_out_hangs ON lock_out (meter_point_id, locked_by) WHERE released_s IS NULL;
CREATE TRIGGER lock_out_is_released_once BEFORE UPDATE ON lock_out
WHEN OLD.released_s IS NOT NULL OR NEW.locked_s <> OLD.locked_s OR NEW.reason <> OLD.reason
  OR NEW.locked_by <> OLD.locked_by OR NEW.meter_point_id <> OLD.meter_point_id
BEGIN SELECT RAISE(ABORT, 'a lock-out is never changed, and released once'); END;
CREATE TRIGGER lock_out_never_goes BEFORE DELETE ON lock_out
BEGIN SELECT RAISE(ABORT, 'a lock-out is never deleted'); END;

-- What an operator ordered, until it ends.
CREATE TABLE override (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    connected      INTEGER NOT NULL CHECK (connected IN (0, 1)),
    until_s        INTEGER NOT NULL,
    author         TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    at_s           INTEGER NOT NULL
) STRICT;

-- Asked for and not paid back yet.
CREATE TABLE emergency_credit (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    stroops        INTEGER NOT NULL CHECK (stroops > 0),
    author         TEXT    NOT NULL,
    at_s           INTEGER NOT NULL
) STRICT;

-- Usage or money that a household disputes: it does not disconnect it while the dispute is open.
CREATE TABLE dispute (
    dispute_id     INTEGER PRIMARY KEY,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    energy_wh      INTEGER CHECK (energy_wh > 0),   -- what is disputed, where it is energy
    stroops        INTEGER NOT NULL CHECK (stroops > 0),  -- and as money; energy at the dearest rate
    reason         TEXT    NOT NULL CHECK (length(reason) > 0),
    opened_s       INTEGER NOT NULL,
    opened_by      TEXT    NOT NULL CHECK (length(opened_by) > 0),
    closed_s       INTEGER,
    closed_by      TEXT,
    close_reason   TEXT,
    CHECK ((closed_s IS NULL) = (closed_by IS NULL)),
    CHECK ((closed_s IS NULL) = (close_reason IS NULL))
) STRICT;
CREATE INDEX dispute_open ON dispute (meter_point_id) WHERE closed_s IS NULL;
CREATE TRIGGER dispute_never_goes BEFORE DELETE ON dispute
BEGIN SELECT RAISE(ABORT, 'a dispute is never deleted'); END;

-- When a feeder had no power: plans pause meanwhile. The contract knows nothing of it.
CREATE TABLE dead_time (
    feeder TEXT    NOT NULL,
    from_s INTEGER NOT NULL,
    to_s   INTEGER CHECK (to_s >= from_s),
    PRIMARY KEY (feeder, from_s)
) STRICT, WITHOUT ROWID;

-- What was left at each record that was seen, and what the chain took without a reason known here.
CREATE TABLE chain_look (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    balance        INTEGER NOT NULL,       -- of the record, to see that there is another one
    market_wh      INTEGER NOT NULL,
    paid_until_s   INTEGER NOT NULL,
    left_stroops   INTEGER NOT NULL,
    left_market_wh INTEGER NOT NULL,
    counted_wh     INTEGER NOT NULL,
    drop_stroops   INTEGER NOT NULL DEFAULT 0,
    drop_market_wh INTEGER NOT NULL DEFAULT 0,
    drop_until_s   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Disconnections that wait for a person, because the chain alone asks for too many of them.
CREATE TABLE chain_hold (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    since_s        INTEGER NOT NULL,
    detail         TEXT    NOT NULL,
    answer         TEXT    NOT NULL CHECK (answer IN ('waiting', 'confirmed', 'confirmed_on_one', 'rejected')),
    answered_by    TEXT,
    answered_s     INTEGER
) STRICT;

-- Estimated usage is not counted against anybody: it is looked for at every decision.
CREATE INDEX usage_estimated ON usage (start_s) WHERE estimated_wh > 0;
