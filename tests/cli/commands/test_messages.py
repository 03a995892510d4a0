"""Commands that post, list, close rooms and report the state."""

import io
from datetime import date

import pytest
from msgspec.structs import replace

from argybargy.cli.commands.message_line import Said
from argybargy.cli.environment import Machine, ask
from argybargy.cli.errors import CliError, Exit
from argybargy.web.codec.bodies import PostedMessage
from argybargy.web.codec.operator_bodies import StateBody
from support.fake_operator import BASE, FakeCode, FakeOperator, builtins, spoken
from support.terminal import Terminal


def relay() -> FakeOperator:
    """Return a relay with rooms, messages and questions."""
    return FakeOperator(
        codes=[
            FakeCode("0a", "alice", "build", "Opus 5 - feature build"),
            FakeCode("0b", "bo", "build"),
            FakeCode("0c", "carol", "quiet"),
        ],
        closed={"done"},
        online={"alice"},
        said={
            "build": [
                spoken(1, "Ship now, or wait?", expects="anyone", claimed_by="bo"),
                spoken(2, "May I\nmerge?", sender="bo", to="operator",
                       expects="operator"),
                spoken(3, "Yes.", sender="operator", kind="operator", to="bo",
                       reply_to=2),
            ],
            "done": [spoken(1, "The end.", expects="operator")],
        },
    )  # fmt: skip


# -- post -------------------------------------------------------------------------


def test_a_post_is_confirmed_in_the_first_relay_s_format() -> None:
    terminal = Terminal(relay())
    result = terminal.type("post", "build", "Hold the release.")
    assert (result.code, result.out) == (0, "#build seq 4 sent as operator -> all\n")
    assert result.talk == "Heard by: 1 parked\nNot listening now: 2 away\n"
    assert terminal.operator.calls == [
        (
            "POST",
            "/admin/say",
            {
                "room": "build",
                "text": "Hold the release.",
                "to": "all",
                "sender": "operator",
                "expects_reply": None,
                "reply_to": None,
                "new": False,
            },
        )
    ]


@pytest.mark.parametrize(
    "options",
    [
        [
            "--to",
            "alice",
            "--as",
            "titus",
            "--expects-reply",
            "alice",
            "--reply-to",
            "2",
        ],
        ["--to", "alice", "--sender", "titus", "--expects", "alice", "--reply-to=2"],
    ],
)
def test_options_are_accepted_by_their_old_and_new_names(
    options: list[str],
) -> None:
    terminal = Terminal(relay())
    for arguments in (
        ["say", "build", "Go.", *options],
        ["say", *options, "build", "Go."],
    ):
        assert terminal.type(*arguments).code == 0
        body = terminal.operator.calls[-1][2]
        assert body is not None
        assert (body["to"], body["sender"]) == ("alice", "titus")
        assert (body["expects_reply"], body["reply_to"]) == ("alice", 2)
        assert body["text"] == "Go."


def test_a_post_may_have_several_recipients() -> None:
    terminal = Terminal(relay())
    terminal.type("post", "build", "Go.", "--to", "alice", "--to", "bo")
    body = terminal.operator.calls[-1][2]
    assert body is not None
    assert body["to"] == ["alice", "bo"]


@pytest.mark.parametrize("to", [["a,b"], ["a, b"], ["a", "--to", "b"]])
def test_names_may_be_separated_by_commas(to: list[str]) -> None:
    terminal = Terminal(relay())
    terminal.type("post", "build", "Go.", "--to", *to)
    body = terminal.operator.calls[-1][2]
    assert body is not None
    assert body["to"] == ["a", "b"]


def test_standard_input_that_is_not_utf8_is_not_posted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Standard input under the C locale, where invalid UTF-8 is escaped silently.
    stdin = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "ascii", "surrogateescape")
    monkeypatch.setattr("sys.stdin", stdin)
    terminal = Terminal(relay(), read_input=Machine.real().read_input)
    result = terminal.type("post", "build", "-")
    assert (result.code, result.out) == (2, "")
    assert "Standard input is not UTF-8" in result.talk
    assert terminal.operator.calls == []


def test_standard_input_is_posted_without_its_last_newline() -> None:
    terminal = Terminal(relay(), typed="$HOME `pwd`\n\n  two\n")
    terminal.type("post", "build", "-")
    body = terminal.operator.calls[-1][2]
    assert body is not None
    assert body["text"] == "$HOME `pwd`\n\n  two"


