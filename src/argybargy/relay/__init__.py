"""All live concurrency: room tasks, parked polls, presence, codes in memory.

Nothing here knows SQL or HTTP. What may happen is decided in `argybargy.domain`; what
has happened is kept by a store; this package is where the two meet time. `relay.Relay`
is the registry of live rooms, with housekeeping and drain; `write_behind` buffers
cursors and audit rows, `offboarding` dismisses peers without a valid code, and
`store_errors` turns a store's failures into refusals. `room`, `access`, `overview` and
`api` are packages of their own.
"""
