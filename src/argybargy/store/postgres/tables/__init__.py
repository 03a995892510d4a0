"""SQL of the tables: reads, and the writes that do not belong to a commit of a room.

Every function takes an open connection and runs in a worker thread. None begins or ends
a transaction, and none catches PostgreSQL's errors.
"""