@pytest.mark.parametrize("typed", ["", " \n", "x" * 1_000_001])
def test_empty_and_oversized_input_are_usage_errors(typed: str) -> None:
    terminal = Terminal(relay(), typed=typed)
    assert terminal.type("post", "build", "-").code == 2
    assert terminal.operator.calls == []


def test_a_text_may_begin_with_a_dash() -> None:
    terminal = Terminal(relay())
    assert terminal.type("post", "build", "-1 from me").code == 0
    body = terminal.operator.calls[-1][2]
    assert body is not None
    assert body["text"] == "-1 from me"


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--expcts", "bo", "Go."]])
def test_a_mistyped_option_is_not_posted(arguments: list[str]) -> None:
    terminal = Terminal(relay())
    assert terminal.type("post", "build", *arguments).code == 2
    assert terminal.operator.calls == []


def test_post_writes_json() -> None:
    result = Terminal(relay()).type("post", "build", "Go.", "--json")
    assert result.json["message"]["seq"] == 4
    assert result.talk == ""


def test_the_first_message_of_a_room_is_announced() -> None:
    result = Terminal(relay()).type("post", "biuld", "Go.", "--new")
    assert (result.code, result.out) == (0, "#biuld seq 1 sent as operator -> all\n")
    assert "#biuld is a new room: this is its first message.\n" in result.talk


@pytest.mark.parametrize("verb", ["post", "say"])
def test_an_unknown_room_is_refused_and_not_made(verb: str) -> None:
    terminal = Terminal(relay())
    result = terminal.type(verb, "biuld", "Go.")
    assert (result.code, result.out) == (5, "")
    assert result.talk == (
        "argybargy: There is no room 'biuld'.\n"
        "List the rooms: argybargy rooms. To make it: "
        "argybargy post biuld TEXT --new\n"
    )
    assert "biuld" not in terminal.operator.rooms()


def test_an_unknown_recipient_is_named() -> None:
    terminal = Terminal(relay())
    result = terminal.type("post", "build", "Go.", "--to", "nobody")
    assert result.talk == "There is no agent 'nobody' in build.\n"
    quiet = terminal.type("post", "build", "Go.", "--to", "alice,nobody", "--quiet")
    assert quiet.talk == "There is no agent 'nobody' in build.\n"
    result = terminal.type("post", "build", "Go.", "--to", "alice,nobody")
    assert result.talk.endswith("\nHeard by: alice parked\n")


@pytest.mark.parametrize(
    ("receipt", "talk"),
    [
        ("wakes now", "Heard by: alice wakes now\n"),
        ("parked", "Heard by: alice parked\n"),
        ("online", "alice does not listen now: it reads this when it asks next.\n"),
        ("next turn", "alice reads this at its next turn.\n"),
        ("held", "alice reads this later: its poll holds back what does not ask it.\n"),
        ("not listening", "alice is not listening.\n"),
        (
            "not listening since 2026-01-02T03:04:05.000+00:00",
            "alice is not listening since 03:04:05.\n",
        ),
        (
            "damped until 2026-01-02T03:05:00.000+00:00",
            "alice is damped until 03:05:00.\n",
        ),
    ],
)
def test_a_post_shows_the_receipts(receipt: str, talk: str) -> None:
    terminal = Terminal(relay())
    terminal.operator.receipts = {"alice": receipt}
    assert terminal.type("post", "build", "Go.", "--to", "alice").talk == talk


def test_a_text_after_two_hyphens_is_posted() -> None:
    terminal = Terminal(relay())
    for arguments in (["post", "build", "--", "-x"], ["say", "--", "build", "--to"]):
        assert terminal.type(*arguments).code == 0
    bodies = [body for _, _, body in terminal.operator.calls]
    assert [body["text"] for body in bodies if body] == ["-x", "--to"]
    assert "argybargy post ROOM -- -x" in terminal.type("post", "build", "-x").talk


# -- history ------------------------------------------------------------------------


def test_history_is_a_line_for_each_message() -> None:
    result = Terminal(relay()).type("history", "build")
    assert result.out.splitlines() == [
        "#build 1 00:00:01 alice → all  [asks anyone, claimed by bo]  "
        "Ship now, or wait?",
        r"#build 2 00:00:02 bo → you  [asks you]  May I\nmerge?",
        "#build 3 00:00:03 you → bo  [re 2]  Yes.",
    ]
    assert (result.code, result.talk) == (0, "")


