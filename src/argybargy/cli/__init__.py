"""Command line: a client of the operator API, and the commands that run a relay.

Server, store and Trio are imported only by the commands that need them, because a
command has to start at once. `main` is the entry point, `registry.VERBS` the table of
commands, `environment.Environment` the streams, settings and relay that a command uses,
`options` the shared options; `errors` holds the exit codes, `help` and `usage_errors`
the texts of the parser.
"""
