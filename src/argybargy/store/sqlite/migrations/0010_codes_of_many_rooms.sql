-- SHA-256 of a code of several rooms, in the rows of all rooms but its first; their own
-- digest is derived from it and the room.
ALTER TABLE codes ADD COLUMN presented BLOB;
