"""Bounds and deadlines of the HTTP server, for any app.

The relay passes its own `body_bytes`, which `argybargy.domain.limits` defines.
"""

from argybargy.system.values import frozen


@frozen
class ConnectionLimits:
    """Bounds and deadlines of connections.

    Deadlines are checked once a second, so that each may be late by as much.

    Attributes:
        head_bytes: Largest request head, request line and blank lines included.
        head_fields: Maximum header fields in one request head.
        url_bytes: Longest request target.
        body_bytes: Largest request body. A larger declared length is refused before
            any of the body is read, a chunked body once it exceeds this size.
        chunk_line_bytes: Longest line of the chunked coding: a size with its
            extensions, or a trailer field.
        head_seconds: Time from the first byte of a request head to its last.
        body_seconds: Time from the app's first read of the body to its last byte.
        idle_seconds: Longest wait for the next request on a connection.
        write_seconds: Longest time in which a client accepts no bytes of a response.
        connections: Maximum connections at once, TLS handshakes included.
        connections_per_address: Maximum connections at once from one IPv4 address or
            one IPv6 network of 64 bits; loopback and trusted proxies are exempt.
        refusals: Maximum connections beyond those two bounds that get a response at
            the same time. Any further one, and any with TLS, is just closed.
        retry_after_seconds: ``Retry-After`` of a refused connection.
        read_ahead_bytes: Bytes of pipelined requests that are buffered while a
            response is in progress. One read may exceed this by up to 64 KiB.
        watch_seconds: Interval at which slow requests are looked for. A request that
            has run for one to two intervals is cancelled when its client leaves.
        linger_seconds: Longest time for which bytes that arrive after the last
            response are discarded, before the socket closes.
        linger_bytes: Maximum bytes discarded in that time.
    """

    head_bytes: int = 16 * 1024
    head_fields: int = 64
    url_bytes: int = 4 * 1024
    body_bytes: int = 64 * 1024
    chunk_line_bytes: int = 256
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    idle_seconds: float = 75.0
    write_seconds: float = 10.0
    connections: int = 24_000
    connections_per_address: int = 256
    refusals: int = 64
    retry_after_seconds: int = 5
    read_ahead_bytes: int = 16 * 1024
    watch_seconds: float = 0.1
    linger_seconds: float = 1.0
    linger_bytes: int = 256 * 1024
