"""Full-text search in SQLite.

The index is a file of its own beside the database. It can be lost and is rebuilt, so an
error here never fails a post. `index` opens, fills and rebuilds it, `index_tables` has
its SQL, and `query` finds the newest matching messages.
"""
