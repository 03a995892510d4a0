"""The commands, one file a topic.

A command reads options, calls a client and prints; all decisions are the relay's. A
module is imported when its command is typed: `argybargy.cli.registry` maps commands to
functions.
"""
