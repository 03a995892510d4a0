import json

import pytest

from argybargy.torture.client.messages import (
    BadResponse,
    HttpResponse,
    encode_request,
    parse_response,
)

COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b"3\r\nhel\r\n2;note=x\r\nlo\r\n0\r\n\r\n"
)
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nhello"


def test_a_response_with_a_length_ends_after_it() -> None:
    parsed = parse_response(COUNTED + b"HTTP/1.1")
    assert parsed is not None
    assert parsed.response == HttpResponse(200, b"hello")
    assert parsed.size_bytes == len(COUNTED)


def test_chunks_are_joined_and_their_extensions_ignored() -> None:
    parsed = parse_response(CHUNKED + b"more")
    assert parsed is not None
    assert parsed.response == HttpResponse(409, b"hello")
    assert parsed.size_bytes == len(CHUNKED)


@pytest.mark.parametrize("whole", [COUNTED, CHUNKED])
def test_a_partial_response_is_not_parsed_as_complete(whole: bytes) -> None:
    assert [parse_response(whole[:size]) for size in range(len(whole))] == [None] * len(
        whole
    )


@pytest.mark.parametrize("whole", [COUNTED, CHUNKED])
def test_a_response_truncated_at_any_byte_is_an_error(
    whole: bytes,
) -> None:
    for size in range(len(whole)):
        with pytest.raises(BadResponse):
            parse_response(whole[:size], at_end=True)


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    assert parse_response(UNTIL_CLOSE) is None
    parsed = parse_response(UNTIL_CLOSE, at_end=True)
    assert parsed is not None
    assert parsed.response == HttpResponse(200, b"hello", is_last=True)


def test_a_response_without_a_body_needs_no_length() -> None:
    parsed = parse_response(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert parsed is not None
    assert parsed.response == HttpResponse(204, b"")


def test_connection_close_of_the_server_is_noticed() -> None:
    parsed = parse_response(
        COUNTED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert parsed is not None
    assert parsed.response.is_last


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_bytes_that_are_no_response_are_rejected(data: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_response(data)


def test_a_request_with_a_body_is_json_of_the_length_it_declares() -> None:
    head, _, body = encode_request(
        "POST", "/messages", {"Authorization": "Bearer c"}, {"text": "ä"}
    ).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /messages HTTP/1.1"
    assert "Authorization: Bearer c" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert json.loads(body) == {"text": "ä"}


def test_a_post_without_a_body_declares_length_zero() -> None:
    assert b"Content-Length: 0" in encode_request("POST", "/messages/1/claim", {})
    assert b"Content-Length" not in encode_request("GET", "/health", {})
