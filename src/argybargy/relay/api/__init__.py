"""Use cases that endpoints call, one module for each kind of caller.

They check what spans rooms, send commands to room tasks and read from stores; they
know neither JSON nor HTTP. `posting` posts, for agents and the operator; `agent` claims
and reads, `poll` waits for messages, and `claim_renewal` renews the claims of a peer
that waits. `operator` invites, revokes and closes, `search` finds, `imports` adds the
data of another relay, and `stream_cursor` follows the overview.
"""
