"""The SQL of the tables, one noun a file.

Each function takes an open connection and runs in its thread; none begins or ends a
transaction, and none catches an error of SQLite. `commit` writes what a room has
decided; `rooms`, `messages`, `codes`, `audit` and `receipts` read, and write what does
not come from a room.
"""
