-- Counters of a room. `version` counts commits; a commit states the one it is based on.
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    version INTEGER NOT NULL,
    head INTEGER NOT NULL,
    first INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    closed_at_ms INTEGER,
    closed_by TEXT,
    created_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    spoken_ms INTEGER NOT NULL
) STRICT;

-- `id` orders messages over all rooms. Rows below `rooms.first` are hidden from every
-- reader; the sweep deletes them later.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL REFERENCES rooms,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    recipients TEXT NOT NULL, -- a JSON array, so that '"name"' is found exactly
    text TEXT NOT NULL,
    expects TEXT NOT NULL,
    reply_to INTEGER,
    event TEXT,
    claimed_by TEXT,
    fence INTEGER NOT NULL,
    is_settled INTEGER NOT NULL,
    UNIQUE (room_id, seq)
) STRICT;

CREATE INDEX messages_by_reply ON messages (room_id, reply_to, seq)
WHERE reply_to IS NOT NULL;

-- Live leases only.
CREATE TABLE claims (
    room_id INTEGER NOT NULL REFERENCES rooms,
    seq INTEGER NOT NULL,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    seconds INTEGER,
    PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;

-- Open ones only.
CREATE TABLE questions (
    room_id INTEGER NOT NULL REFERENCES rooms,
    seq INTEGER NOT NULL,
    asker TEXT NOT NULL,
    expects TEXT NOT NULL,
    PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL REFERENCES rooms,
    peer TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (room_id, peer, key)
) STRICT;

CREATE INDEX receipts_by_age ON receipts (room_id, at_ms, seq);

CREATE TABLE members (
    room_id INTEGER NOT NULL REFERENCES rooms,
    peer TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (room_id, peer)
) STRICT, WITHOUT ROWID;

-- Digests only. By room name instead of room_id: a code may be older than its room.
CREATE TABLE codes (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    room TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    capabilities TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    client TEXT NOT NULL,
    model TEXT NOT NULL
) STRICT;

CREATE INDEX codes_by_peer ON codes (room, name);

CREATE TABLE cursors (
    room TEXT NOT NULL COLLATE NOCASE,
    peer TEXT NOT NULL COLLATE NOCASE,
    seq INTEGER NOT NULL,
    PRIMARY KEY (room, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    room TEXT NOT NULL,
    detail TEXT NOT NULL,
    tally TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX audit_by_tally ON audit (tally) WHERE tally <> '';

-- Updated by every probe for writability.
CREATE TABLE probes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    times INTEGER NOT NULL
) STRICT;

INSERT INTO probes VALUES (1, 0);
