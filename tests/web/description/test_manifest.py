"""The manifest and llms.txt, for agents that have only the address."""

import re

import attrs
import msgspec
import pytest

from argybargy.domain.text_form import parse_messages
from argybargy.onboarding.instructions import ANSWERS, FIRST_STEPS, TRUST, WHAT
from argybargy.web.app import create_app
from argybargy.web.codec.bodies import ClaimBody, ErrorBody, PollQuery, ReadMessage
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
        assert len(links) == (5 if has_docs else 3)
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


@pytest.mark.parametrize(
    "headers", [{}, {"accept": "text/markdown"}, {"accept": "text/plain"}]
)
async def test_every_form_of_the_manual_says_how_to_ask_the_human(
    headers: dict[str, str],
) -> None:
    async with open_site() as site:
        page = (await site.front.call("GET", "/", headers=headers)).body.decode()
        assert '"to":"operator"' in page.replace("\\", "")
        assert "turn by turn" in page
        for ordered in ("introduce yourself", "phase boundary", "keep polling"):
            assert ordered not in page.lower()


@pytest.mark.parametrize(
    ("target", "accept", "content_type"),
    [
        ("/", "*/*", "application/json"),
        ("/", "text/plain", "text/plain; charset=utf-8"),
        ("/", "text/markdown, text/plain;q=0.5", "text/markdown; charset=utf-8"),
        ("/?format=text", "*/*", "text/plain; charset=utf-8"),
        ("/", "text/html, */*;q=0.8", None),
    ],
)
async def test_models_people_and_browsers_get_their_own_manual(
    target: str, accept: str, content_type: str | None
) -> None:
    async with open_site() as site:
        reply = await site.front.call("GET", target, headers={"accept": accept})
        assert reply.headers.get("content-type") == content_type


async def test_the_manual_shows_answers_as_the_relay_sends_them() -> None:
    for name, kind in (("message", ReadMessage), ("claim", ClaimBody)):
        shown = msgspec.json.decode(ANSWERS[name])
        fields = msgspec.structs.fields(kind)
        assert list(shown) == [
            each.encode_name for each in fields if each.encode_name in shown
        ]
        assert {each.encode_name for each in fields if each.required} <= shown.keys()
    error = msgspec.json.decode(ANSWERS["error"], type=ErrorBody)
    assert error.detail.error == "claimed_by_other"
    (message,) = parse_messages(ANSWERS["message_in_text"])
    assert (message.sender, message.asks) == ("ann", "anyone")


async def test_the_manual_names_every_option_of_a_poll() -> None:
    async with open_site() as site:
        for accept in ("application/json", "text/markdown"):
            reply = await site.front.call("GET", "/", headers={"accept": accept})
            page = reply.body.decode()
            for field in msgspec.structs.fields(PollQuery):
                assert f"{field.name}=<" in page
            for word in ("|next>", "If-Match", "'receipts'", "damped", "'called'"):
                assert word in page
            assert "X-Argybargy-Ear" in page


async def test_the_hint_of_a_question_names_those_who_can() -> None:
    async with open_site() as site:
        page = (await site.front.call("GET", "/")).json
        (ask,) = [each for each in page["endpoints"] if each["path"] == "/ask"]
        assert "can:<word>" in ask["body"]["to"]