def test_history_pages_back_with_before() -> None:
    result = Terminal(relay()).type("history", "build", "--limit", "1", "--before", "3")
    assert result.out.startswith("#build 2 ")
    assert result.out.count("\n") == 1
    assert result.talk == "Older messages: --before 2\n"


def test_an_empty_history_differs_from_an_unknown_room() -> None:
    terminal = Terminal(relay())
    assert terminal.type("history", "quiet").code == 3
    result = terminal.type("history", "nowhere")
    assert (result.code, result.out) == (5, "")
    assert "argybargy rooms" in result.talk
    assert terminal.type("history", "build", "--limit", "0").code == 2


def test_a_message_of_another_day_has_its_date() -> None:
    terminal = Terminal(relay())
    terminal.today = date(2026, 1, 3)
    lines = terminal.type("history", "build").out.splitlines()
    assert lines[0].startswith("#build 1 2026-01-02 00:00:01 alice")


def test_a_message_keeps_its_original_addressee() -> None:
    said = Said.read(
        builtins(spoken(1, "Who?", expects="anyone"))
        | {"expects_reply_resolved": "bo"},
        "build",
    )
    assert said.expects == "anyone"


# -- waiting --------------------------------------------------------------------------


def test_waiting_sorts_by_the_longest_wait() -> None:
    result = Terminal(relay()).type("waiting")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["3m", "build", "2"],
        ["1m", "build", "1"],
    ]
    assert "argybargy answer build 2 TEXT" in result.talk


def test_the_example_answers_what_the_operator_may_answer() -> None:
    def asked(seq: int, expects: str) -> PostedMessage:
        return spoken(seq, "Well?", expects=expects)

    operator = FakeOperator(said={"den": [asked(9, "bo")]})
    assert Terminal(operator).type("waiting").talk == ""
    operator.said["den"].append(asked(5, "anyone"))
    assert "answer den 5 TEXT" in Terminal(operator).type("waiting").talk


@pytest.mark.parametrize(("columns", "most"), [(None, 140), (100, 100), (30, 80)])
def test_a_question_of_any_length_takes_one_line(
    columns: int | None, most: int
) -> None:
    text = "\x1b[2J\n" + "long " * 1_000
    operator = FakeOperator(said={"den": [spoken(1, text, expects="anyone")]})
    terminal = Terminal(operator, columns=columns)
    _, line = terminal.type("waiting").out.splitlines()
    assert len(line) <= most
    assert r"\x1b[2J" in line
    assert line.endswith("…")
    assert terminal.type("waiting", "--json").json[0]["text"] == text


def test_no_open_questions_is_exit_code_3() -> None:
    result = Terminal().type("waiting")
    assert (result.code, result.out) == (3, "")
    assert Terminal().type("waiting", "--json").out == "[]\n"


# -- rooms and peers ------------------------------------------------------------------


def test_rooms_are_listed_with_their_figures() -> None:
    result = Terminal(relay()).type("rooms")
    assert result.out.splitlines() == [
        "ROOM   STATUS  MSGS  LAST   WAITING  ASKS YOU  ONLINE",
        "build  open    3     42s    2        1         1",
        "done   closed  1     42s    -        -         1",
        "quiet  open    0     never  -        -         -",
    ]
    assert Terminal().type("rooms").code == 3


def test_peers_takes_any_spelling_of_the_room() -> None:
    result = Terminal(relay()).type("peers", "BUILD")
    assert result.out.splitlines() == [
        "NAME   STATE        SEEN  SPOKE  CAPABILITIES",
        "alice  standing by  now   1m     Opus 5 - feature build",
        "bo     away         -     1m     -",
    ]
    assert Terminal(relay()).type("peers", "nowhere").code == 5
    assert Terminal(FakeOperator(closed={"done"})).type("peers", "done").code == 3


def test_peers_and_codes_show_roles_status_and_who_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal(relay())
    state = terminal.operator._state

    def told() -> StateBody:
        found = state()
        alice, bo = found.roster["build"]
        alice = replace(alice, listening="wakes now", status="testing", capabilities="")
        bo = replace(bo, role="person")
        codes = [replace(found.codes[0], role="reader"), *found.codes[1:]]
        return replace(found, roster={"build": [alice, bo]}, codes=codes)

    monkeypatch.setattr(FakeOperator, "_state", lambda _: told())
    assert terminal.type("peers", "build").out.splitlines() == [
        "NAME   ROLE    STATE        LISTENS    SEEN  SPOKE  STATUS   CAPABILITIES",
        "alice  -       standing by  wakes now  now   1m     testing  -",
        "bo     person  away         -          -     1m     -        -",
    ]
    assert terminal.type("codes").out.splitlines()[:2] == [
        "NAME   ROLE    ROOM   KEY ID  EXPIRES  CAPABILITIES",
        "alice  reader  build  0a      never    Opus 5 - feature build",
    ]


