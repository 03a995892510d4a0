"""What one connection may cost, and for how long."""

import attrs


@attrs.frozen
class ConnectionLimits:
    """Every bound of the connection layer.

    The deadlines are looked at once a second, so each may run over by as much.

    Attributes:
        head_bytes: Largest request head, request line and blank lines included.
        head_fields: Most header fields in one head.
        url_bytes: Longest request target.
        body_bytes: Largest request body. A larger declared one is refused before
            any of it is read, a chunked one as soon as it grows past this.
        chunk_line_bytes: Longest line of the chunked coding: a size with its
            extensions, or a trailer field.
        head_seconds: Time from the first byte of a head to its last.
        body_seconds: Time from the app's first wish for the body to its last byte.
        idle_seconds: How long a connection may wait for its next request.
        write_seconds: How long a client may take nothing of an answer.
        connections: Most connections at once, those that still shake hands included.
        connections_per_address: Most connections of one address, or one IPv6
            network of 64 bits, at once, except for loopback and trusted proxies.
        refusals: Most connections above those two bounds that are told why; any
            further one is closed without a word, and so is any with TLS.
        retry_after_seconds: What a refused connection is told to wait.
        read_ahead_bytes: While an answer is under way, no more is read of the
            requests behind it once this much of them is here. Bytes are read up to
            64 KiB at a time, so that it may be as much more.
        watch_seconds: How often requests are looked over for slow ones. The
            client of one that has run for between once and twice this time is
            watched, and the request cancelled when that client leaves.
        linger_seconds: How long, after a last answer that may cross with bytes
            still under way, those bytes are thrown away before the socket closes.
        linger_bytes: How many of them.
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
    connections: int = 12_000
    connections_per_address: int = 256
    refusals: int = 64
    retry_after_seconds: int = 5
    read_ahead_bytes: int = 16 * 1024
    watch_seconds: float = 0.1
    linger_seconds: float = 1.0
    linger_bytes: int = 256 * 1024
