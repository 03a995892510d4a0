"""Instructions and files for agents.

It knows the words of the relay's own documentation for agents and the clients that can
be set up; it never writes a file or asks a relay. `instructions` has the texts of the
manual, of invitations and of ``/llms.txt``; `seat` makes the credentials file, the
listener script and the instructions of one agent.
"""