@pytest.mark.parametrize("yes", [True, None])
def test_a_room_is_closed_and_reopened(yes: bool | None) -> None:
    terminal = Terminal(relay(), yes=yes)
    closed = terminal.type("close", "build", "--by", "titus")
    assert (closed.code, closed.out.split(" at ")[0]) == (
        0,
        "#build closed by operator",
    )
    assert terminal.operator.calls[-1][2] == {"by": "titus"}
    opened = terminal.type("reopen", "build")
    assert (opened.code, opened.out) == (0, "#build is open again.\n")
    assert "These codes work again at once: alice, bo." in opened.talk
    assert "argybargy revoke NAME --room build\n" in opened.talk
    assert opened.talk.endswith("For a new agent: argybargy room build\n")
    assert terminal.questions == (
        ["Close build, and dismiss the agents in it?"] * bool(yes)
    )


def test_undamp_lets_a_pair_wake_each_other_again() -> None:
    terminal = Terminal(relay())
    result = terminal.type("undamp", "build")
    assert (result.code, result.out) == (3, "")
    assert result.talk == "Nobody is damped in #build.\n"
    terminal.operator.damped = [("alice", "bo")]
    result = terminal.type("undamp", "build", "bo", "alice", "--by", "titus")
    assert (result.code, result.out) == (
        0,
        "alice and bo wake each other again in #build.\n",
    )
    path = "/admin/rooms/build/damping?by=titus&pair=bo%2Calice"
    assert terminal.operator.calls[-1] == ("DELETE", path, None)
    assert terminal.type("undamp", "build", "--json").code == 3
    assert terminal.type("undamp", "build", "bo").code == 2
    assert terminal.type("undamp", "nowhere").code == 5


def test_closing_a_closed_room_reports_its_state() -> None:
    terminal = Terminal(relay(), yes=False)
    result = terminal.type("close", "done")
    assert (result.code, result.talk) == (0, "")
    assert result.out == "#done was already closed, by operator at 03:04:05.\n"
    assert terminal.questions == []
    result = terminal.type("reopen", "BUILD")
    assert (result.code, result.out, result.talk) == (
        0,
        "#build is already open.\n",
        "",
    )


def test_closing_needs_a_yes_unless_given_on_the_command_line() -> None:
    terminal = Terminal(relay(), yes=False)
    result = terminal.type("close", "build")
    assert (result.code, result.talk) == (1, "argybargy: Nothing was closed.\n")
    assert terminal.operator.paths() == ["/admin/state"]
    assert terminal.type("close", "build", "--yes").code == 0
    assert terminal.type("close", "nowhere", "--yes").code == 5


