"""Use cases that endpoints call, one module for each kind of caller.

They check what spans rooms, send commands to room tasks and read from stores; they
know neither JSON nor HTTP. `agent` posts, claims and reads, `poll` waits for messages,
`operator` invites, revokes and closes, `search` finds, `imports` adds the data of
another relay, and `stream_cursor` follows the overview.
"""
