"""Backups: snapshots of a database in use, verification, and restore.

This package handles whole files and never single rooms. `snapshot` makes copies for
download, `verify` checks a database file, `restore` replaces the database by a backup,
`superseded` reads the seqs, fences and revocations to carry over from it, and
`database_files` copies backups and sets the replaced database aside.
"""
