"""An HTTP/1.1 server: bytes to ASGI and back, under limits and deadlines.

It serves any ASGI app and knows nothing of rooms: the texts and the header fields of
its refusals are given to it. `server.HttpServer` serves connections, `connection` is
one of them, `exchange` one request on it, `stream` its bytes; `request_head`,
`request_body` and `response` are the parts of a message, `tls` closes in order,
`endpoints` names both ends, `limits` holds the bounds, `isolation` keeps mishaps
within a connection, and `asgi` has the types.
"""
