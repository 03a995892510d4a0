"""Client of the operator API: over HTTP, or offline on the data directory.

It finds the relay, sends requests and turns refusals into errors of the command line;
it never prints. `protocol.Operator` is the interface of both clients, `http` and
`offline` implement it, `locate` chooses one, and `answers` holds typed answers.
"""
