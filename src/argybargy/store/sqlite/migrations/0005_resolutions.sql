-- The end of a question as a JSON array: answered or withdrawn, the peer's name, the time,
-- the answering message, the reason. NULL for open questions and other messages.
ALTER TABLE messages ADD COLUMN resolution TEXT;

-- Until now a question that was not open counted as answered, by whatever message. It
-- stays answered. All operators are one asker, who does not ask itself.
UPDATE messages SET resolution = json_array(
    'answered', coalesce(claimed_by, ''), at_ms, NULL, ''
) WHERE kind <> 'system'
    AND lower(expects) NOT IN ('none', lower(sender))
    AND NOT (kind = 'operator' AND lower(expects) = 'operator')
    AND NOT EXISTS (
        SELECT 1 FROM questions
        WHERE questions.room_id = messages.room_id AND questions.seq = messages.seq
    );

-- The claim on an answered question is permanent, and on an open one temporary.
UPDATE messages SET is_settled = 1
WHERE resolution IS NOT NULL AND claimed_by IS NOT NULL;

DELETE FROM claims WHERE EXISTS (
    SELECT 1 FROM messages
    WHERE messages.room_id = claims.room_id AND messages.seq = claims.seq
        AND resolution IS NOT NULL
);

UPDATE messages SET claimed_by = NULL, fence = 0, is_settled = 0
WHERE is_settled = 1 AND resolution IS NULL AND EXISTS (
    SELECT 1 FROM questions
    WHERE questions.room_id = messages.room_id AND questions.seq = messages.seq
);
