-- Events that the operator is notified about, so that each is told once. By room key; the
-- subject is the number of a question, the name of an agent, or those of two.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    room TEXT NOT NULL COLLATE NOCASE,
    subject TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    told_ms INTEGER,
    UNIQUE (kind, room, subject)
) STRICT;
