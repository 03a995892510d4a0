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

ALTER TABLE codes ADD COLUMN role TEXT NOT NULL DEFAULT 'agent';

-- Until now a person was no peer of a room. Its direct messages are its own.
INSERT OR IGNORE INTO addressees
SELECT room_id, lower(sender), seq, 1, reply_to
FROM messages WHERE kind = 'person' AND recipients <> '["all"]';

UPDATE addressees SET is_own = 1 WHERE EXISTS (
    SELECT 1 FROM messages
    WHERE messages.room_id = addressees.room_id AND messages.seq = addressees.seq
        AND kind = 'person' AND lower(sender) = addressees.peer
);
