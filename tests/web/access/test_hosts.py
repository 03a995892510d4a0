"""Allowed hosts, in every spelling of Host and of the bind address."""

import pytest
import trio.testing

from argybargy.system.network import is_loopback, network_of
from argybargy.web.access.hosts import HostRule
from support.web_app import open_site

LOOPBACK = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "127.0.0.2",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::1%lo",
]
EVERYWHERE = ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0"]


@pytest.mark.parametrize("bind", LOOPBACK)
def test_a_relay_on_loopback_refuses_other_hosts_in_any_spelling_of_the_bind(
    bind: str,
) -> None:
    """Otherwise a page on any site could reach it by DNS rebinding."""
    assert is_loopback(bind)
    rule = HostRule.make(bind, None, ())
    assert not rule.allows("evil.example")
    assert not rule.allows("evil.example:8765")
    assert rule.allows("localhost:8765")
    authority = f"[{bind}]" if ":" in bind else bind
    assert "%" in bind or rule.allows(f"{authority}:8765")


@pytest.mark.parametrize("bind", EVERYWHERE)
def test_on_other_addresses_hosts_are_checked_once_some_are_configured(
    bind: str,
) -> None:
    assert not is_loopback(bind)
    assert HostRule.make(bind, None, ()).allows("any.example")
    named = HostRule.make(bind, None, ("relay.example", "*.b.example"))
    assert named.allows("relay.example:80")
    assert named.allows("a.B.example.")
    assert not named.allows("any.example")


def test_an_unresolvable_name_is_not_loopback() -> None:
    assert not is_loopback("relay.example")
    assert not is_loopback("")
    assert not is_loopback("127.0.0.1 evil")


@pytest.mark.parametrize(
    "authority",
    [
        "evil:@localhost",
        "x@y@localhost",
        "evil@localhost",
        "localhost:x",
        "localhost:80:80",
        "localhost/evil",
        "localhost?",
        "localhost#",
        "localhost\\evil",
        "[localhost",
        "localhost:\u0661",
        "",
        ":80",
    ],
)
def test_a_host_that_contains_an_allowed_host_is_refused(authority: str) -> None:
    assert not HostRule.make("127.0.0.1", None, ()).allows(authority)


@pytest.mark.parametrize(
    "authority", ["localhost", "Localhost:1", "localhost:", "localhost.", "[::1]:80"]
)
def test_an_allowed_host_may_have_a_port(authority: str) -> None:
    assert HostRule.make("127.0.0.1", None, ()).allows(authority)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8::ffff:0:0:1", "2001:db8::"),
        ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("<local>", "<local>"),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("path", ["/health", "/ready"])
@pytest.mark.parametrize("host", ["10.244.1.7:18925", "evil.example", "", None])
async def test_a_health_check_may_send_any_host_or_none(
    autojump_clock: trio.testing.MockClock, path: str, host: str | None
) -> None:
    """Load balancers send an address as Host, and HAProxy's own check sends none."""
    async with open_site() as site:
        fields = {} if host is None else {"host": host}
        reply = await site.front.call("GET", path, headers=fields, has_host=False)
        assert reply.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/whoami"), ("POST", "/health"), ("GET", "/health/")],
)
async def test_only_a_health_check_may_send_another_host(
    autojump_clock: trio.testing.MockClock, method: str, path: str
) -> None:
    async with open_site() as site:
        for fields in ({"host": "evil.example"}, {}):
            reply = await site.front.call(method, path, headers=fields, has_host=False)
            assert (reply.status, reply.error) == (421, "misdirected")
