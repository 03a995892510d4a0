-- A deleted room keeps its row: head, fence and last_ms, so that a room created under the
-- same name continues after them. Rows of the other tables with a seq up to `cleared_to`
-- belong to a deleted room; they are deleted in pieces while `is_clearing` is 1.
ALTER TABLE rooms ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN cleared_to INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN is_clearing INTEGER NOT NULL DEFAULT 0;

-- The highest id of a message deleted with its room. The search index refers to messages
-- by id, so ids are not reused; SQLite would reuse the highest ones.
CREATE TABLE message_ids (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    newest INTEGER NOT NULL
) STRICT;

INSERT INTO message_ids VALUES (1, 0);
