"""The public URL and allowed hosts, configured or from a tunnel."""

import pytest
import trio.testing

from support.web_app import open_site

TUNNEL = "https://some-words.trycloudflare.com"
HOST = {"host": "some-words.trycloudflare.com"}


async def test_a_tunnel_sets_the_public_url_while_it_is_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(is_configured=False) as site:
        address = site.services.address
        address.publish(TUNNEL)
        made = (await site.admin("POST", "/admin/invite", json={"name": "a"})).json
        assert made["url"] == TUNNEL
        assert TUNNEL in made["instruction"]
        assert (await site.admin("GET", "/admin/state")).json["public_url"] == TUNNEL
        assert TUNNEL in (await site.front.call("GET", "/")).body.decode()
        link = (await site.admin("POST", "/admin/sign-in")).json["url"]
        assert link.startswith(f"{TUNNEL}/dashboard#")
        address.withdraw()
        made = (await site.admin("POST", "/admin/invite", json={"name": "b"})).json
        assert made["url"] == "http://127.0.0.1:8765"


@pytest.mark.parametrize("is_configured", [True, False])
async def test_a_tunnel_s_host_is_allowed_while_it_is_up(
    autojump_clock: trio.testing.MockClock, is_configured: bool
) -> None:
    async with open_site(is_configured=is_configured) as site:
        address = site.services.address
        assert (await site.front.call("GET", "/docs", headers=HOST)).status == 421
        address.publish(TUNNEL)
        assert (await site.front.call("GET", "/docs", headers=HOST)).status == 200
        assert (await site.front.call("GET", "/docs")).status == 200
        address.publish("https://other.trycloudflare.com")
        assert (await site.front.call("GET", "/docs", headers=HOST)).status == 421
        address.withdraw()
        assert (await site.front.call("GET", "/docs", headers=HOST)).status == 421


async def test_a_url_that_the_operator_configured_stays(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(public_url="https://relay.example.com") as site:
        site.services.address.publish(TUNNEL)
        assert site.services.public_url == "https://relay.example.com"
