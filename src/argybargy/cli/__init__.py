"""The command line: a client of the operator API, and the way to start a relay.

Nothing here imports a server, a store or Trio, but inside the commands that serve or
that work on the data directory themselves: a command has to start at once.
"""
