-- The peers that may see each message, so that a read costs in proportion to the messages
-- visible to its reader. Messages to everybody are left out; `messages_to_all` finds them.
-- The sender of a message has a row too, with `is_own`.
CREATE TABLE addressees (
    room_id INTEGER NOT NULL REFERENCES rooms,
    peer TEXT NOT NULL, -- case-folded
    seq INTEGER NOT NULL,
    is_own INTEGER NOT NULL,
    reply_to INTEGER,
    PRIMARY KEY (room_id, peer, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX addressees_by_reply ON addressees (room_id, peer, reply_to, seq)
WHERE reply_to IS NOT NULL;

-- Includes the sender, so that a reader's own messages are skipped within the index.
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
