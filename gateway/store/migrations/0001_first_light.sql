-- Instants are integers: *_ms unix milliseconds, *_s unix seconds, both UTC. Energy is Wh, money is
-- token stroops. Readings cluster by time, so a flush of a whole village touches one leaf.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,      -- 'writer': this database's id (32 hex digits), see chain_receipt
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where supply is delivered. Outlives its meters and its occupants; (site, slot) is its id on chain.
CREATE TABLE meter_point (
    meter_point_id  INTEGER PRIMARY KEY,
    label           TEXT    NOT NULL UNIQUE,
    site            INTEGER NOT NULL CHECK (site BETWEEN 0 AND 4294967295),
    slot            INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 4294967295),
    settlement_mode TEXT    NOT NULL CHECK (settlement_mode IN ('prepaid', 'streaming', 'postpaid')),
    max_power_w     INTEGER NOT NULL CHECK (max_power_w > 0),
    critical        INTEGER NOT NULL CHECK (critical IN (0, 1)),
    relay           TEXT    NOT NULL,     -- 'gpio:LINE', 'node:NAME' or 'none'
    UNIQUE (site, slot)
) STRICT;

-- The instrument, replaceable.
CREATE TABLE meter (
    meter_id INTEGER PRIMARY KEY,
    serial   TEXT NOT NULL UNIQUE,
    model    TEXT NOT NULL
) STRICT;

-- Which meter measured which meter point, between dates, at which address ('BUS/UNIT' or 'node/NAME').
CREATE TABLE installation (
    installation_id   INTEGER PRIMARY KEY,
    meter_point_id    INTEGER NOT NULL REFERENCES meter_point,
    meter_id          INTEGER NOT NULL REFERENCES meter,
    address           TEXT    NOT NULL,
    from_s            INTEGER NOT NULL,
    to_s              INTEGER,
    first_register_wh INTEGER,            -- NULL: the first reading starts the count
    last_register_wh  INTEGER
) STRICT;
CREATE UNIQUE INDEX installation_address ON installation (address) WHERE to_s IS NULL;
CREATE UNIQUE INDEX installation_point ON installation (meter_point_id) WHERE to_s IS NULL;
CREATE UNIQUE INDEX installation_meter ON installation (meter_id) WHERE to_s IS NULL;

-- What a meter said. Never changed after it is written.
CREATE TABLE reading (
    read_ms            INTEGER NOT NULL,
    meter_id           INTEGER NOT NULL REFERENCES meter,
    energy_wh          INTEGER NOT NULL,
    voltage_mv         INTEGER,
    current_ma         INTEGER,
    power_mw           INTEGER,
    frequency_mhz      INTEGER,
    power_factor_milli INTEGER,
    quality            INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 3), -- valid estimated suspect missing
    PRIMARY KEY (read_ms, meter_id)
) STRICT, WITHOUT ROWID;

-- Readings taken while the clock was not trusted, until they can be dated.
CREATE TABLE undated_reading (
    boot               TEXT    NOT NULL,
    monotonic_ms       INTEGER NOT NULL,
    meter_id           INTEGER NOT NULL REFERENCES meter,
    energy_wh          INTEGER NOT NULL,
    voltage_mv         INTEGER,
    current_ma         INTEGER,
    power_mw           INTEGER,
    frequency_mhz      INTEGER,
    power_factor_milli INTEGER,
    quality            INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 3),
    PRIMARY KEY (boot, monotonic_ms, meter_id)
) STRICT, WITHOUT ROWID;

-- The checkpoint from which the next reading's usage is counted; written with the readings.
CREATE TABLE register (
    meter_id       INTEGER PRIMARY KEY REFERENCES meter,
    read_ms        INTEGER NOT NULL,
    energy_wh      INTEGER NOT NULL,
    cumulative_wh  INTEGER NOT NULL,      -- all usage counted since installation
    flagged_wh     INTEGER NOT NULL,      -- register movement that is not billed, see event
    power_mw       INTEGER,               -- the latest of each, for the eye and for verifying switches
    voltage_mv     INTEGER,
    candidate_ms   INTEGER,               -- a reading out of line, waiting for the next to confirm it
    candidate_wh   INTEGER
) STRICT;

