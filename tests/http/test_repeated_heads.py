"""A head with the fields of the one before is parsed as if it were the first."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import RelayError
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_head import HeadParser, RequestHead

LIMITS = ConnectionLimits(head_bytes=200, url_bytes=60)
Outcome = tuple[RequestHead | None, bytes] | str

LINES = [
    b"GET / HTTP/1.1",
    b"GET /messages?since=7&wait=25 HTTP/1.1",
    b"GET /messages?since=8 HTTP/1.1",
    b"POST /messages HTTP/1.1",
    b"DELETE /messages/7/claim HTTP/1.1",
    b"GET //admin/state HTTP/1.1",
    b"GET /a%20b HTTP/1.1",
    b"GET /a?b=%41 HTTP/1.1",
    b"GET /a#b HTTP/1.1",
    b"GET /messages HTTP/1.0",
    b"GET /messages HTTP/1.2",
    b"GET /" + b"x" * 58 + b" HTTP/1.1",
    b"GET /" + b"x" * 60 + b" HTTP/1.1",
    b"GET http://relay/a HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT relay:80 HTTP/1.1",
    b"PLAY /a HTTP/1.1",
    b"get /a HTTP/1.1",
    b"GET  /a HTTP/1.1",
    b"GET /a  HTTP/1.1",
    b"GET /a HTTP/1.1 ",
]
FIELDS = [
    b"Host: relay\r\n\r\n",
    b"Host: relay\r\nAuthorization: Bearer x\r\n\r\n",
    b"Host: relay\r\nAuthorization: Bearer y\r\n\r\n",
    b"Host: relay\r\nContent-Length: 3\r\n\r\n",
    b"Host: relay\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"Host: relay\r\nConnection: close\r\n\r\n",
    b"Host: relay\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    b"Host: relay\r\nX: " + b"y" * 140 + b"\r\n\r\n",
    b"Host: relay\r\n Folded: x\r\n\r\n",
    b"Host: relay\nX: y\r\n\r\n",
]
heads = st.tuples(st.sampled_from(LINES), st.sampled_from(FIELDS))


def parse(parser: HeadParser, data: bytes) -> Outcome:
    try:
        return parser.feed(data)
    except RelayError as error:
        return error.problem.name


@given(
    st.lists(heads, min_size=1, max_size=6), st.sampled_from([b"", b"GET /", b"abc"])
)
def test_each_head_of_a_connection_is_parsed_as_by_a_parser_of_its_own(
    sent: list[tuple[bytes, bytes]], after: bytes
) -> None:
    parser = HeadParser(LIMITS)
    for line, fields in sent:
        data = line + b"\r\n" + fields + after
        outcome = parse(parser, data)
        alone = HeadParser(LIMITS)
        assert outcome == parse(alone, data)
        alone.close()
        head = None if isinstance(outcome, str) else outcome[0]
        if head is None or not head.is_persistent:
            break  # the connection ends
    parser.close()


def test_a_head_in_two_pieces_after_a_whole_one_is_parsed() -> None:
    parser = HeadParser(LIMITS)
    first = b"GET /a HTTP/1.1\r\nHost: relay\r\n\r\n"
    assert isinstance(parse(parser, first), tuple)
    for cut in range(1, len(first)):
        assert parser.feed(first[:cut]) == (None, b"")
        head, rest = parser.feed(first[cut:])
        assert head is not None
        assert (head.path, rest) == ("/a", b"")
        head, rest = parser.feed(first + b"rest")
        assert head is not None
        assert (head.path, rest) == ("/a", b"rest")
    parser.close()


def test_a_repeated_head_has_the_path_and_query_of_its_own_line() -> None:
    parser = HeadParser(LIMITS)
    seen = []
    for number in range(3):
        data = b"GET /messages?since=%d HTTP/1.1\r\nHost: relay\r\n\r\n" % number
        head, _ = parser.feed(data)
        assert head is not None
        seen.append(head)
    assert [head.query for head in seen] == [b"since=0", b"since=1", b"since=2"]
    assert seen[2] == attrs.evolve(seen[0], query=b"since=2")
    assert seen[2].fields is seen[0].fields, "the fields were parsed again"
    parser.close()


@pytest.mark.parametrize("fields", [b"Host: relay\r\n\r\n", b"Host: other\r\n\r\n"])
def test_another_method_is_not_taken_for_the_last_one(fields: bytes) -> None:
    parser = HeadParser(LIMITS)
    parser.feed(b"GET /a HTTP/1.1\r\nHost: relay\r\n\r\n")
    head, _ = parser.feed(b"DELETE /b HTTP/1.1\r\n" + fields)
    assert head is not None
    assert (head.method, head.path) == ("DELETE", "/b")
    assert head.fields == [(b"host", fields[6:11])]
    parser.close()
