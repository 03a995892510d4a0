"""In-memory store, for ``--ephemeral`` and for tests.

It behaves like the SQLite store and never touches the disk. `store.open_memory_store`
opens one; `room` holds one room of it.
"""
