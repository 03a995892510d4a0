-- Digests of revoked codes, so that no restore or import brings one back. Never pruned:
-- one row of 32 bytes per revoked code.
CREATE TABLE revoked (
    digest BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
