"""Instructions and files for agents.

It knows the words of the relay's own documentation for agents and the clients that can
be set up; it never writes a file or asks a relay. `instructions` makes the instructions and
the text of ``/llms.txt``, `seat` the credentials file, the listener script and the
instructions of one agent.
"""
