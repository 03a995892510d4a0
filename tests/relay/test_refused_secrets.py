"""Texts with a code or an invite are refused, after one scan for both."""

import sys
from types import FrameType

import pytest

from argybargy.domain.errors import RelayError
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api.joining import create_invite
from support.relay import ROOM, open_harness


async def test_codes_and_invites_are_refused() -> None:
    async with open_harness() as it:
        code = await it.code("ann")
        issued = await create_invite(it.relay, Invitation(ROOM, "bob"), 900)
        for secret in (code, issued.invite):
            with pytest.raises(RelayError, match="contains_secret"):
                it.relay.refuse_secrets("look", f"at ({secret}).")
        it.relay.refuse_secrets("nothing", "here")


async def test_a_text_is_scanned_once() -> None:
    scans = 0

    def note(_frame: FrameType, event: str, called: object) -> None:
        nonlocal scans
        scans += event == "c_call" and getattr(called, "__name__", "") in {
            "findall",
            "finditer",
        }

    async with open_harness() as it:
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            it.relay.refuse_secrets("a text", "of several parts")
        finally:
            sys.setprofile(before)
    assert scans == 1
