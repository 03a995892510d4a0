"""All live concurrency: room tasks, parked polls, presence, codes in memory.

Nothing here knows SQL or HTTP. What may happen is decided in ``domain``; what has
happened is kept by a ``Store``; this package is where the two meet time.
"""
