-- What a batch rests on and what became of it, so that a bill is followed from the meter to the
-- contract years later: see gateway.domain.commitments and gateway.domain.parts.

ALTER TABLE batch ADD COLUMN contract TEXT;      -- whose digest it is in; NULL: composed before this
ALTER TABLE batch ADD COLUMN network_id BLOB;    -- SHA-256 of the network's passphrase
ALTER TABLE batch ADD COLUMN commitment BLOB;    -- what the root is made of; NULL: no root

ALTER TABLE batch_item ADD COLUMN parts BLOB;    -- which quarter-hour's usage went where
ALTER TABLE batch_item ADD COLUMN total_wh INTEGER;         -- the contract's record once it was in,
ALTER TABLE batch_item ADD COLUMN balance INTEGER;          -- as this gateway read it then
ALTER TABLE batch_item ADD COLUMN remainder_milli INTEGER;

-- The contract's receipt for a batch or, of a take-over, the one that was adopted. Of the last one
-- chain_receipt says the same.
CREATE TABLE kept_receipt (
    outbox_id        INTEGER PRIMARY KEY REFERENCES outbox,
    site             INTEGER NOT NULL,
    sequence         INTEGER NOT NULL,
    digest           BLOB    NOT NULL CHECK (length(digest) = 32),
    root             BLOB    NOT NULL CHECK (length(root) = 32),
    to_s             INTEGER NOT NULL,
    accepted_wh      INTEGER NOT NULL,
    residue_wh       INTEGER NOT NULL,
    total_wh         INTEGER NOT NULL,
    total_residue_wh INTEGER NOT NULL,
    closed_s         INTEGER NOT NULL,
    ledger           INTEGER NOT NULL
) STRICT;

-- What a take-over took from the chain's totals, by meter point.
CREATE TABLE adopted (
    outbox_id       INTEGER NOT NULL REFERENCES outbox,
    meter_point_id  INTEGER NOT NULL REFERENCES meter_point,
    total_wh        INTEGER NOT NULL,    -- on chain then
    balance         INTEGER NOT NULL,
    remainder_milli INTEGER NOT NULL,
    ahead_wh        INTEGER NOT NULL,    -- of it, not yet seen in the store
    parts           BLOB,                -- of it, claimed here; NULL: all claims were said anew
    PRIMARY KEY (outbox_id, meter_point_id)
) STRICT, WITHOUT ROWID;
