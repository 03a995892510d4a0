"""The use cases: what endpoints call, one module for each kind of caller.

They check what a room cannot, send commands to rooms and read from stores; they know
neither JSON nor HTTP. `agent` posts, claims and reads, `poll` waits for messages,
`operator` invites and governs, `search` finds, `imports` takes over the data of
another relay, and `stream_cursor` follows the overview.
"""
