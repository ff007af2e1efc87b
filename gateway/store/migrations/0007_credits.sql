-- Money paid on site, from the receipt to the contract: it counts at once, and goes on chain once.

-- The receipts of this file; a restored copy begins another series, so that no two have one name.
INSERT INTO meta VALUES ('receipt_series', '1');

-- One payment. 'local': counted here only. 'on_chain': it is in the contract's balance. 'refused': the
-- contract would not have it. 'void': taken back while it was local, see local_void.
CREATE TABLE local_credit (
    receipt        INTEGER PRIMARY KEY,
    series         INTEGER NOT NULL,
    key            TEXT    NOT NULL UNIQUE,   -- of the act: done again, it does nothing
    asked          TEXT    NOT NULL,          -- digest of what was asked under that key
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    kind           TEXT    NOT NULL CHECK (kind IN ('token', 'cash', 'api')),
    amount_stroops INTEGER NOT NULL CHECK (amount_stroops BETWEEN 1 AND 1000000000000000),
    token_count    INTEGER CHECK ((token_count IS NULL) = (kind <> 'token')),
    author         TEXT    NOT NULL CHECK (length(author) > 0),
    at_s           INTEGER NOT NULL,
    state          TEXT    NOT NULL DEFAULT 'local' CHECK (state IN ('local', 'on_chain', 'refused', 'void')),
    reason         TEXT,                      -- why it was refused, or who found it on chain
    outbox_id      INTEGER REFERENCES outbox, -- what carries it, or carried it
    CHECK ((state = 'refused') <= (reason IS NOT NULL))
) STRICT;
CREATE INDEX local_credit_local ON local_credit (meter_point_id, amount_stroops) WHERE state = 'local';
CREATE INDEX local_credit_carried ON local_credit (outbox_id) WHERE outbox_id IS NOT NULL;
CREATE INDEX local_credit_cash ON local_credit (author, at_s) WHERE kind = 'cash';
CREATE UNIQUE INDEX local_credit_token ON local_credit (meter_point_id, token_count)
    WHERE token_count IS NOT NULL;

-- A payment taken back: its counter-entry, with a receipt of its own in the same series.
CREATE TABLE local_void (
    receipt INTEGER PRIMARY KEY,
    series  INTEGER NOT NULL,
    voided  INTEGER NOT NULL UNIQUE REFERENCES local_credit,
    author  TEXT    NOT NULL CHECK (length(author) > 0),
    reason  TEXT    NOT NULL CHECK (length(reason) > 0),
    at_s    INTEGER NOT NULL
) STRICT;

-- Every receipt's number, so that none is given twice and none is left out.
CREATE VIEW last_receipt AS
SELECT MAX(IFNULL((SELECT MAX(receipt) FROM local_credit), 0),
           IFNULL((SELECT MAX(receipt) FROM local_void), 0)) AS receipt;
CREATE TRIGGER local_credit_without_holes BEFORE INSERT ON local_credit
WHEN NEW.receipt IS NOT (SELECT receipt + 1 FROM last_receipt)
BEGIN SELECT RAISE(ABORT, 'receipts are numbered without holes'); END;
CREATE TRIGGER local_void_without_holes BEFORE INSERT ON local_void
WHEN NEW.receipt IS NOT (SELECT receipt + 1 FROM last_receipt)
BEGIN SELECT RAISE(ABORT, 'receipts are numbered without holes'); END;
CREATE TRIGGER local_credit_begins_local BEFORE INSERT ON local_credit
WHEN NEW.state <> 'local' OR NEW.outbox_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a payment begins local'); END;
CREATE TRIGGER local_credit_keeps_its_amount BEFORE UPDATE OF receipt, series, key, asked, meter_point_id,
    kind, amount_stroops, token_count, author, at_s ON local_credit