@pytest.mark.parametrize(
    ("typed", "is_yes", "shown"),
    [("y\n", True, "Go? [y/N] "), ("n\n", False, "Go? [y/N] "),
     ("", None, "Go? [y/N] \n")],
)  # fmt: skip
def test_only_yes_confirms_and_the_end_of_input_ends_the_line(
    typed: str, is_yes: bool | None, shown: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert ask("Go?") is is_yes
    assert capsys.readouterr().err == shown


# -- how the relay is -----------------------------------------------------------------


def test_the_status_is_on_one_screen() -> None:
    result = Terminal(relay()).type("status")
    assert result.code == 0
    assert result.out.splitlines()[1] == f"public    {BASE}"
    assert result.out.splitlines()[4:] == [
        "up for    2h",
        "storage   ready (sqlite, schema 1)",
        "rooms     3, 1 of them closed",
        "messages  4",
        "codes     3",
        "agents    1 online, 2 polls parked",
        "waiting   2, 1 of them for you, for up to 3m: argybargy waiting",
        "notify    no service is set",
    ]
    assert Terminal(relay()).type("status", "--quiet").out == ""


def test_status_reports_a_relay_that_cannot_store() -> None:
    operator = relay()
    full = (503, {"error": "storage_unavailable", "detail": "The disk is full."})
    operator.refusals["/ready"] = [full, full]
    result = Terminal(operator).type("status", "--json")
    assert (result.code, result.json["ready"]) == (1, False)
    assert "The disk is full." in result.json["storage"]
    operator.refusals["/ready"] = [full, full]
    (line,) = Terminal(operator).type("status", "--quiet").out.splitlines()
    assert line.startswith("storage   not ready (")
    operator.refusals["/ready"] = [full]
    result = Terminal(operator).type("health")
    assert (result.code, result.out) == (7, "")
    assert "The disk is full." in result.talk


def test_health_reports_by_its_exit_code() -> None:
    assert Terminal().type("health").out == "ready 0\n"
    assert Terminal().type("health", "--quiet").out == ""
    assert Terminal().type("health", "--json").json["schema"] == 1
    assert Terminal().type("health", "--url", "nowhere").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["post", "build", "x"], ["history", "build"], ["waiting"], ["rooms"],
        ["peers", "build"], ["close", "build"], ["reopen", "build"], ["status"],
        ["health"], ["watch"], ["undamp", "build"],
        ["ask", "build", "x"], ["answer", "1", "x"],
        ["show", "1"],
    ],
)  # fmt: skip
def test_live_commands_need_a_relay(arguments: list[str]) -> None:
    def nowhere(*_: object, **__: object) -> object:
        raise CliError("No relay can be reached.", "Start one.", Exit.UNREACHABLE)

    result = Terminal(connect=nowhere).type(*arguments)  # type: ignore[arg-type]
    assert (result.code, result.out) == (7, "")


# -- this program ---------------------------------------------------------------------


def test_every_setting_names_its_source() -> None:
    terminal = Terminal(environment={"ARGYBARGY_MAX_WAIT": "9"})
    rows = {row["name"]: row for row in terminal.type(
        "config", "show", "--port", "9000", "--json").json}  # fmt: skip
    assert (rows["port"]["value"], rows["port"]["source"]) == (9000, "--port")
    assert (rows["max_wait"]["value"], rows["max_wait"]["source"]) == (
        9.0,
        "ARGYBARGY_MAX_WAIT",
    )
    assert rows["docs"]["source"] == "default"
    lines = terminal.type("config", "show").out.splitlines()
    assert any(line.split() == ["docs", "true", "default"] for line in lines)


def test_a_parent_command_lists_its_subcommands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert Terminal().type("config").code == 0
    assert "show: Show every setting" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell: str) -> None:
    script = Terminal().type("completion", shell).out
    for verb in ("watch", "invite", "config"):
        assert verb in script
    assert Terminal().type("completion", "tcsh").code == 2


@pytest.mark.parametrize("text", ["1.5", "2.0", "0x10", "1e3", "", "²"])
@pytest.mark.parametrize(
    "command",
    [("post", "build", "hi", "--reply-to"), ("history", "build", "--limit"),
     ("rooms", "--port"), ("watch", "build", "--since")],
)  # fmt: skip
def test_a_fractional_number_is_refused_and_not_rounded(
    command: tuple[str, ...], text: str
) -> None:
    terminal = Terminal()
    result = terminal.type(*command, text)
    assert (result.code, result.out) == (2, "")
    assert f'"{text}" is not a whole number' in result.talk
    assert terminal.operator.calls == []


# -- withdraw -----------------------------------------------------------------------


def test_a_question_is_withdrawn_with_a_reason() -> None:
    terminal = Terminal(relay())
    result = terminal.type("withdraw", "build", "2", "--reason", "I found it.")
    assert (result.code, result.out) == (0, "#build seq 2 is withdrawn.\n")
    path = "/admin/rooms/build/messages/2/question"
    assert terminal.operator.calls == [("DELETE", path, {"reason": "I found it."})]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (409, "not_withdrawable", Exit.LOST),
        (404, "not_found", Exit.NOT_FOUND),
        (404, "room_not_found", Exit.NOT_FOUND),
    ],
)
def test_a_question_that_cannot_be_withdrawn_has_an_exit_code_of_its_own(
    status: int, error: str, code: Exit
) -> None:
    terminal = Terminal(relay())
    path = "/admin/rooms/build/messages/2/question"
    refusal = {"error": error, "detail": "It is answered."}
    terminal.operator.refusals[path] = [(status, refusal)]
    assert terminal.type("withdraw", "build", "2").code == code


def test_a_number_is_required_to_withdraw_a_question() -> None:
    assert Terminal(relay()).type("withdraw", "build", "two").code == Exit.USAGE
