"""Where the relay meets the network: sockets, connections, deadlines, shutdown.

Nothing here knows what a room is. A connection turns bytes into calls of any
ASGI 3 app and its messages back into bytes, within limits that hold for every
stranger; the server opens sockets, feeds connections to a handler and sees to it
that they end in order.
"""
