"""Tunnel to the relay: runs the program that opens it, and restarts it.

It starts the program that the operator names and reads the public URL from its output;
it never knows a provider's protocol. `tunnel` supervises the program, `command` builds
its command line and finds the URL in its output.
"""
