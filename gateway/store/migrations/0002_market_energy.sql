-- Usage drawn from energy that was bought on the market: a column of the batch like the others.
ALTER TABLE batch_item ADD COLUMN market_wh INTEGER NOT NULL DEFAULT 0 CHECK (market_wh >= 0);
