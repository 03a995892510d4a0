-- Numbers above `first` that no message has, as [[first, last], ...]: what a restored
-- room has left out, so that no number is given twice.
ALTER TABLE rooms ADD COLUMN holes TEXT NOT NULL DEFAULT '[]';