BEGIN SELECT RAISE(ABORT, 'a payment is never changed'); END;
CREATE TRIGGER local_credit_is_answered_once BEFORE UPDATE ON local_credit WHEN OLD.state <> 'local'
BEGIN SELECT RAISE(ABORT, 'a payment is answered once'); END;
CREATE TRIGGER local_credit_void_has_entry BEFORE UPDATE OF state ON local_credit
WHEN NEW.state = 'void' AND (OLD.outbox_id IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM local_void WHERE voided = OLD.receipt))
BEGIN SELECT RAISE(ABORT, 'only a payment that nothing carries is taken back'); END;
CREATE TRIGGER local_credit_never_goes BEFORE DELETE ON local_credit
BEGIN SELECT RAISE(ABORT, 'a payment is never deleted'); END;
CREATE TRIGGER local_void_never_changes BEFORE UPDATE ON local_void
BEGIN SELECT RAISE(ABORT, 'a counter-entry is never changed'); END;
CREATE TRIGGER local_void_never_goes BEFORE DELETE ON local_void
BEGIN SELECT RAISE(ABORT, 'a counter-entry is never deleted'); END;

-- What was put in the outbox for the contract's `credit`: one sum per meter, ascending by slot.
CREATE TABLE credit (
    outbox_id       INTEGER PRIMARY KEY REFERENCES outbox,
    site            INTEGER NOT NULL,
    sequence        INTEGER NOT NULL CHECK (sequence > 0),
    previous_digest TEXT    NOT NULL,         -- hex
    digest          TEXT    NOT NULL,         -- hex
    state           TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'applied', 'given_up'))
) STRICT;
CREATE UNIQUE INDEX credit_sequence ON credit (site, sequence) WHERE state <> 'given_up';

CREATE TABLE credit_item (
    outbox_id      INTEGER NOT NULL REFERENCES credit,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    amount_stroops INTEGER NOT NULL CHECK (amount_stroops > 0),
    PRIMARY KEY (outbox_id, meter_point_id)
) STRICT, WITHOUT ROWID;

-- The site's float as the contract last said, written with the records of the same ledger: a payment
-- is 'local' exactly as long as those records do not hold it.
CREATE TABLE chain_float (
    site            INTEGER PRIMARY KEY,
    balance         INTEGER NOT NULL,         -- stroops
    sequence        INTEGER NOT NULL,
    previous_digest TEXT    NOT NULL,
    digest          TEXT    NOT NULL,
    credited        INTEGER NOT NULL,         -- stroops, by the last credit
    refused         INTEGER NOT NULL,
    total_credited  INTEGER NOT NULL,
    closed_s        INTEGER NOT NULL,
    ledger          INTEGER NOT NULL,
    as_of_s         INTEGER NOT NULL
) STRICT;

-- Which tokens of a meter point were used. Frozen: a restored copy may have forgotten some.
CREATE TABLE token_state (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    counter        INTEGER NOT NULL DEFAULT 0 CHECK (counter >= 0),
    used           TEXT    NOT NULL DEFAULT '[]',  -- JSON: counts at or shortly before the counter
    frozen         INTEGER NOT NULL DEFAULT 0 CHECK (frozen IN (0, 1)),
    day            TEXT    NOT NULL DEFAULT '',    -- the village's day that day_units are of
    day_units      INTEGER NOT NULL DEFAULT 0 CHECK (day_units >= 0)
) STRICT;
CREATE TRIGGER token_counter_never_falls BEFORE UPDATE OF counter ON token_state
WHEN NEW.counter < OLD.counter
BEGIN SELECT RAISE(ABORT, 'a counter of tokens never falls'); END;

-- Wrong tokens, by who entered them; the client '*' stands for all that never entered a right one.
CREATE TABLE token_attempt (
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    client         TEXT    NOT NULL,
    wrong          INTEGER NOT NULL CHECK (wrong >= 0),
    last_s         INTEGER NOT NULL,
    proven         INTEGER NOT NULL DEFAULT 0 CHECK (proven IN (0, 1)),
    PRIMARY KEY (meter_point_id, client)
) STRICT, WITHOUT ROWID;
