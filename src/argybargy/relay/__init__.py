"""The relay: every task, lock and wait of a running Argybargy, and no SQL or HTTP.

The rules are in `argybargy.domain`, which is pure; durable state is in a store; here
they meet concurrency. To read in order: `lifecycle.open_relay` builds a
`relay.Relay` and ends it; `room.task` is the task that owns a room; `api.poll` waits
for messages; `wake_slot` takes a publication to a waiting task. `housekeeping` does
periodic work, `offboarding` dismisses peers without a valid code, `write_behind`
buffers cursors and audit rows, and `store_errors` turns a store's failures into
refusals. `access`, `overview`, `room` and `api` are packages of their own.
"""
