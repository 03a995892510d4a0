-- Names are ASCII. "C" makes lower() and the order the same on every server.

-- Counters of a room. `version` counts commits; a commit states the one it is based on.
-- A deleted room keeps its row: rows of the other tables with a seq up to `cleared_to`,
-- and commits up to `cleared_version`, are deleted in pieces while `is_clearing`.
-- `turn` is the node that lost a race and goes first until `turn_until`.
CREATE TABLE rooms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    head bigint NOT NULL,
    first bigint NOT NULL,
    fence bigint NOT NULL,
    closed_at_ms bigint,
    closed_by text,
    created_ms bigint NOT NULL,
    last_ms bigint NOT NULL,
    spoken_ms bigint NOT NULL,
    gaps text NOT NULL, -- ranges of seqs without a message, as [[first, last], ...]
    is_deleted boolean NOT NULL,
    cleared_to bigint NOT NULL DEFAULT 0,
    cleared_version bigint NOT NULL DEFAULT 0,
    is_clearing boolean NOT NULL DEFAULT false,
    turn text NOT NULL DEFAULT '',
    turn_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);

-- The newest commits of each room as bytes, for nodes that follow them.
CREATE TABLE commits (
    room_id bigint NOT NULL,
    version bigint NOT NULL,
    nonce text NOT NULL,
    name text NOT NULL, -- of the room, as first spelled
    delta bytea NOT NULL,
    PRIMARY KEY (room_id, version)
);
ALTER TABLE commits ALTER COLUMN delta SET STORAGE EXTERNAL;

-- `id` orders messages over all rooms. Rows below `rooms.first` are hidden from every
-- reader; the sweep deletes them later. `words` has each word of the text once for each
-- scope that may find it, so that a search reads nothing that its reader may not see.
CREATE TABLE messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id bigint NOT NULL,
    seq bigint NOT NULL,
    at_ms bigint NOT NULL,
    sender text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    recipients text[] COLLATE "C" NOT NULL,
    text text NOT NULL,
    expects text NOT NULL,
    reply_to bigint,
    event text,
    claimed_by text,
    fence bigint NOT NULL,
    is_settled boolean NOT NULL,
    resolution text,
    choices text[] NOT NULL,
    choice text,
    is_to_all boolean NOT NULL,
    agent text COLLATE "C", -- key of the sender if it holds a code
    words tsvector NOT NULL,
    UNIQUE (room_id, seq)
) WITH (fillfactor = 90);

CREATE INDEX messages_to_all ON messages (room_id, seq, agent) WHERE is_to_all;
CREATE INDEX messages_by_reply ON messages (room_id, reply_to, seq)
WHERE reply_to IS NOT NULL;
CREATE INDEX messages_by_word ON messages USING gin (words);

-- The peers that may see a message that is not to everybody, its sender too.
CREATE TABLE addressees (
    room_id bigint NOT NULL,
    peer text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    is_own boolean NOT NULL,
    reply_to bigint,
    PRIMARY KEY (room_id, peer, seq)
);
CREATE INDEX addressees_by_seq ON addressees (room_id, seq);

-- Live leases only.
CREATE TABLE claims (
    room_id bigint NOT NULL,
    seq bigint NOT NULL,
    holder text NOT NULL,
    fence bigint NOT NULL,
    seconds bigint,
    expires_ms bigint,
    PRIMARY KEY (room_id, seq)
);

-- Open ones only.
CREATE TABLE questions (
    room_id bigint NOT NULL,
    seq bigint NOT NULL,
    asker text NOT NULL,
    expects text NOT NULL,
    PRIMARY KEY (room_id, seq)
);

CREATE TABLE receipts (
    room_id bigint NOT NULL,
    peer text COLLATE "C" NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    seq bigint NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (room_id, peer, key)
);
CREATE INDEX receipts_by_age ON receipts (room_id, at_ms, seq);

CREATE TABLE members (
    room_id bigint NOT NULL,
    peer text COLLATE "C" NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    last_seq bigint NOT NULL,
    last_ms bigint NOT NULL,
    PRIMARY KEY (room_id, peer)
);

-- Digests only. By room name instead of room_id: a code may be older than its room.
CREATE TABLE codes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    room text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    capabilities text NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint,
    client text NOT NULL,
    model text NOT NULL,
    role text NOT NULL,
    presented bytea
);
CREATE INDEX codes_by_peer ON codes (lower(room), lower(name));

-- Digests of revoked codes, so that no import brings one back.
CREATE TABLE revoked (digest bytea PRIMARY KEY);

CREATE TABLE invites (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    room text COLLATE "C" NOT NULL,
    name text NOT NULL,
    capabilities text NOT NULL,
    client text NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    code_seconds double precision,
    "end" text,
    ended_ms bigint,
    code_key_id text NOT NULL
);

CREATE TABLE cursors (
    room text COLLATE "C" NOT NULL,
    peer text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (room, peer)
);

CREATE TABLE wake_hooks (
    room_key text COLLATE "C" NOT NULL,
    peer text COLLATE "C" NOT NULL,
    room text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    url text NOT NULL,
    key text NOT NULL,
    wake text NOT NULL,
    PRIMARY KEY (room_key, peer)
);

CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    address text NOT NULL,
    device text NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    used_ms bigint NOT NULL,
    token_mark text NOT NULL
);

CREATE TABLE notices (
    id text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL,
    room text COLLATE "C" NOT NULL,
    subject text NOT NULL,
    at_ms bigint NOT NULL,
    told_ms bigint,
    UNIQUE (kind, room, subject)
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms bigint NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    room text NOT NULL,
    detail text NOT NULL,
    tally text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX audit_by_tally ON audit (tally) WHERE tally <> '';

-- Updated by every probe for writability; a row for each node would only grow.
CREATE TABLE probes (id integer PRIMARY KEY, times bigint NOT NULL);
INSERT INTO probes VALUES (1, 0);
