-- Checking quarter-hours, and what people and the gateway changed in them. Readings and registers are
-- never changed: usage is, and every change of it stands here with what was there before.

-- What a check found; changes nothing by itself. Of each kind, none overlaps another.
CREATE TABLE finding (
    finding_id     INTEGER PRIMARY KEY,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    doubts         INTEGER NOT NULL,      -- which check, a Doubt of gateway.domain.readings
    start_s        INTEGER NOT NULL,
    end_s          INTEGER NOT NULL CHECK (end_s > start_s),
    usage_wh       INTEGER NOT NULL,      -- what was found
    against_wh     INTEGER NOT NULL,      -- what it was held against
    reason         TEXT    NOT NULL,
    found_s        INTEGER NOT NULL,
    UNIQUE (meter_point_id, doubts, start_s)
) STRICT;

-- Up to where each meter point's quarter-hours were checked.
CREATE TABLE checked (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    to_s           INTEGER NOT NULL CHECK (to_s % 3600 = 0)
) STRICT;

-- 'release': energy that was set aside is billed after all. 'reject': it never will be. 'estimate':
-- energy that the register missed. 'reshape': an estimated stretch divided anew, its sum unchanged.
CREATE TABLE edit (
    edit_id         INTEGER PRIMARY KEY,
    key             TEXT    NOT NULL UNIQUE,   -- of the act: done again, it does nothing
    kind            TEXT    NOT NULL CHECK (kind IN ('release', 'reject', 'estimate', 'reshape')),
    meter_point_id  INTEGER NOT NULL REFERENCES meter_point,
    installation_id INTEGER NOT NULL REFERENCES installation,
    meter_id        INTEGER NOT NULL REFERENCES meter,
    start_s         INTEGER NOT NULL,
    end_s           INTEGER NOT NULL CHECK (end_s > start_s),
    energy_wh       INTEGER NOT NULL CHECK (energy_wh > 0),
    before_wh       INTEGER NOT NULL CHECK (before_wh >= 0),  -- release, reject: set aside;
    after_wh        INTEGER NOT NULL CHECK (after_wh >= 0),   -- else: usage of the quarter-hours below
    method          TEXT    NOT NULL,
    reason          TEXT    NOT NULL CHECK (length(reason) > 0),
    author          TEXT    NOT NULL CHECK (length(author) > 0),
    at_s            INTEGER NOT NULL,
    CHECK (kind <> 'reshape' OR before_wh = after_wh)
) STRICT;
CREATE INDEX edit_point ON edit (meter_point_id) WHERE kind <> 'reshape';
CREATE TRIGGER edit_never_changes BEFORE UPDATE ON edit
BEGIN SELECT RAISE(ABORT, 'an edit is never changed'); END;
CREATE TRIGGER edit_never_goes BEFORE DELETE ON edit
BEGIN SELECT RAISE(ABORT, 'an edit is never deleted'); END;

-- What an edit made of each quarter-hour's usage.
CREATE TABLE edited_usage (
    edit_id        INTEGER NOT NULL REFERENCES edit,
    start_s        INTEGER NOT NULL,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    before_wh      INTEGER NOT NULL CHECK (before_wh >= 0),
    after_wh       INTEGER NOT NULL CHECK (after_wh >= 0),
    PRIMARY KEY (edit_id, start_s)
) STRICT, WITHOUT ROWID;
CREATE INDEX edited_usage_time ON edited_usage (meter_point_id, start_s);
CREATE TRIGGER edited_usage_never_changes BEFORE UPDATE ON edited_usage
BEGIN SELECT RAISE(ABORT, 'an edit is never changed'); END;
CREATE TRIGGER edited_usage_never_goes BEFORE DELETE ON edited_usage
BEGIN SELECT RAISE(ABORT, 'an edit is never deleted'); END;

-- Usage that people added to what registers moved, by meter point: SUM(usage_wh) of a meter point is
-- carried_wh + cumulative_wh + added_wh.
CREATE VIEW added AS
SELECT meter_point_id, SUM(energy_wh) AS added_wh FROM edit
WHERE kind IN ('release', 'estimate') GROUP BY meter_point_id;

-- What is set aside at each installation of a meter and waits for a decision.
CREATE VIEW set_aside AS
SELECT i.installation_id, i.meter_point_id, i.meter_id, i.from_s, i.to_s,
       IIF(i.to_s IS NULL, IFNULL(r.flagged_wh, 0), IFNULL(i.flagged_wh, 0)) AS flagged_wh,
       IFNULL(e.released_wh, 0) AS released_wh, IFNULL(e.rejected_wh, 0) AS rejected_wh
FROM installation i LEFT JOIN register r ON r.meter_id = i.meter_id
LEFT JOIN (SELECT installation_id, SUM(IIF(kind = 'release', energy_wh, 0)) AS released_wh,
                  SUM(IIF(kind = 'reject', energy_wh, 0)) AS rejected_wh
           FROM edit WHERE kind IN ('release', 'reject') GROUP BY installation_id) e
    ON e.installation_id = i.installation_id;
