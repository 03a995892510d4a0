"""Links in notifications: what they are worth, and for how long."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.web.access.answer_links import (
    LINK_SECONDS,
    LINKS_REMEMBERED,
    AnswerLink,
    AnswerLinks,
    LinkState,
)
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress

NOTICE = "0123456789abcdef" * 2
NOW_MS = 1_800_000_000_500
END_MS = (NOW_MS // 1000 + LINK_SECONDS) * 1000


@attrs.define
class Token:
    value: str = "token"


def links(token: Token | None = None, key: bytes = b"key") -> AnswerLinks:
    token = token or Token()
    address = PublicAddress.make("http://r", HostRule(None), is_configured=True)
    return AnswerLinks(key, lambda: token.value, address)


def token_of(made: str | None) -> str:
    assert made is not None
    return made.removeprefix("http://r/q/")


def test_a_link_is_valid_for_an_hour_and_for_its_notice() -> None:
    it = links()
    token = token_of(it.make(NOTICE, NOW_MS))
    assert len(token) == 48
    assert it.read(token, NOW_MS) == AnswerLink(LinkState.VALID, NOTICE)
    assert it.read(token, END_MS - 1).state is LinkState.VALID
    assert it.read(token, END_MS) == AnswerLink(LinkState.LATE, NOTICE)


def test_a_link_survives_a_restart_and_not_another_token_or_key() -> None:
    token = token_of(links().make(NOTICE, NOW_MS))
    assert links().read(token, NOW_MS).state is LinkState.VALID
    assert links(Token("new")).read(token, NOW_MS).state is LinkState.FORGED
    assert links(key=b"other").read(token, NOW_MS).state is LinkState.FORGED


def test_rotating_the_token_revokes_every_link() -> None:
    held = Token()
    it = links(held)
    token = token_of(it.make(NOTICE, NOW_MS))
    held.value = "rotated"
    assert it.read(token, NOW_MS).state is LinkState.FORGED


@given(st.integers(0, 47), st.sampled_from("ABCabc019-_"))
def test_no_character_of_a_link_can_be_changed(at: int, other: str) -> None:
    it = links()
    token = token_of(it.make(NOTICE, NOW_MS))
    changed = token[:at] + other + token[at + 1 :]
    if changed != token:
        assert it.read(changed, NOW_MS).state is LinkState.FORGED


@pytest.mark.parametrize(
    "text", ["", "a" * 47, "a" * 49, "ä" * 48, "a" * 47 + "=", "../x"]
)
def test_other_texts_are_malformed(text: str) -> None:
    assert links().read(text, NOW_MS).state is LinkState.MALFORMED


def test_without_a_public_address_there_is_no_link_until_a_tunnel_is_up() -> None:
    address = PublicAddress.make("http://l:1", HostRule(None), is_configured=False)
    it = AnswerLinks(b"key", lambda: "", address)
    assert it.make(NOTICE, NOW_MS) is None
    address.publish("https://x.trycloudflare.com")
    made = it.make(NOTICE, NOW_MS)
    assert made is not None
    assert made.startswith("https://x.trycloudflare.com/q/")
    address.withdraw()
    assert it.make(NOTICE, NOW_MS) is None


def test_a_bounded_number_of_used_links_is_remembered() -> None:
    it = links()
    for number in range(LINKS_REMEMBERED + 1):
        it.note_used(str(number), "yes")
    assert not it.is_used("0")
    assert it.is_used("1")
    assert it.is_used(str(LINKS_REMEMBERED))
