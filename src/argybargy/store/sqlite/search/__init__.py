"""Full-text search in SQLite.

It keeps an index of words beside the database and asks it; the index can be lost and
is made again, so nothing here may stop a post. `index` fills it in pieces, `query`
finds the newest messages that match.
"""
