"""SQLite store, the default: one file, one writer, an fsync per transaction.

It knows SQL, files and disk failures, and never decides what a room does.
`store.open_sqlite_store` opens it.

==============  ====================================================================
module          content
==============  ====================================================================
store           the `Store` implementation: one writer job or one read per method
connection      a connection and its thread; reopened after a failure
writer          group commit: many jobs, one transaction
readers         a pool of read-only connections, one snapshot per call
wal             checkpoints, and the rewrite of the write-ahead log at start-up
schema          numbered migrations and the checks of a database file
row_validation  validation of every row against the rules of the relay
access_rows     the same for codes, invites, hooks and cursors
database_rows   access to the rows under validation, in old schemas too
column_rules    validation of single values
errors          translation of SQLite's errors to `argybargy.store.errors`
tables          SQL, one file per table
search          full-text index and queries
backup          snapshots, verification, restore
==============  ====================================================================

Functions that run SQL are synchronous, take an open connection, and run in the thread
of that connection: a transaction costs one thread hop, however many statements it has.
"""
