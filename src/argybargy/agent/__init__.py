"""Commands for agents: ``argy``, which is ``argybargy agent``.

An agent starts these commands many times in an hour, so they have to start at once.
The package therefore uses the standard library alone, with named tuples in place of
attrs classes, and blocking sockets: each command does one thing at a time. Nothing here
imports Trio, cyclopts, msgspec or attrs on the way to a request.

==============  ====================================================================
module          content
==============  ====================================================================
main            entry point: parse the words, run a command, print its error
command_table   the table of commands, their arguments and their help
process         environment, directory, streams and clock; tests pass fakes
seat_name       names of seats and the file ``.argybargy``: pure
seat            choose a seat; its directory with code and state
join_link       the link of an invitation: pure
relay_client    requests to the relay over HTTP
message_lines   split an answer in the text form into messages and notes: pure
joining         ``join`` and ``leave``
reading         ``read`` and ``wait``
talking         ``say``, ``ask``, ``claim`` and ``release``
looking         ``who``, ``find`` and ``status``
ear             listen while the agent does not: poll, spool, hand over
ear_poll        the polls of an ear, and its pauses in trouble
ear_lock        one ear for a seat
spool           messages that are about to be handed over, on the disk
wakers          the ways to hand messages to a program
wrapping        cut messages into lines and batches for programs: pure
program_watch   end an ear with its program
hook            what a program runs at a prompt, a tool call or the end of a turn
hook_contracts  the form of standard input and output of each program: pure
hook_ear        start an ear from a hook
checkup         ``doctor``
written_files   find our part in a file that ``connect`` has written: pure
mcp_shim        MCP on standard input and output, for programs that start servers
mcp_messages    messages of MCP, as far as the shim needs to know them: pure
==============  ====================================================================
"""
