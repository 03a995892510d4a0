"""A store in memory, for ``--ephemeral`` and for tests.

It keeps what the SQLite store keeps and finds what that one finds, and it never
touches the disk. `store.open_memory_store` opens one; `room` holds one room of it.
"""
