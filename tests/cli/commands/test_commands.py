"""Output, streams and exit codes of commands."""

import shlex
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from argybargy import __version__
from argybargy.cli.errors import MEANINGS, Exit
from argybargy.cli.registry import FOR_AGENTS, HEADINGS, VERBS, Verb
from argybargy.domain.access_codes import digest_code, key_id_of
from argybargy.onboarding.instructions import connect_instruction
from argybargy.serve.cluster.programs import Programs
from argybargy.web.codec.notification_bodies import NotificationTestBody, TriedService
from support.fake_export import empty_database, export
from support.fake_operator import (
    BASE,
    CLOSED_AT,
    FakeCode,
    FakeOperator,
    secret,
    spoken,
)
from support.terminal import Terminal

AMBIGUOUS = {
    "error": "ambiguous",
    "detail": "That name has codes in several rooms.",
    "request_id": "0",
}
BAD_LIFETIME = {
    "error": "bad_request",
    "detail": "That is not a lifetime of a code: use 10m, 1d or never.",
}


# -- help and usage ---------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_help_of_every_verb_has_an_example(
    verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal().type(*verb.name.split(), "--help").code == 0
    shown = capsys.readouterr().out
    assert f"Example: argybargy {verb.name}" in shown
    assert "--json" in shown
    assert "--quiet" in shown


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_example_of_every_verb_can_be_typed(
    verb: Verb,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("argybargy.db", empty_database), ("review.jsonl", export)):
        (tmp_path / name).write_bytes(b"".join(content()))
    question = spoken(21, "Ship it?", expects="operator", to="operator")
    operator = FakeOperator(
        codes=[FakeCode("0a", "alice", "review")],
        closed={"review"} if verb.name == "room delete" else set(),
        said={"review": [question]},
        sessions=["0123456789ab"],
        damped=[("alice", "bob")],
        public="https://relay.example.com",
        arrivals=[spoken(23, "yes", sender="alice", to="operator", reply_to=22)],
        invites=[
            {
                "id": "00000000000c",
                "room": "review",
                "name": None,
                "state": "open",
                "expires_at": "now",
                "code_key_id": None,
            }
        ],
    )
    operator.audited = [("connect", "key 0a")]
    operator.tested = NotificationTestBody([TriedService("1 ntfy", True, "")])
    card = {"room": "review", "status": "open", "last_seq": 21}
    closed = {"closed_at": None, "closed_by": None}
    operator.streams = [[{"type": "snapshot", "version": 1, "rooms": [card | closed]}]]
    terminal = Terminal(operator)
    terminal.type(*verb.name.split(), "--help")
    (line,) = [
        line for line in capsys.readouterr().out.split("\n") if "Example:" in line
    ]
    arguments = shlex.split(line.partition("argybargy ")[2])
    if verb.name == "cluster":
        monkeypatch.setattr("argybargy.cli.commands.cluster._run", lambda *_: None)
        found = Programs(Path("/bin"), None, "/bin/caddy")
        where = "argybargy.serve.cluster.programs.find_programs"
        monkeypatch.setattr(where, lambda _: found)
    # What is written for agents goes beside the test.
    monkeypatch.setenv("XDG_STATE_HOME", str(Path.cwd() / "state"))
    monkeypatch.setenv("HOME", str(Path.cwd()))
    if verb.name == "disconnect":
        terminal.type("connect", "claude", "--room", "review", "--write")
    # No PostgreSQL of that name is here.
    expected = 3 if verb.name == "move" else 0
    assert terminal.type(*arguments).code == expected


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_help_names_the_arguments_and_fits_the_terminal(
    verb: Verb, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    Terminal().type(*verb.name.split(), "--help")
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: argybargy {verb.name} ")
    assert "ARGS" not in shown
    assert "False" not in shown
    _, _, rest = shown.partition("Example:")
    lines = rest.splitlines()[1:]
    assert max(map(len, lines)) <= 50
    assert all(line[:2] in {"  ", ""} or line.endswith(":") for line in lines)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("backup", "[OPTIONS] [FILE]"),
        ("watch", "[OPTIONS] [ROOM]"),
        ("export", "[OPTIONS] [ROOM]"),
        ("import", "[OPTIONS] [FILE]"),
        ("search", "[OPTIONS] [QUERY...]"),
        ("post", "[OPTIONS] ROOM TEXT"),
        ("invite", "[OPTIONS] [ROOM] [NAME]"),
    ],
)
def test_the_usage_line_names_the_arguments(
    verb: str, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Terminal().type(verb, "--help")
    usage = capsys.readouterr().out.splitlines()[0]
    assert usage == f"Usage: argybargy {verb} {arguments}"


def test_paragraphs_of_help_are_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    Terminal().type("post", "--help")
    assert "message is read from standard input" in capsys.readouterr().out


def test_the_help_of_say_names_post(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().type("say", "--help")
    assert "the same as 'argybargy post'" in capsys.readouterr().out


def test_the_help_lists_every_verb_under_a_heading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert Terminal().type("--help").code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in {f"{each}:" for each in HEADINGS}] == [
        f"{each}:" for each in HEADINGS
    ]
    shown = {line.split(":")[0].strip() for line in lines}
    assert {verb.first_word for verb in VERBS} <= shown
    assert set(FOR_AGENTS) <= shown


def test_an_unknown_command_suggests_the_nearest() -> None:
    result = Terminal().type("wach", "review")
    assert (result.code, result.out) == (2, "")
    assert 'Did you mean "watch"?' in result.talk


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["room"],
        ["invite"],
        ["codes", "--nonsense"],
        ["up", "--port", "many"],
        ["up", "--port", "70000"],
        ["serve", "--host", "two words"],
        ["room", "no spaces"],
        ["invite", "--name", "admin"],
        ["invite", "--name", "alice", "--room", "../up"],
        ["codes", "--url", "relay.example.com"],
        ["codes", "--url", "https://relay.example.com/below"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    terminal = Terminal()
    result = terminal.type(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.talk.startswith("argybargy: ")
    assert terminal.operator.calls == []


def test_every_exit_code_is_documented() -> None:
    assert set(MEANINGS) == set(Exit)


def test_a_wrong_option_points_to_the_help_of_its_verb() -> None:
    assert "See: argybargy codes --help" in Terminal().type("codes", "--no").talk


def test_all_invalid_settings_are_listed() -> None:
    terminal = Terminal(environment={"ARGYBARGY_PORT": "x", "ARGYBARGY_DOCS": "y"})
    result = terminal.type("codes")
    assert result.code == 2
    assert "\n  ARGYBARGY_DOCS must be true or false" in result.talk
    assert "\n  ARGYBARGY_PORT must be a whole number" in result.talk


def test_the_version_is_printed_on_standard_output() -> None:
    result = Terminal().type("version")
    assert (result.code, result.out, result.talk) == (0, f"{__version__}\n", "")
    assert Terminal().type("version", "--json").json == {"version": __version__}


def test_an_interrupted_command_has_its_exit_code() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert Terminal(serve=interrupted).type("up").code == 130


# -- serving ------------------------------------------------------------------------


def test_up_prints_its_address_and_the_next_commands() -> None:
    terminal = Terminal()
    result = terminal.type("up", "--port", "9", "--no-tunnel")
    assert (result.code, result.out) == (0, "")
    assert "http://127.0.0.1:9" in result.talk
    assert str(terminal.served[0].data) in result.talk
    # The directory is that of a variable, which another terminal does not have.
    to_relay = f"--port 9 --data {terminal.served[0].data}"
    claude = f"argybargy connect {to_relay} claude --room build --write"
    assert f"  {claude}\n" in result.talk
    assert f"  argybargy room {to_relay} build\n" in result.talk
    assert f"For another link: argybargy open {to_relay}\n" in result.talk


def test_a_program_is_connected_in_the_directory_of_its_project() -> None:
    there = "uv run --project /clone argybargy"
    terminal = Terminal(program="uv run argybargy", anywhere=there)
    result = terminal.type("up", "--port", "9", "--host", "::1", "--no-tunnel")
    (line,) = [line for line in result.talk.splitlines() if " claude --room" in line]
    assert line.startswith(f"     ARGYBARGY_HOST=::1 {there} connect --port 9 ")
    assert line.endswith(" claude --room build --write")
    # The next terminal may be anywhere: no command depends on the directory.
    assert result.talk.count(there) == result.talk.count("uv run") == 4
    assert f"     ARGYBARGY_HOST=::1 {there} room --port 9 " in result.talk


def test_the_commands_name_the_port_that_a_relay_has_chosen() -> None:
    result = Terminal().type("up", "--port", "0", "--no-tunnel")
    assert "argybargy room --port 4321 " in result.talk


def test_up_shows_a_link_that_signs_in_once_and_not_the_token() -> None:
    terminal = Terminal()
    result = terminal.type("up")
    (link,) = terminal.operator.links
    assert f"\n     {link}\n" in result.talk
    assert "the-token" not in result.talk
    assert terminal.type("up", "--json").json["sign_in"] == terminal.operator.links[1]


@pytest.mark.parametrize(
    "arguments", [["serve"], ["serve", "--json"], ["up", "--quiet"]]
)
def test_output_without_a_sign_in_link_creates_none(arguments: list[str]) -> None:
    terminal = Terminal()
    result = terminal.type(*arguments)
    assert terminal.operator.links == []
    assert "sign_in" not in result.out


def test_serve_logs_its_address_and_prints_nothing_else() -> None:
    with capture_logs() as logged:
        result = Terminal().type("serve", "--host", "0.0.0.0")
        assert Terminal().type("serve", "--quiet").talk == ""
    assert (result.out, result.talk) == ("", "")
    (entry,) = logged
    assert (entry["event"], entry["urls"]) == ("listening", ["http://0.0.0.0:8765"])
    assert entry["data"] == str(Path.cwd())


def test_up_says_in_sentences_what_serve_logs() -> None:
    terminal = Terminal()
    result = terminal.type("up", "--no-tunnel")
    assert result.talk.endswith("The relay has stopped.\n")
    terminal.type("up", "--no-tunnel", "--json")
    terminal.type("serve")
    assert [plan.talks for plan in terminal.plans] == [True, False, False]


def test_an_ephemeral_relay_names_no_data_directory() -> None:
    result = Terminal().type("up", "--no-tunnel", "--ephemeral")
    assert (
        "in memory only: rooms and codes are lost when the relay stops" in result.talk
    )
    assert "data in" not in result.talk
    with capture_logs() as logged:
        Terminal().type("serve", "--ephemeral")
    assert "data" not in logged[0]


def exposed(terminal: Terminal, *arguments: str) -> str:
    """Return the output of a starting relay, and the first line of its log."""
    with capture_logs():
        talk = terminal.type(*arguments).talk
    return "\n".join([talk, *terminal.served[-1].warnings])


@pytest.mark.parametrize("verb", [["up", "--no-tunnel"], ["serve"]])
def test_listening_on_the_network_prints_a_warning(verb: list[str]) -> None:
    terminal = Terminal()
    told = exposed(terminal, *verb, "--host", "0.0.0.0")
    assert told.count("ARGYBARGY_PUBLIC_URL") == 1
    assert "this machine only (http://127.0.0.1:8765)" in told
    assert "ARGYBARGY_PUBLIC_URL" not in exposed(terminal, *verb)
    terminal.environment["ARGYBARGY_PUBLIC_URL"] = "https://relay.example.com"
    assert "unencrypted" not in exposed(terminal, *verb, "--host", "0.0.0.0")


def test_the_address_of_the_relay_is_printed_as_json() -> None:
    result = Terminal().type("up", "--json", "--port", "9")
    assert result.json["urls"] == ["http://127.0.0.1:9"]
    assert result.talk == ""


def test_the_exit_code_of_the_relay_is_the_command_s() -> None:
    assert Terminal(serve=lambda: 1).type("serve", "--quiet").code == 1


# -- codes ----------------------------------------------------------------------------


def test_an_invitation_prints_the_instruction_for_the_agent() -> None:
    terminal = Terminal()
    result = terminal.type("invite", "--name", "alice", "--expires", "1d")
    assert result.code == 0
    assert result.out == connect_instruction(BASE, secret(2)) + "\n"
    assert "SECRET" not in result.talk
    assert "argybargy revoke 000000000002" in result.talk
    assert "another code" not in result.talk
    assert terminal.operator.calls[1:] == [
        (
            "POST",
            "/admin/invite",
            {"name": "alice", "room": "default", "expires": "1d", "capabilities": None},
        )
    ]


def test_an_invitation_of_an_agent_with_a_code_is_reported() -> None:
    operator = FakeOperator(codes=[FakeCode("0a", "Alice", "Default")])
    talk = Terminal(operator).type("invite", "--name", "alice").talk
    assert talk.startswith("alice has another code in default")
    assert "argybargy revoke 0a\n" in talk


def test_a_closed_room_is_deleted_after_confirmation() -> None:
    operator = FakeOperator(closed={"Review"}, said={"Review": [spoken(1, "hi")]})
    refused = Terminal(operator, yes=False).type("room", "delete", "review")
    assert (refused.code, refused.talk) == (1, "argybargy: Nothing was deleted.\n")
    assert operator.rooms() == ["Review"]
    arguments = ["room", "delete", "review", "--by", "titus"]
    result = Terminal(operator, yes=True).type(*arguments)
    assert (result.code, result.out) == (
        0,
        "#Review is deleted, with 1 message and 0 codes.\n",
    )
    assert operator.calls[-1] == ("DELETE", "/admin/rooms/Review", {"by": "titus"})
    assert operator.rooms() == []


def test_an_open_or_unknown_room_is_not_deleted() -> None:
    operator = FakeOperator(said={"review": [spoken(1, "hi")]})
    result = Terminal(operator).type("room", "delete", "review", "--yes")
    assert (result.code, result.out) == (6, "")
    assert "argybargy close review" in result.talk
    assert Terminal(operator).type("room", "delete", "typo", "--yes").code == 5
    assert operator.rooms() == ["review"]


def test_the_deletion_says_when_messages_are_still_being_erased() -> None:
    operator = FakeOperator(closed={"review"}, erases_later=True)
    result = Terminal(operator).type("room", "delete", "review", "--yes")
    assert "still erasing the messages" in result.talk
    result = Terminal(FakeOperator(closed={"review"})).type(
        "room", "delete", "review", "--yes", "--json"
    )
    assert result.json["erased"] is True


def test_a_room_may_be_called_delete() -> None:
    terminal = Terminal()
    assert terminal.type("room", "--name", "delete").code == 0
    assert "/admin/rooms/delete/open" in terminal.operator.paths()


def test_a_closed_room_refuses_invitations() -> None:
    terminal = Terminal(FakeOperator(closed={"Review"}))
    result = terminal.type("invite", "--name", "alice", "--room", "review")
    assert (result.code, result.out) == (6, "")
    assert "argybargy reopen Review" in result.talk
    assert terminal.operator.paths() == ["/admin/state"]


def test_an_invitation_has_the_public_address_and_uses_the_local_one() -> None:
    terminal = Terminal()
    url = "https://relay.example.com/"
    result = terminal.type("invite", "--name", "alice", "--url", url, "--json")
    assert terminal.urls == [None], "the admin token stays here"
    assert result.json["url"] == "https://relay.example.com"
    assert "relay at https://relay.example.com ." in result.json["instruction"]
    assert result.talk == ""


@pytest.mark.parametrize("url", ["http://192.0.2.1:8765", "http://localhost.example"])
def test_sending_a_token_unencrypted_is_a_warning(url: str) -> None:
    result = Terminal().type("codes", "--url", url)
    assert "travels unencrypted" in result.talk


def test_quiet_leaves_only_the_data() -> None:
    result = Terminal().type("invite", "--name", "alice", "--quiet")
    assert result.talk == ""
    assert "SECRET" in result.out


def test_a_lifetime_that_the_relay_refuses_is_a_usage_error() -> None:
    operator = FakeOperator(refusals={"/admin/invite": [(400, BAD_LIFETIME)]})
    result = Terminal(operator).type("invite", "--name", "a", "--expires", "soon")
    assert (result.code, result.out) == (2, "")
    assert result.talk.startswith("argybargy: That is not a lifetime of a code")


def test_every_field_the_relay_refuses_is_named() -> None:
    detail = {
        "error": "invalid_request",
        "detail": "The request does not fit.",
        "errors": [
            {"field": "capabilities", "problem": "at most 400 characters"},
            {"field": "new", "problem": "a number"},
        ],
    }
    operator = FakeOperator(refusals={"/admin/invite": [(422, detail)]})
    result = Terminal(operator).type("invite", "--name", "alice")
    assert result.code == 2
    problems = "--capabilities: at most 400 characters\n  new: a number\n"
    assert result.talk == f"argybargy: {problems}"


def test_codes_are_listed_without_their_secrets() -> None:
    operator = FakeOperator(
        codes=[
            FakeCode("00000000000a", "alice", "review"),
            FakeCode("00000000000b", "bo", "default", "\x1b[2J", CLOSED_AT),
        ]
    )
    result = Terminal(operator).type("codes")
    assert result.code == 0
    assert result.out.splitlines() == [
        "NAME   ROOM     KEY ID        EXPIRES   CAPABILITIES",
        "alice  review   00000000000a  never     -",
        r"bo     default  00000000000b  03:04:05  \x1b[2J",
    ]


def test_codes_as_json_are_the_relay_s_own_rows_on_one_line_of_ascii() -> None:
    operator = FakeOperator(codes=[FakeCode("0a", "alice", "review", "\u202e")])
    result = Terminal(operator).type("codes", "--json")
    assert result.json[0]["key_id"] == "0a"
    assert result.out.isascii()
    assert result.out.count("\n") == 1


def test_an_empty_list_of_codes_is_exit_code_3() -> None:
    result = Terminal().type("codes")
    assert (result.code, result.out) == (3, "")
    assert "argybargy invite --name alice" in result.talk
    assert Terminal().type("codes", "--json").out == "[]\n"


def test_an_incomplete_answer_is_an_error_without_traceback() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeOperator, "_state", lambda _: {"codes": []})
        result = Terminal().type("codes")
    assert result.code == 7
    assert "cannot be read" in result.talk


# -- revoke -----------------------------------------------------------------------


def test_revoke_asks_and_continues_after_a_yes() -> None:
    terminal = Terminal(
        FakeOperator(codes=[FakeCode("0a", "alice", "review")]), yes=True
    )
    result = terminal.type("revoke", "alice", "--room", "review")
    assert (result.code, result.out) == (0, "revoked 0a alice in review\n")
    assert terminal.questions == ["Revoke 'alice' in review?"]
    assert terminal.operator.calls[-1][2] == {
        "target": "alice",
        "room": "review",
        "all": False,
    }


def test_revoke_stops_without_a_yes() -> None:
    codes = [FakeCode("0a", "alice", "review")]
    terminal = Terminal(FakeOperator(codes=codes), yes=False)
    result = terminal.type("revoke", "ALICE")
    assert (result.code, terminal.operator.paths()) == (1, ["/admin/state"])
    assert result.talk == "argybargy: Nothing was revoked.\n"


def test_an_unknown_code_is_rejected_before_the_question() -> None:
    terminal = Terminal(FakeOperator(codes=[FakeCode("0a", "bo", "build")]), yes=True)
    for arguments in (["revoke", "nobody"], ["close", "typo"], ["reopen", "typo"]):
        result = terminal.type(*arguments)
        assert (result.code, result.out) == (5, "")
        assert "argybargy codes" in result.talk or "argybargy rooms" in result.talk
    assert terminal.questions == []
    assert set(terminal.operator.paths()) == {"/admin/state"}


@pytest.mark.parametrize("yes", [True, None])
def test_revoke_does_not_ask_with_yes_or_without_a_terminal(yes: bool | None) -> None:
    operator = FakeOperator(codes=[FakeCode("0a", "alice", "review")])
    terminal = Terminal(operator, yes=yes)
    options = ["--yes"] if yes else []
    assert terminal.type("revoke", "alice", "--all", *options).code == 0
    assert terminal.questions == []
    assert operator.calls[-1][2] == {"target": "alice", "room": None, "all": True}


def test_the_question_does_not_repeat_a_code() -> None:
    key_id = key_id_of(digest_code("argy_a1_SECRET"))
    codes = [FakeCode(key_id, "alice", "review")]
    terminal = Terminal(FakeOperator(codes=codes), yes=False)
    terminal.type("revoke", "argy_a1_SECRET")
    assert terminal.questions == ["Revoke that code?"]


def test_revoking_an_unknown_code_is_not_found() -> None:
    result = Terminal().type("revoke", "nobody")
    assert result.code == 5
    assert "argybargy codes" in result.talk


def test_an_ambiguous_name_gives_a_hint() -> None:
    operator = FakeOperator(refusals={"/admin/revoke": [(409, AMBIGUOUS)]})
    result = Terminal(operator).type("revoke", "alice")
    assert result.code == 2
    assert "codes in several rooms" in result.talk
    assert "--room ROOM" in result.talk
    assert "--all" in result.talk


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, "unauthorized", 4),
        (429, "auth_throttled", 4),
        (404, "no_such_route", 5),
        (409, "room_closed", 6),
        (409, "claimed_by_other", 6),
        (422, "invalid_request", 2),
        (503, "busy", 1),
        (500, "of_a_later_version", 1),
    ],
)
def test_every_refusal_has_its_exit_code(status: int, error: str, code: int) -> None:
    refusal = (status, {"error": error, "detail": "because\x1b"})
    operator = FakeOperator(refusals={"/admin/state": [refusal]})
    result = Terminal(operator).type("codes")
    assert result.code == code
    assert "because\\x1b" in result.talk


