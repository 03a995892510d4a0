"""HTTP clients of the proofs.

They speak the wire protocol as strangers would, and import nothing of the relay.
`connection` keeps one connection, `messages` builds requests and parses answers, and
`raw` sends bytes as they are and behaves badly.
"""
