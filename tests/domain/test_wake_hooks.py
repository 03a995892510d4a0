"""URLs of wake hooks, and the addresses that they may be called at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.wake_hooks import WakeHosts, parse_wake_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://Hooks.example.com", (True, "hooks.example.com", 443, "/")),
        ("http://h/a?b=c", (False, "h", 80, "/a?b=c")),
        ("http://h:8080/x", (False, "h", 8080, "/x")),
        ("https://h?x=1", (True, "h", 443, "/?x=1")),
        ("http://[::1]:9/x", (False, "::1", 9, "/x")),
        ("https://10.0.0.7/", (True, "10.0.0.7", 443, "/")),
    ],
)
def test_a_url_has_these_parts(text: str, parts: tuple[bool, str, int, str]) -> None:
    url = parse_wake_url(text)
    assert url is not None
    assert (url.is_secure, url.host, url.port, url.target) == parts


def test_the_default_port_is_not_in_the_host_field() -> None:
    for text, shown in (
        ("http://h:80/", "h"),
        ("https://h:80/", "h:80"),
        ("https://[::1]/", "[::1]"),
        ("http://[::1]:443/", "[::1]:443"),
    ):
        url = parse_wake_url(text)
        assert url is not None
        assert url.authority == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hooks.example.com",
        "ftp://h/",
        "http:///x",
        "http://u:p@h/",
        "http://h@evil/",
        "http://h/#x",
        "http://h\\@evil/",
        "http://h/a b",
        "http://h/\r\nX: y",
        "http://h/\n",
        "http://h:0/",
        "http://h:65536/",
        "http://h..x/",
        "http://-h/",
        "http://[::1/",
        "http://[1.2.3]/",
        "http://[::1%25eth0]/",
        "http://hö/",
        "http://h/ö",
        "http://h/" + "x" * 500,
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    assert parse_wake_url(text) is None


@given(st.text())
def test_a_url_never_has_a_line_break_or_a_user(text: str) -> None:
    for candidate in (text, f"http://h/{text}", f"http://{text}/"):
        url = parse_wake_url(candidate)
        if url is not None:
            assert (url.host + url.target).isprintable()
            assert "@" not in url.host
            assert url.target.startswith("/")


HOSTS = WakeHosts(
    frozenset({"inner", "*.example.com", "10.0.0.7", "169.254.1.1", "::1"})
)


@pytest.mark.parametrize(
    ("host", "address", "is_allowed"),
    [
        ("hooks.example.com", "93.184.216.34", True),
        ("hooks.example.com", "127.0.0.1", False),
        ("hooks.example.com", "192.168.1.1", False),
        ("hooks.example.com", "::ffff:192.168.1.1", False),
        ("hooks.example.com", "64:ff9b::c0a8:101", False),
        ("hooks.example.com", "2002:c0a8:101::", False),
        ("hooks.example.com", "64:ff9b::5db8:d822", True),
        ("hooks.example.com", "fd00::1", False),
        ("hooks.example.com", "::", False),
        ("hooks.example.com", "224.0.0.1", False),
        ("hooks.example.com", "100.64.0.1", False),
        # An address that the operator named is allowed whatever name leads there.
        ("hooks.example.com", "10.0.0.7", True),
        ("example.com", "93.184.216.34", False),
        ("inner", "192.168.1.1", True),
        ("inner", "127.0.0.1", True),
        ("inner", "::1", True),
        ("inner", "93.184.216.34", True),
        ("inner", "169.254.169.254", False),
        ("inner", "::ffff:169.254.169.254", False),
        ("inner", "fe80::1", False),
        ("inner", "0.0.0.0", False),
        ("inner", "no address", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.8", "10.0.0.8", False),
        ("169.254.1.1", "169.254.1.1", True),
        ("other", "93.184.216.34", False),
    ],
)
def test_a_host_may_be_called_at_these_addresses(
    host: str, address: str, *, is_allowed: bool
) -> None:
    assert HOSTS.allows_address(host, address) == is_allowed


def test_no_host_is_allowed_by_default() -> None:
    assert not WakeHosts().allows("hooks.example.com")
    assert not WakeHosts().allows_address("8.8.8.8", "8.8.8.8")