def test_the_token_is_printed_on_standard_output() -> None:
    assert Terminal().type("token").out == "the-token\n"
    assert Terminal().type("token", "--json").json == {"admin_token": "the-token"}


# -- room ---------------------------------------------------------------------------


def test_room_prints_a_brief_to_paste() -> None:
    terminal = Terminal()
    result = terminal.type("room", "review")
    assert result.code == 0
    assert terminal.operator.paths() == [
        "/admin/state",
        "/admin/rooms/review/open",
        "/admin/invite",
        "/admin/invite",
    ]
    assert "You are : review-worker" in result.out
    assert f"Code    : {secret(3)}" in result.out
    assert f"Relay   : {BASE}" in result.out
    assert '"to":"operator"' in result.out
    assert "leave: room closed by" in result.out


def test_the_brief_omits_the_coordinator_s_code() -> None:
    result = Terminal().type("room", "review", "--quiet")
    assert "SECRET4" not in result.out
    assert "review-operator" in result.talk
    assert "SECRET4" in result.talk


def test_running_room_again_replaces_the_codes_and_reports_it() -> None:
    terminal = Terminal()
    terminal.operator.codes += [
        FakeCode("0a", "other", "review"),
        FakeCode("0b", "review-worker", "default"),
    ]
    terminal.type("room", "review")
    before = {code.key_id for code in terminal.operator.codes} - {"0a", "0b"}
    result = terminal.type("room", "Review", "--worker", "review-WORKER",
                           "--operator", "Review-operator")  # fmt: skip
    after = {code.key_id for code in terminal.operator.codes}
    assert before.isdisjoint(after)
    assert {"0a", "0b"} < after
    assert len(after) == 4
    assert all(key_id in result.talk for key_id in before)
    # The new codes exist before the old ones are revoked.
    assert (
        terminal.operator.paths()[-4:] == ["/admin/invite"] * 2 + ["/admin/revoke"] * 2
    )


