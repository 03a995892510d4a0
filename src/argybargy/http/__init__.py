"""HTTP/1.1 server for any ASGI app, with bounds and deadlines for every client.

It never knows what a room or a relay is: the bodies and header fields of its error
responses come from the caller. `server.HttpServer` serves connections and `connection`
is the state machine of one; `exchange` is one request and its response as ASGI sees
them, `stream` the buffered bytes with their deadlines. `request_head`, `request_body`
and `response` parse and render messages, `tls` shuts TLS down, `endpoints` names both
ends of a stream, `limits` holds the bounds, `isolation` contains exceptions, and `asgi`
has the types.
"""
