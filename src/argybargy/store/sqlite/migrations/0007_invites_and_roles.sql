-- One-use invites, as digests. Ended ones are kept for a while, so that a late joiner is
-- told why; `end` is NULL, 'used' or 'revoked'.
CREATE TABLE invites (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    room TEXT NOT NULL,
    name TEXT NOT NULL, -- empty: the joiner chooses
    capabilities TEXT NOT NULL,
    client TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    code_seconds REAL,
    end TEXT,
    ended_ms INTEGER,
    code_key_id TEXT NOT NULL
) STRICT;
