-- Messages that have got another addressee since they were stored. The search index, in a
-- file of its own, indexes them again; it keeps the last id that it has handled, so ids
-- are never used twice.
CREATE TABLE readdressed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER NOT NULL
) STRICT;

CREATE INDEX readdressed_by_message ON readdressed (message_id);

-- URLs that the relay calls for agents that cannot wait. By room name, as codes are. The
-- key signs the calls, so it is kept as it is.
CREATE TABLE wake_hooks (
    room TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    url TEXT NOT NULL,
    key TEXT NOT NULL,
    wake TEXT NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