def test_two_more_codes_of_a_room_that_was_there_are_not_made_silently() -> None:
    terminal = Terminal()
    assert "was there before" not in terminal.type("room", "new", "--quiet").talk
    terminal.operator.codes += [FakeCode("0a", "alice", "review")]
    result = terminal.type("room", "review", "--quiet")
    assert (
        "The room was there before. It has two codes more now: review-worker and "
        "review-operator. The codes of alice stay valid.\n"
    ) in result.talk
    assert terminal.type("room", "review", "--json").json["was_there"] is True


def test_room_as_json_has_all_fields() -> None:
    terminal = Terminal()
    arguments = ("room", "review", "--url", "https://relay.example.com", "--json")
    terminal.type(*arguments)
    result = terminal.type(*arguments)
    room = result.json
    assert (room["room"], room["url"]) == ("review", "https://relay.example.com")
    assert room["worker"]["code"] in room["brief"]
    assert room["operator"]["name"] == "review-operator"
    assert len(room["revoked"]) == 2
    assert "Relay   : https://relay.example.com" in room["brief"]
    assert result.talk == ""


def test_a_closed_room_is_not_reopened_silently() -> None:
    terminal = Terminal(FakeOperator(closed={"Review"}))
    result = terminal.type("room", "review")
    assert (result.code, result.out) == (6, "")
    assert "closed by operator at 03:04:05" in result.talk
    assert "argybargy reopen Review" in result.talk
    assert terminal.operator.paths() == ["/admin/state"]


