"""The commands, one file a topic.

A command reads options, calls a client and prints; it decides nothing that the relay
decides. None is imported before it is typed: `argybargy.cli.registry` says which
module holds which command.
"""
