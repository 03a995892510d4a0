-- Codes that no longer open anything, so that no backup brings one back. Never pruned:
-- at most one row of 32 bytes for each code that ever was.
CREATE TABLE revoked (
    digest BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
