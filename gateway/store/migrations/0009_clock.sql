-- Village time, and readings that wait for it.

-- One row per boot; the newest is the present. Village time is offset_ms + the count since boot
-- (monotonic, *_ms of it are marked "count"), and never below floor_ms.
CREATE TABLE clock (
    clock_id       INTEGER PRIMARY KEY,
    boot           TEXT    NOT NULL UNIQUE,
    began_ms       INTEGER NOT NULL,      -- count: the first look in this boot
    heard_ms       INTEGER NOT NULL,      -- count: the last time this row was written
    floor_ms       INTEGER NOT NULL,
    offset_ms      INTEGER NOT NULL,
    anchored       INTEGER NOT NULL CHECK (anchored IN (0, 1)),  -- offset_ms was trusted once
    trusted_by     TEXT    CHECK (trusted_by IN ('ntp', 'rtc', 'ledger', 'operator')),
    since_ms       INTEGER NOT NULL,      -- count: since when it is trusted, or is not
    untrusted_ms   INTEGER NOT NULL,      -- and for how long it had not been in boots before
    wall_offset_ms INTEGER NOT NULL,      -- the system's time less the count
    setting_id     INTEGER NOT NULL,      -- the newest clock_setting that was looked at
    placed_ms      INTEGER,               -- an offset found later, of a boot that was never trusted
    CHECK (trusted_by IS NULL OR anchored)
) STRICT;

-- What operators have set. Never changed.
CREATE TABLE clock_setting (
    setting_id INTEGER PRIMARY KEY,
    boot       TEXT    NOT NULL,
    offset_ms  INTEGER NOT NULL,          -- the time that was set less the count since boot
    far        INTEGER NOT NULL CHECK (far IN (0, 1)),
    author     TEXT    NOT NULL CHECK (length(author) > 0)
) STRICT;
CREATE TRIGGER clock_setting_never_changes BEFORE UPDATE ON clock_setting
BEGIN SELECT RAISE(ABORT, 'a setting of the clock is never changed'); END;
CREATE TRIGGER clock_setting_never_goes BEFORE DELETE ON clock_setting
BEGIN SELECT RAISE(ABORT, 'a setting of the clock is never deleted'); END;

-- Readings taken while the clock was not trusted, in the order in which they came, until they can
-- be dated. Nothing was ever stored in the table of this name before.
DROP TABLE undated_reading;
CREATE TABLE undated_reading (
    undated_id         INTEGER PRIMARY KEY,
    clock_id           INTEGER NOT NULL REFERENCES clock,
    monotonic_ms       INTEGER NOT NULL,  -- count: when it was read, or came
    own_ms             INTEGER,           -- the sender's own date (unix ms), if it has one
    meter_id           INTEGER NOT NULL REFERENCES meter,
    energy_wh          INTEGER NOT NULL,
    voltage_mv         INTEGER,
    current_ma         INTEGER,
    power_mw           INTEGER,
    frequency_mhz      INTEGER,
    power_factor_milli INTEGER,
    export_wh          INTEGER,
    quality            INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 3),
    doubts             INTEGER NOT NULL
) STRICT;

-- The last two registers of each meter among them: what was used since, for supply.
CREATE TABLE undated_register (
    meter_id  INTEGER PRIMARY KEY REFERENCES meter,
    energy_wh INTEGER NOT NULL,
    before_wh INTEGER NOT NULL
) STRICT;
