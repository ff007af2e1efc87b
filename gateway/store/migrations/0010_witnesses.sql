-- How many RPC servers said the same of a record: 1, or 2 when a second one was asked. Supply cuts
-- many at once only on the word of two (chain.rpc has to name two).
ALTER TABLE chain_meter ADD COLUMN witnesses INTEGER NOT NULL DEFAULT 1 CHECK (witnesses >= 1);
