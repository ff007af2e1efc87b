-- How many RPC servers said what chain_meter holds of a meter point: 1, or 2 when a second one was
-- asked and agreed. Supply cuts many at once only on the word of two (chain.rpc has to name two).
CREATE TABLE chain_witness (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    witnesses      INTEGER NOT NULL CHECK (witnesses >= 1)
) STRICT;

-- What an outbox row of the kind 'keep' does. Doing it twice is harmless.
CREATE TABLE keep (
    outbox_id INTEGER PRIMARY KEY REFERENCES outbox,
    task      TEXT NOT NULL CHECK (task IN ('extend', 'execute', 'reschedule')),
    ids       TEXT NOT NULL               -- JSON: which payments; none to extend
) STRICT;

-- What the chain had counted before this database began, and what it will never see usage of:
-- claimed + ahead + adopted = chain total + residue + sent.
ALTER TABLE settlement ADD COLUMN adopted_wh INTEGER NOT NULL DEFAULT 0 CHECK (adopted_wh >= 0);
