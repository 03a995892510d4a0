-- What nodes share besides rooms.

-- Counts the changes of codes, invites, sessions, wake hooks, notices and settings.
-- A transaction updates it last, so that no two wait for each other.
CREATE TABLE directory (id integer PRIMARY KEY, version bigint NOT NULL);
INSERT INTO directory VALUES (1, 0);

CREATE TABLE settings (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);

-- What one node does for all, until the time it has for that.
CREATE TABLE duties (
    duty text COLLATE "C" PRIMARY KEY,
    node text NOT NULL,
    until timestamptz NOT NULL
);

-- Nodes and who is present there. A server that crashes empties both tables; then a
-- node learns that it is not known, and stores all its seats again.
CREATE UNLOGGED TABLE nodes (
    node text COLLATE "C" PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    record bytea -- what it says of itself, as JSON
);
CREATE UNLOGGED TABLE seats (
    node text COLLATE "C" NOT NULL,
    room text COLLATE "C" NOT NULL,
    peer text COLLATE "C" NOT NULL,
    seat bytea NOT NULL, -- as JSON
    PRIMARY KEY (node, room, peer)
);
CREATE INDEX seats_by_room ON seats (room);
