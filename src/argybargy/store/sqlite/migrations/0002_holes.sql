-- Ranges of seqs above `first` without a message, as [[first, last], ...]: a restored
-- room skips them, so that no seq is reused.
ALTER TABLE rooms ADD COLUMN holes TEXT NOT NULL DEFAULT '[]';
