"""The default store: one SQLite file, one writer, an fsync per transaction.

=============  =====================================================================
module         what it knows
=============  =====================================================================
store          puts the others together behind the `Store` protocol
directory      the files: where, whose, and that no second server uses them
connection     one connection in its thread; opened again after it has failed
writer         group commit: many jobs, one transaction
readers        a few connections that only read, each call in one snapshot
log            SQLite's log: copied on in time, and renewed after trouble
schema         the numbered migrations
checking       whether a file is a whole database of ours
restoring      a backup in the place of the database
snapshots      copies of the whole file, while it is in use
commits        what a commit writes
rooms          rooms as they are read
messages       how a message becomes a row, and how messages are read
receipts       what idempotency keys were used for
codes          access codes, and the cursors of those who hold them
audit          who did what
errors         SQLite's errors in the words of `argybargy.store.errors`
=============  =====================================================================

The functions that touch SQL are synchronous, take an open connection, and run in
its thread: a transaction is one hop there and back, however many statements it has.
"""
