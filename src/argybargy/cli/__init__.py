"""The command line: a client of the operator API, and the way to start a relay.

Nothing here imports a server, a store or Trio, but inside the commands that serve or
that work on the data directory themselves: a command has to start at once. `main` is
the way in, `registry.VERBS` the table of commands, `environment.World` what a command
touches outside itself, `options` what many commands take; `errors` has the exit codes,
`help` and `usage_errors` what is said to the user.
"""
