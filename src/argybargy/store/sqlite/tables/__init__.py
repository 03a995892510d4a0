"""SQL of the tables, one file per table, with reads beside writes.

Every function takes an open connection and runs in the thread of that connection. None
begins or ends a transaction, and none catches SQLite's errors. `commit` dispatches the
writes of a room to the tables.
"""
