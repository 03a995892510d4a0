"""Moves of a relay between SQLite and PostgreSQL, and backups of PostgreSQL.

============= ======================================================================
`marks`       the mark of a place that a relay has moved from
`tables`      the tables and columns that both stores have
`sqlite_side` reads and writes those tables in a SQLite file
`postgres_side` the same in a PostgreSQL database, and its mark
`copying`     copies all tables, and compares the copies row by row
`move`        both moves
`backup`      a backup of a database in use
============= ======================================================================

A move is one transaction of PostgreSQL, or the rename of one finished file. All but
`marks` import psycopg, or what imports it, or SQLite: import them late.
"""
