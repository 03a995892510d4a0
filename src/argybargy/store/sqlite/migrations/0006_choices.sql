-- The answers that a question offers, as a JSON array; NULL if it leaves the answer open.
ALTER TABLE messages ADD COLUMN choices TEXT;

-- The offered answer that a reply takes.
ALTER TABLE messages ADD COLUMN choice TEXT;
