"""A tunnel to the relay: the program that opens it, kept running.

It starts the program that the operator names and reads the public address from its
output; it never knows a provider's protocol. `tunnel` keeps it up, `command` builds the
command line and finds the address.
"""
