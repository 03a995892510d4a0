-- Who may see what, by reader: somebody who sees little of a long room reads as little
-- of it. Messages to everybody are not in here; an index of their own finds them.
-- A peer that has said something is among those who see it, with `is_own`.
CREATE TABLE addressees (
    room_id INTEGER NOT NULL REFERENCES rooms,
    peer TEXT NOT NULL, -- folded
    seq INTEGER NOT NULL,
    is_own INTEGER NOT NULL,
    reply_to INTEGER,
    PRIMARY KEY (room_id, peer, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX addressees_by_reply ON addressees (room_id, peer, reply_to, seq)
WHERE reply_to IS NOT NULL;

-- With the sender, so that one's own messages are passed over without being read.
CREATE INDEX messages_to_all ON messages (room_id, seq, kind, sender)
WHERE recipients = '["all"]';

DROP INDEX messages_by_reply;
CREATE INDEX messages_by_reply ON messages (room_id, reply_to, seq)
WHERE reply_to IS NOT NULL AND recipients = '["all"]';

INSERT OR IGNORE INTO addressees
SELECT room_id, lower(value), seq,
    kind = 'agent' AND lower(sender) = lower(value), reply_to
FROM messages, json_each(recipients) WHERE recipients <> '["all"]';

INSERT OR IGNORE INTO addressees
SELECT room_id, lower(sender), seq, 1, reply_to
FROM messages WHERE kind = 'agent' AND recipients <> '["all"]';
