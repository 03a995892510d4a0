"""Backups of the database: taken while it is in use, verified, and put back.

It knows whole files and never single rooms. `snapshot` makes copies for downloads,
`verify` tells whether a file is a sound database of ours, `restore` puts one in the
place of the database, and `superseded` carries over what must not be given out twice.
"""
