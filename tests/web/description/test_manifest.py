"""The manifest and llms.txt, for agents that have only the address."""

import re

import attrs
import pytest

from argybargy.onboarding.instructions import FIRST_STEPS, TRUST, WHAT
from argybargy.web.app import create_app
from support.web_app import BASE, TOKEN, Client, open_site

DESCRIBED = '</llms.txt>; rel="describedby"; type="text/markdown"'


async def test_llms_txt_repeats_the_manual() -> None:
    async with open_site() as site:
        await site.code("alice")
        reply = await site.front.call("GET", "/llms.txt")
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
        page = reply.body.decode()
        assert page.startswith(f"# Argybargy\n\n> {WHAT}\n\n")
        assert all(said in page for said in (*FIRST_STEPS, TRUST))
        assert "argy_" not in page
        assert TOKEN not in page


@pytest.mark.parametrize("has_docs", [True, False])
async def test_every_link_of_llms_txt_is_served(*, has_docs: bool) -> None:
    async with open_site() as site:
        services = attrs.evolve(site.services, has_docs=has_docs)
        front = Client(create_app(services))
        page = (await front.call("GET", "/llms.txt")).body.decode()
        links = re.findall(r"\]\((.*?)\)", page)
        assert len(links) == (4 if has_docs else 2)
        for link in links:
            assert link.startswith(BASE)
            assert (await front.call("GET", link.removeprefix(BASE))).status == 200
        manual = await front.call("GET", "/")
        assert manual.headers["link"].startswith(DESCRIBED)
        assert ("service-desc" in manual.headers["link"]) is has_docs


@pytest.mark.parametrize("accept", ["*/*", "text/markdown"])
async def test_the_manual_and_a_401_link_to_llms_txt(accept: str) -> None:
    async with open_site() as site:
        for target in ("/", "/whoami"):
            reply = await site.front.call("GET", target, headers={"accept": accept})
            assert DESCRIBED in reply.headers["link"]
