"""Requests that no HTTP server may accept."""

HOST = b"Host: relay\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an odd method": b"GE\xd1 / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of another protocol": b"DESCRIBE / RTSP/1.0\r\n" + HOST + b"\r\n",
    "no protocol": b"GET / \r\n" + HOST + b"\r\n",
    "another protocol": b"GET / ICAP/1.0\r\n" + HOST + b"\r\n",
    "a long version": b"GET / HTTP/1.11\r\n" + HOST + b"\r\n",
    "an odd byte in the target": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a relative target": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "another scheme": b"GET ftp://a/b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a user in the target": b"GET http://a@b/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "GET of an asterisk": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + HOST + b"\r\n",
    "a host of odd bytes": GET + b"Host: \xff\r\n\r\n",
    "a host of two words": GET + b"Host: a b\r\n\r\n",
    "a user before the host": GET + b"Host: evil:@localhost\r\n\r\n",
    "two users before the host": GET + b"Host: x@y@localhost\r\n\r\n",
    "a port that is no number": GET + b"Host: localhost:x\r\n\r\n",
    "a path behind the host": GET + b"Host: localhost/evil\r\n\r\n",
    "an open bracket in the host": GET + b"Host: [::1\r\n\r\n",
    "a port in the target that is none": b"GET http://a:x/ HTTP/1.1\r\n"
    + HOST
    + b"\r\n",
    "a bare LF after the request line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "a bare LF after a field": GET + b"Host: relay\n\r\n",
    "a bare LF at the end": GET + HOST + b"\n",
    "a bare CR in a field": GET + b"Host: relay\rX: y\r\n\r\n",
    "NUL in a field": GET + HOST + b"X: a\x00b\r\n\r\n",
    "a control character in a field": GET + HOST + b"X: a\x01b\r\n\r\n",
    "an odd field name": GET + HOST + b"X\xff: a\r\n\r\n",
    "a space before the colon": GET + HOST + b"X : a\r\n\r\n",
    "an empty field name": GET + HOST + b": a\r\n\r\n",
    "a field without a colon": GET + HOST + b"abc\r\n\r\n",
    "a folded field": GET + HOST + b"X: a\r\n b\r\n\r\n",
    "a folded first field": GET + b" X: a\r\n" + HOST + b"\r\n",
    "length and coding": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "two lengths that differ": POST
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\na",
    "an empty length": POST + b"Content-Length: \r\n\r\na",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\na",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "not chunked in the end": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a hidden coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"x\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a space": CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
    "a chunk size before a bare LF": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\nabc\r\n",
    "an endless chunk size": CHUNKED + b"0" * 1_000,
    "an odd chunk extension": CHUNKED + b"3;\x01\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it said": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk before a bare LF": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "a chunk that runs into the next": CHUNKED + b"3\r\nabc0\r\n\r\n",
    "a length in the trailer": CHUNKED + b"0\r\nContent-Length: 3\r\n\r\n",
    "an endless trailer": CHUNKED + b"0\r\nX: " + b"y" * 1_000,
}

OTHERS = {
    "HTTP/2 with prior knowledge": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        "version_not_supported",
    ),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, "version_not_supported"),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505, "version_not_supported"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505, "version_not_supported"),
    "a websocket": (
        GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nx",
        501,
        "not_implemented",
    ),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\nx", 501, "not_implemented"),
    "another coding": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
        "not_implemented",
    ),
    "another expectation": (
        POST + b"Expect: miracles\r\nContent-Length: 3\r\n\r\nabc",
        417,
        "expectation_failed",
    ),
    "a long target": (
        b"GET /" + b"x" * 4_096 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        414,
        "url_too_long",
    ),
    "a target without end": (b"GET /" + b"x" * 20_000, 414, "url_too_long"),
    "a large head": (
        GET + HOST + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "a head without end": (GET + b"X: " + b"y" * 20_000, 431, "headers_too_large"),
    "blank lines without end": (b"\r\n" * 10_000, 431, "headers_too_large"),
    "many fields": (
        GET + HOST + b"X: y\r\n" * 64 + b"\r\n",
        431,
        "headers_too_large",
    ),
    "a large body": (
        POST + b"Content-Length: 65537\r\n\r\n",
        413,
        "body_too_large",
    ),
    "a huge body": (
        POST + b"Content-Length: 1000000000000\r\nExpect: 100-continue\r\n\r\n",
        413,
        "body_too_large",
    ),
    "a large chunk": (CHUNKED + b"10001\r\n", 413, "body_too_large"),
    "many chunks": (
        CHUNKED + b"1000\r\n%b\r\n" % (b"x" * 4096) * 17,
        413,
        "body_too_large",
    ),
    "nothing but framing": (
        CHUNKED + (b"1;" + b"x" * 200 + b"\r\ny\r\n") * 4_000,
        413,
        "body_too_large",
    ),
}
CASES = {name: (data, 400, "malformed") for name, data in MALFORMED.items()} | OTHERS