-- Usage per quarter-hour. claimed_wh: the part that a batch carries; the rest is still to settle.
CREATE TABLE usage (
    start_s        INTEGER NOT NULL CHECK (start_s % 900 = 0),
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    tier           INTEGER NOT NULL CHECK (tier BETWEEN 0 AND 2),
    usage_wh       INTEGER NOT NULL CHECK (usage_wh >= 0),
    claimed_wh     INTEGER NOT NULL DEFAULT 0 CHECK (claimed_wh BETWEEN 0 AND usage_wh),
    estimated_wh   INTEGER NOT NULL DEFAULT 0 CHECK (estimated_wh BETWEEN 0 AND usage_wh),
    PRIMARY KEY (start_s, meter_point_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_unclaimed ON usage (start_s) WHERE usage_wh > claimed_wh;

-- What happened to a register, a bus, a node, a switch: transitions, never states.
CREATE TABLE event (
    event_id       INTEGER PRIMARY KEY,
    at_ms          INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    meter_point_id INTEGER REFERENCES meter_point,
    meter_id       INTEGER REFERENCES meter,
    energy_wh      INTEGER,               -- the energy in question, when there is some
    detail         TEXT    NOT NULL
) STRICT;

-- Transactions to send. The signed envelope is stored before it is sent.
CREATE TABLE outbox (
    outbox_id  INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('batch', 'take_over', 'credit', 'keep')),
    state      TEXT    NOT NULL CHECK (state IN ('pending', 'signed', 'sent', 'confirmed', 'refused')),
    envelope   TEXT,                      -- base64 XDR, from 'signed' on
    tx_hash    TEXT,
    valid_until_s INTEGER,                -- the envelope's time bound, in ledger time
    attempts   INTEGER NOT NULL DEFAULT 0,
    fee_stroops INTEGER,                  -- charged, once confirmed
    ledger     INTEGER,                   -- where it was applied
    message    TEXT,                      -- the last error, in words
    created_s  INTEGER NOT NULL,
    updated_s  INTEGER NOT NULL,
    CHECK ((state IN ('signed', 'sent')) <= (envelope IS NOT NULL AND tx_hash IS NOT NULL AND valid_until_s IS NOT NULL))
) STRICT;
CREATE INDEX outbox_open ON outbox (outbox_id) WHERE state IN ('pending', 'signed', 'sent');

-- One batch of usage, [from_s, to_s), as it was composed; final once written.
CREATE TABLE batch (
    outbox_id       INTEGER PRIMARY KEY REFERENCES outbox,
    site            INTEGER NOT NULL,
    writer          TEXT    NOT NULL,     -- hex
    sequence        INTEGER NOT NULL,
    from_s          INTEGER NOT NULL CHECK (from_s % 900 = 0),
    to_s            INTEGER NOT NULL CHECK (to_s % 900 = 0 AND to_s > from_s),
    price_version   INTEGER NOT NULL,
    previous_digest TEXT    NOT NULL,     -- hex
    digest          TEXT    NOT NULL,     -- hex
    root            TEXT,                 -- hex
    refused         INTEGER NOT NULL DEFAULT 0 CHECK (refused IN (0, 1))  -- set with outbox.state = 'refused'
) STRICT;
CREATE UNIQUE INDEX batch_sequence ON batch (site, sequence) WHERE refused = 0;

CREATE TABLE batch_item (
    outbox_id      INTEGER NOT NULL REFERENCES batch,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    off_peak_wh    INTEGER NOT NULL CHECK (off_peak_wh >= 0),
    standard_wh    INTEGER NOT NULL CHECK (standard_wh >= 0),
    peak_wh        INTEGER NOT NULL CHECK (peak_wh >= 0),
    included_wh    INTEGER NOT NULL CHECK (included_wh >= 0),
    accepted       INTEGER CHECK (accepted IN (0, 1)),  -- NULL until confirmed; 0: residue on chain
    PRIMARY KEY (outbox_id, meter_point_id)
) STRICT, WITHOUT ROWID;

-- Per meter point: what the contract refused for good, and how far it was ahead of us when adopted.
CREATE TABLE settlement (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    residue_wh     INTEGER NOT NULL DEFAULT 0 CHECK (residue_wh >= 0),
    ahead_wh       INTEGER NOT NULL DEFAULT 0 CHECK (ahead_wh >= 0)
) STRICT;

-- What the contract last said, and when that was true (ledger close time).
CREATE TABLE chain_meter (
    meter_point_id   INTEGER PRIMARY KEY REFERENCES meter_point,
    total_wh         INTEGER NOT NULL,
    balance          INTEGER NOT NULL,    -- stroops; negative is arrears
    remainder_milli  INTEGER NOT NULL,    -- thousandths of a stroop
    paid_from_s      INTEGER NOT NULL,
    paid_until_s     INTEGER NOT NULL,
    last_read_s      INTEGER NOT NULL,
    market_credit_wh INTEGER NOT NULL,
    max_power_w      INTEGER NOT NULL,
    plan             INTEGER NOT NULL,
    flags            INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    ledger           INTEGER NOT NULL,
    as_of_s          INTEGER NOT NULL
) STRICT;

CREATE TABLE chain_receipt (
    site             INTEGER PRIMARY KEY,
    writer           TEXT    NOT NULL,
    sequence         INTEGER NOT NULL,
    previous_digest  TEXT    NOT NULL,
    digest           TEXT    NOT NULL,
    from_s           INTEGER NOT NULL,
    to_s             INTEGER NOT NULL,
    price_version    INTEGER NOT NULL,
    accepted_wh      INTEGER NOT NULL,
    residue_wh       INTEGER NOT NULL,
    total_wh         INTEGER NOT NULL,
    total_residue_wh INTEGER NOT NULL,
    closed_s         INTEGER NOT NULL,
    ledger           INTEGER NOT NULL,
    as_of_s          INTEGER NOT NULL
) STRICT;

CREATE TABLE chain_price (
    version          INTEGER PRIMARY KEY,
    effective_from_s INTEGER NOT NULL,
    off_peak         INTEGER NOT NULL,    -- stroops per kWh
    standard         INTEGER NOT NULL,
    peak             INTEGER NOT NULL,
    daily            INTEGER NOT NULL,    -- stroops per plan
    weekly           INTEGER NOT NULL
) STRICT;

CREATE TABLE chain_cursor (
    name   TEXT PRIMARY KEY,              -- the contract's address
    cursor TEXT    NOT NULL,
    ledger INTEGER NOT NULL,
    as_of_s INTEGER NOT NULL              -- close time of the newest ledger looked at
) STRICT, WITHOUT ROWID;

-- Supply: what was decided, why, and what the meter shows of it.
CREATE TABLE supply (
    meter_point_id INTEGER PRIMARY KEY REFERENCES meter_point,
    state          TEXT    NOT NULL CHECK (state IN ('connected', 'disconnected', 'ready_for_reconnection')),
    reason         TEXT    NOT NULL,      -- a Reason of gateway.domain.supply
    decided_ms     INTEGER NOT NULL,
    switched_ms    INTEGER,               -- when the relay was last commanded
    output         TEXT    NOT NULL CHECK (output IN ('confirmed', 'contradicted', 'unconfirmed')),
    output_ms      INTEGER NOT NULL
) STRICT;

CREATE TABLE switch_journal (
    switch_id      INTEGER PRIMARY KEY,
    at_ms          INTEGER NOT NULL,
    meter_point_id INTEGER NOT NULL REFERENCES meter_point,
    command        TEXT    NOT NULL CHECK (command IN ('disconnect', 'reconnect', 'assert')),
    reason         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL CHECK (outcome IN ('done', 'failed')),
    detail         TEXT    NOT NULL
) STRICT;

-- Counters of commands to nodes: a replayed command is an old counter.
CREATE TABLE node_command (
    node    TEXT PRIMARY KEY,
    counter INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the gateway itself is doing: one row per thing that can be away.
CREATE TABLE status (
    name    TEXT PRIMARY KEY,             -- 'bus:NAME', 'broker', 'chain', 'settlement', 'node:NAME'
    state   TEXT    NOT NULL CHECK (state IN ('online', 'offline', 'alarm')),
    since_s INTEGER NOT NULL,
    message TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('writer', lower(hex(randomblob(16))));
