"""The default store: one SQLite file, one writer, an fsync per transaction.

It knows SQL, files and the ways in which a disk fails; it never decides what a room
does. `store.open_sqlite_store` opens it.

=============  =====================================================================
module         what it knows
=============  =====================================================================
store          puts the others together behind the `Store` protocol
connection     one connection in its thread; opened again after it has failed
writer         group commit: many jobs, one transaction
readers        a few connections that only read, each call in one snapshot
wal            SQLite's log: copied on in time, and renewed after trouble
schema         the numbered migrations
errors         SQLite's errors as those of `argybargy.store.errors`
tables         the statements, one noun a file
search         the index of words, and queries on it
backup         copies: taken, verified, and restored
=============  =====================================================================

The functions that touch SQL are synchronous, take an open connection, and run in its
thread: a transaction is one hop there and back, however many statements it has.
"""