def test_a_failure_half_way_revokes_the_first_code() -> None:
    quota = (403, {"error": "code_quota", "detail": "The relay has issued its 1."})
    operator = FakeOperator(
        codes=[FakeCode("0a", "review-worker", "review")],
        refusals={"/admin/invite": [None, quota]},
    )
    result = Terminal(operator).type("room", "review")
    assert (result.code, result.out) == (1, "")
    assert [code.key_id for code in operator.codes] == ["0a"]
    assert "argybargy revoke" in result.talk


def test_a_name_that_leaves_no_space_for_its_codes_is_explained() -> None:
    terminal = Terminal()
    result = terminal.type("room", "r" * 60)
    assert result.code == 2
    assert "1 to 64" in result.talk
    assert "--worker" in result.talk
    assert terminal.operator.calls == []
    short = terminal.type("room", "r" * 60, "--worker", "w", "--operator", "o")
    assert short.code == 0


def test_worker_and_coordinator_need_different_names() -> None:
    result = Terminal().type("room", "r", "--worker", "Bo", "--operator", "bo")
    assert result.code == 2
    assert "the same name" in result.talk


# -- rooms and verbs ------------------------------------------------------------------


@pytest.mark.parametrize("word", ["del", "rm", "list", "create", "close"])
def test_a_verb_after_room_opens_no_room_of_that_name(word: str) -> None:
    terminal = Terminal()
    result = terminal.type("room", word)
    assert (result.code, terminal.operator.calls) == (2, [])
    assert f"argybargy room --name {word}" in result.talk
    assert terminal.type("room", "--name", word).code == 0


