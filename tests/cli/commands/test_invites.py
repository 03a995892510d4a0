"""Invites and guests from the command line."""

import pytest

from argybargy.domain.access_codes import AGENT_PREFIX, INVITE_PREFIX
from support.fake_operator import BASE, CLOSED_AT, FakeOperator, secret
from support.terminal import Terminal

GUESTS = "/admin/rooms/build/guests"


def terminal() -> Terminal:
    return Terminal(FakeOperator(), yes=None)


def test_an_invite_is_made_for_the_room_and_name_given() -> None:
    there = terminal()
    words = ["--once", "--minutes", "60", "--expires", "1d"]
    result = there.type("invite", "build", "codex", *words)
    assert result.code == 0
    body = {"room": "build", "name": "codex", "expires": "1d", "capabilities": None}
    call = ("POST", "/admin/invites", {**body, "ttl_minutes": 60})
    assert there.operator.calls[-1] == call
    link, instruction = result.out.splitlines()
    invite = link.removeprefix(f"{BASE}/join#")
    assert invite.startswith(INVITE_PREFIX)
    assert invite in instruction
    assert "your name" not in instruction
    assert invite not in result.talk


def test_room_and_name_of_a_code_may_be_given_without_options() -> None:
    there = terminal()
    assert there.type("invite", "build", "codex").code == 0
    method, path, body = there.operator.calls[-1]
    assert (method, path) == ("POST", "/admin/invite")
    assert body is not None
    assert (body["room"], body["name"]) == ("build", "codex")


def test_an_invite_names_the_address_given() -> None:
    there = terminal()
    url = "https://relay.example.com"
    result = there.type("invite", "build", "--once", "--url", url, "--quiet")
    assert result.out.startswith(f"{url}/join#{INVITE_PREFIX}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["invite", "build"], "--once"),
        (["invite", "build", "codex", "--minutes", "5"], "--once"),
        (["invite", "b d", "--once"], "not a valid room name"),
        (["invite", "build", "operator", "--once"], "not a valid agent name"),
        (["invite", "done", "--once", "--url", "x"], ""),
        (["invites", "--revoke", ""], "id of an invite"),
        (["guest", "b d"], "not a valid name"),
        (["guest", "build", "--as", "operator"], "not a valid name"),
    ],
)
def test_a_wrong_command_line_makes_nothing(words: list[str], told: str) -> None:
    there = terminal()
    result = there.type(*words)
    assert (result.code, result.out) == (2, "")
    assert told in result.talk
    assert not {method for method, _, _ in there.operator.calls} & {"POST", "DELETE"}


def test_an_invite_is_revoked_by_its_id() -> None:
    there = terminal()
    result = there.type("invites", "--revoke", "0123456789ab")
    assert (result.code, result.out) == (0, "revoked 0123456789ab\n")
    assert there.operator.calls == [("DELETE", "/admin/invites/0123456789ab", None)]


def test_no_invites_are_exit_code_3() -> None:
    result = terminal().type("invites")
    assert (result.code, result.out) == (3, "")


def test_no_qr_code_is_drawn_of_a_link_for_this_machine_only() -> None:
    result = Terminal(FakeOperator(public="http://127.0.0.1:8765"), yes=None).type(
        "guest", "build", "--qr"
    )
    assert result.code == 0
    assert len(result.out.splitlines()) == 1
    assert "No QR code: A phone cannot reach http://127.0.0.1:8765" in result.talk
    assert "argybargy up --tunnel" in result.talk


def test_a_guest_without_a_name_reads() -> None:
    public = "https://relay.example.com"
    there = Terminal(FakeOperator(public=public), yes=None)
    result = there.type("guest", "build", "--hours", "8", "--qr")
    assert result.code == 0
    body = {"name": None, "speaks": False, "ttl": "8h"}
    assert there.operator.calls == [("POST", GUESTS, body)]
    link, *drawn = result.out.splitlines()
    assert link.startswith(f"{public}/guest#code={AGENT_PREFIX}")
    assert len(drawn) > 20
    assert "may read" in result.talk


@pytest.mark.parametrize("hours", ["0", "721"])
def test_a_guest_that_never_ends_is_refused_in_hours(hours: str) -> None:
    there = terminal()
    result = there.type("guest", "build", "--hours", hours)
    assert result.code == 2
    assert "--hours: 1 to 720 hours." in result.talk
    assert there.operator.calls == []


@pytest.mark.parametrize("words", [["invite", "build", "--once"], ["guest", "build"]])
@pytest.mark.parametrize(
    "link", ["file:///etc#x", f"{BASE}/join#{secret(9)}", f"{BASE}/dashboard"]
)
def test_a_link_that_leads_elsewhere_is_not_shown(
    words: list[str], link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, answer = terminal(), FakeOperator._open_door

    def lying(operator: FakeOperator, *arguments: object) -> object:
        return {**answer(operator, *arguments), "link": link}  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(FakeOperator, "_open_door", lying)
    result = there.type(*words)
    assert result.code == 7
    assert result.out == ""


@pytest.mark.parametrize("yes", [None, True])
def test_revoke_takes_the_id_of_an_invite(yes: bool | None) -> None:
    row = {
        "id": "00000000000c",
        "room": "build",
        "name": None,
        "state": "open",
        "expires_at": CLOSED_AT,
        "code_key_id": None,
    }
    used = {**row, "id": "00000000000d", "state": "used"}
    there = Terminal(FakeOperator(invites=[row, used]), yes=yes)
    result = there.type("revoke", "00000000000c")
    assert (result.code, result.out) == (0, "revoked 00000000000c\n")
    assert there.operator.paths()[-1] == "/admin/invites/00000000000c"
    assert there.type("revoke", "00000000000d").code == 5


def test_a_guest_under_a_taken_name_is_exit_code_6() -> None:
    taken = {"error": "name_taken", "detail": "Somebody else has that name."}
    there = Terminal(FakeOperator())
    there.operator.refusals["/admin/rooms/build/guests"] = [(409, taken)]
    assert there.type("guest", "build", "--as", "pat").code == 6