def test_peers_of_all_rooms_name_their_room() -> None:
    codes = [FakeCode("0a", "ann", "build"), FakeCode("0b", "bo", "docs")]
    terminal = Terminal(FakeOperator(codes=codes, said={"build": [], "docs": []}))
    result = terminal.type("peers")
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["ROOM", "NAME"],
        ["build", "ann"],
        ["docs", "bo"],
    ]
    rows = terminal.type("peers", "--json").json
    assert [(row["room"], row["name"]) for row in rows] == [
        ("build", "ann"),
        ("docs", "bo"),
    ]
    assert Terminal().type("peers").code == 3


def test_config_show_names_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "argybargy" / "config.toml"
    talk = Terminal().type("config", "show").talk
    assert talk.startswith(f"Settings file: {path} (there is none)\n")
    path.parent.mkdir()
    path.touch()
    assert f"Settings file: {path}\n" in Terminal().type("config", "show").talk


@pytest.mark.parametrize("verb", ["up", "serve"])
def test_a_relay_knows_its_commands_in_another_terminal(
    verb: str, tmp_path: Path
) -> None:
    anywhere = "uv run --project /clone argybargy"
    terminal = Terminal(program="uv run argybargy", anywhere=anywhere)
    terminal.type(verb, "--port", "9", "--data", str(tmp_path))
    (plan,) = terminal.plans
    typed = plan.typed_elsewhere("argybargy connect")
    assert typed == f"{anywhere} connect --port 9 --data {tmp_path}"
