"""The commands of agents, against a relay in memory."""

import errno
import shlex

import pytest

from argybargy.agent.command import Command
from argybargy.agent.command_table import COMMANDS, parse_arguments
from argybargy.agent.errors import Exit
from argybargy.agent.process import Process
from argybargy.agent.relay_client import RelayAnswer, RelayAway, RelayRefused
from argybargy.agent.seat import MOST_SEEN
from support.agent_desk import BASE, CODE, Desk, json_answer

LINK = f"{BASE}/join#argy_i1_0123456789abcdefghijklmnopqrstuvwxyzAB"
JOINED = json_answer({"code": CODE, "room": "Build", "name": "Alice"})


# -- join and leave ---------------------------------------------------------------


def test_an_invitation_is_traded_for_a_seat(desk: Desk) -> None:
    desk.relay.answers["POST", "/join"] = JOINED
    result = desk.type("join", LINK, "--as", "Alice", "--for", "claude")
    assert result.code == Exit.OK
    assert result.out == f"Alice in Build at {BASE}\nseat 127.0.0.1-21600/build/alice\n"
    secret = LINK.rpartition("#")[2]
    body = {"invite": secret, "name": "Alice", "client": "claude"}
    assert desk.relay.requests == [("POST", "/join", body)]
    named = (desk.project / ".argybargy").read_text()
    assert named.splitlines()[-1] == "127.0.0.1-21600/build/alice"
    assert CODE not in result.out + result.notes + named


def test_a_seat_is_not_named_in_the_project_if_that_is_not_wanted(desk: Desk) -> None:
    desk.relay.answers["POST", "/join"] = JOINED
    assert desk.type("join", LINK, "--no-file").code == Exit.OK
    assert list(desk.project.iterdir()) == []


def test_a_code_is_read_from_standard_input(desk: Desk) -> None:
    desk.relay.answers["GET", "/whoami"] = json_answer({"room": "b", "name": "a"})
    given = f"Authorization: Bearer {CODE}\n"
    assert desk.type("join", BASE, "--code-stdin", given=given).code == Exit.OK
    assert desk.type("join", BASE, "--code-stdin", given=" \n").code == Exit.USAGE
    assert desk.type("join", BASE, "--header-file", "none").code == Exit.USAGE


@pytest.mark.parametrize("body", [{}, {"code": CODE}, {"room": "b", "name": "a"}])
def test_an_answer_that_is_no_relays_makes_no_seat(
    desk: Desk, body: dict[str, str]
) -> None:
    desk.relay.answers["POST", "/join"] = json_answer(body)
    assert desk.type("join", LINK).code == Exit.FAILED
    assert not (desk.root / "state").exists()


def test_a_lost_answer_to_an_invitation_is_asked_for_again(desk: Desk) -> None:
    desk.relay.answers["POST", "/join"] = JOINED
    desk.relay.failures = [RelayAway("It broke off.")]
    assert desk.type("join", LINK).code == Exit.OK
    one, two = (each["Idempotency-Key"] for each in desk.relay.headers)
    assert one == two


def test_a_used_invitation_says_what_to_do(desk: Desk) -> None:
    refusal = RelayRefused(410, "invite_used", "Ask the operator for a new one.")
    desk.relay.answers["POST", "/join"] = refusal
    result = desk.type("join", LINK)
    assert result.code == Exit.REFUSED
    assert result.notes == "argy: invite_used: Ask the operator for a new one.\n"


def test_an_invitation_without_a_name_says_what_to_add(desk: Desk) -> None:
    refusal = RelayRefused(422, "invalid_request", "name: choose a name")
    desk.relay.answers["POST", "/join"] = refusal
    result = desk.type("join", LINK)
    assert result.notes.splitlines() == [
        "argy: invalid_request: name: choose a name",
        "Add --as NAME",
    ]
    refusal = RelayRefused(422, "invalid_request", "name: leave it out")
    desk.relay.answers["POST", "/join"] = refusal
    assert "--as" not in desk.type("join", LINK, "--as", "bob").notes


def test_leaving_deletes_the_code_and_the_name_in_the_project(desk: Desk) -> None:
    desk.relay.answers["POST", "/join"] = JOINED
    desk.type("join", LINK)
    desk.relay.post("hello")
    desk.type("read")
    assert desk.type("leave").out == "left 127.0.0.1-21600/build/alice\n"
    assert not (desk.project / ".argybargy").exists()
    assert [each for each in (desk.root / "state").rglob("*") if each.is_file()] == []
    assert desk.type("who").code == Exit.NOT_FOUND


# -- read and wait ----------------------------------------------------------------


def test_reading_prints_each_message_once_and_acknowledges_it(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.post("one\n| two")
    desk.relay.post("three", header=">you asks you")
    assert desk.type("read").out == "1 bob: one\n| two\n2 bob>you asks you: three\n"
    assert desk.relay.acknowledged == 0
    assert desk.type("read", "new").out == ""
    assert desk.relay.acknowledged == 2


def test_a_slow_relay_or_reader_holds_no_lock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ear that waits for the lock too long would end."""
    seat, held = desk.take_seat(), []
    write = Process.write

    def check(process: Process, text: str) -> None:
        with seat.locked(desk.process()):
            held.append("output")
        write(process, text)

    def answer() -> None:
        with seat.locked(desk.process()):
            held.append("relay")

    desk.relay.while_answering = answer
    monkeypatch.setattr(Process, "write", check)
    desk.relay.post("one")
    assert desk.type("read").out == "1 bob: one\n"
    desk.relay.post("two")
    assert desk.type("wait").out == "2 bob: two\n"
    assert held == ["relay", "output"] * 2


def test_a_full_disk_is_an_error_in_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take_seat()
    desk.relay.post("one")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "state.json")

    monkeypatch.setattr("argybargy.agent.seat.write_private_file", fail)
    result = desk.type("read")
    assert (result.code, result.out) == (Exit.FAILED, "1 bob: one\n")
    assert result.notes.startswith("argy: No space left on device: state.json.\n")


def test_reading_goes_on_until_there_is_no_more(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.page_messages = 2
    for number in range(5):
        desk.relay.post(f"text {number}")
    shown = desk.type("read").out
    assert shown.count("\n") == 5
    assert "more" not in shown


def test_a_read_of_very_many_pages_says_how_to_go_on(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.page_messages = 1
    for number in range(25):
        desk.relay.post(f"text {number}")
    assert desk.type("read").out.splitlines()[-1] == "more: argy read"
    assert desk.type("read").out.splitlines()[-1] == "25 bob: text 24"


def test_a_restored_room_is_read_from_its_new_end(desk: Desk) -> None:
    desk.take_seat()
    for _ in range(3):
        desk.relay.post("text")
    desk.type("read")
    desk.relay.lines = desk.relay.lines[:1]
    assert desk.type("read").out == ""
    desk.relay.post("after the restore")
    assert desk.type("read").out == "2 bob: after the restore\n"


def test_one_message_and_a_range_acknowledge_nothing(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.answers["GET", "/messages/41"] = RelayAnswer(200, "41 bob: text\n")
    desk.relay.answers["GET", "/history"] = RelayAnswer(
        200, "7 bob: a\n9 bob: b\n| c\n20 bob: d\nmore: before=7\n"
    )
    assert desk.type("read", "41").out == "41 bob: text\n"
    assert desk.type("read", "9-20").out == "9 bob: b\n| c\n20 bob: d\n"
    assert desk.relay.requests[-1][1] == "/history?before=21&limit=100"
    assert desk.type("read", "all").code == Exit.USAGE


def test_waiting_ends_with_a_message(desk: Desk) -> None:
    desk.take_seat()

    def speak() -> None:
        if desk.relay.clock.seconds > 60:
            desk.relay.post("hello")

    desk.relay.while_waiting = speak
    result = desk.type("wait")
    assert (result.code, result.out) == (Exit.OK, "1 bob: hello\n")
    assert desk.relay.requests[0][1].endswith("wake=asks&settle=0.4")


def test_waiting_ends_at_its_time(desk: Desk) -> None:
    desk.take_seat()
    result = desk.type("wait", "--timeout", "60")
    assert (result.code, result.out) == (Exit.TIMEOUT, "")
    assert 60 <= desk.relay.clock.seconds < 61


def test_waiting_in_a_closed_room_ends(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.closed_by = "titus"
    result = desk.type("wait")
    assert (result.code, result.out) == (Exit.CLOSED, "leave: room closed by titus\n")


def test_waiting_with_a_revoked_code_ends(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.failures = [RelayRefused(401, "unauthorized", "Missing code.")]
    result = desk.type("wait")
    assert (result.code, result.out) == (Exit.REFUSED, "")
    assert "argy join LINK" in result.notes


def test_waiting_for_a_relay_that_was_never_there_ends_at_once(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.failures = [RelayAway("Nothing listens there.", was_sent=False)]
    assert desk.type("wait").code == Exit.AWAY
    assert desk.relay.clock.slept == []


def test_waiting_survives_a_restart_of_the_relay_and_not_its_end(desk: Desk) -> None:
    desk.take_seat()
    away = RelayAway("Nothing listens there.", was_sent=False)
    desk.relay.failures = [None, away, away, None, *[away] * 99]
    assert desk.type("wait").code == Exit.AWAY
    assert desk.relay.clock.slept[:2] == [1, 2]
    assert desk.relay.clock.slept[2:] == [1, 2, 4, 8, 15, 15, 15]


def test_waiting_heeds_the_pause_that_the_relay_asks_for(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.failures = [RelayAway("Too many requests.", seconds=7)]
    desk.relay.post("hello")
    assert desk.type("wait").code == Exit.OK
    assert desk.relay.clock.slept == [7]


# -- say, ask, claim, release ------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ('say --re 41 "done"', {"text": "done", "reply_to": 41}),
        ("say all done", {"text": "all done"}),
        ("say --to bob done", {"text": "done", "to": "bob"}),
        ("say done --to a --to b", {"text": "done", "to": ["a", "b"]}),
        ('say "- a\n- b"', {"text": "- a\n- b"}),
        ("say -- --to", {"text": "--to"}),
        (
            "say --fyi --to bob done",
            {"text": "done", "to": "bob", "expects_reply": "none"},
        ),
        ("say --re 41 --choice yes", {"choice": "yes", "reply_to": 41}),
        (
            "say --re 41 --choice yes but later",
            {"choice": "yes", "reply_to": 41, "text": "but later"},
        ),
        (
            "ask ship it --choices yes,no --choices later",
            {
                "text": "ship it",
                "to": "all",
                "expects_reply": "anyone",
                "choices": ["yes", "no", "later"],
            },
        ),
        ("say -", {"text": "from\na pipe é"}),
        ('ask "who?"', {"text": "who?", "to": "all", "expects_reply": "anyone"}),
        (
            "ask --to operator may I",
            {"text": "may I", "to": "operator", "expects_reply": "operator"},
        ),
    ],
)
def test_a_message_is_posted(desk: Desk, line: str, body: dict[str, object]) -> None:
    desk.take_seat()
    answer = RelayAnswer(200, "ok 21 · codex wakes now\n")
    desk.relay.answers["POST", "/messages"] = answer
    result = desk.type(*shlex.split(line), given="from\na pipe é\n")
    assert (result.code, result.out) == (Exit.OK, "ok 21 · codex wakes now\n")
    assert desk.relay.requests == [("POST", "/messages", body)]


def test_a_post_whose_answer_is_lost_is_repeated_with_its_key(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.answers["POST", "/messages"] = RelayAnswer(200, "ok 21\n")
    desk.relay.failures = [RelayAway("It broke off.")]
    assert desk.type("say", "done").code == Exit.OK
    one, two = (each["Idempotency-Key"] for each in desk.relay.headers)
    assert one == two
    desk.type("say", "done")
    assert desk.relay.headers[-1]["Idempotency-Key"] != one


def test_a_post_that_was_not_sent_or_refused_is_not_repeated(desk: Desk) -> None:
    desk.take_seat()
    for failure in (RelayAway("x", was_sent=False), RelayAway("x", seconds=3)):
        desk.relay.requests.clear()
        desk.relay.failures = [failure]
        assert desk.type("say", "done").code == Exit.AWAY
        assert len(desk.relay.requests) == 1


@pytest.mark.parametrize("given", ["", " \n"])
def test_an_empty_text_is_refused_before_it_is_sent(desk: Desk, given: str) -> None:
    desk.take_seat()
    assert desk.type("say", "-", given=given).code == Exit.USAGE
    assert desk.relay.requests == []


def test_asking_may_wait_for_the_answer(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.answers["POST", "/ask"] = RelayAnswer(200, "ok 21\n22 bob re 21: yes\n")
    words = ("ask", "--to", "bob", "--wait", "30", "really?")
    assert desk.type(*words).out == "ok 21\n22 bob re 21: yes\n"
    assert desk.relay.requests[0][2]["wait"] == 30
    desk.relay.answers["POST", "/ask"] = RelayAnswer(202, "waiting 21\n")
    assert desk.type(*words).code == Exit.TIMEOUT
    asked_back = "waiting 21\n22 bob>you asks you re 21: which one?\n"
    desk.relay.answers["POST", "/ask"] = RelayAnswer(202, asked_back)
    result = desk.type(*words)
    assert (result.code, result.out) == (Exit.OK, asked_back)


def test_an_answer_that_asking_has_printed_is_not_read_again(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.post("before")
    desk.relay.post("yes", header=" re 1")
    desk.relay.answers["POST", "/ask"] = RelayAnswer(200, "ok 1\n2 bob re 1: yes\n")
    desk.type("ask", "--wait", "30", "really?")
    assert desk.type("read").out == "1 bob: before\n"
    desk.type("ask", "--wait", "30", "really?")
    assert desk.type("wait", "--timeout", "1").code == Exit.TIMEOUT


@pytest.mark.parametrize("command", ["read", "wait", "ear --wake exit2"])
def test_a_restored_relay_may_use_the_number_of_an_answer_again(
    desk: Desk, command: str
) -> None:
    desk.take_seat()
    desk.relay.lines = ["bob: old"] * 5
    desk.type("read")
    desk.relay.answers["POST", "/ask"] = RelayAnswer(200, "ok 6\n7 bob re 6: yes\n")
    desk.type("ask", "--wait", "30", "really?")
    desk.relay.lines = ["bob: old"]
    desk.type("read")
    desk.relay.lines += ["bob: new"] * 6
    result = desk.type(*command.split())
    assert "7 bob: new\n" in result.out + result.notes


def test_only_the_newest_answers_are_remembered(desk: Desk) -> None:
    seat = desk.take_seat()
    for number in range(1, 2 * MOST_SEEN):
        text = f"{number} bob: yes\n"
        desk.relay.answers["POST", "/ask"] = RelayAnswer(200, text)
        desk.type("ask", "--wait", "30", "really?")
    assert seat.state().seen == tuple(range(MOST_SEEN, 2 * MOST_SEEN))


def test_a_question_is_claimed_and_released(desk: Desk) -> None:
    desk.take_seat()
    path = "/messages/9/claim"
    desk.relay.answers["POST", path] = RelayAnswer(200, "claimed 9\n")
    desk.relay.answers["DELETE", path] = RelayAnswer(200, "released 9\n")
    assert desk.type("claim", "9").out == "claimed 9\n"
    assert desk.type("release", "9").out == "released 9\n"
    desk.relay.answers["POST", path] = RelayRefused(409, "claimed_by_other", "gem.")
    result = desk.type("claim", "9")
    assert result.code == Exit.CLOSED
    assert result.notes.splitlines()[1] == "Another agent answers it: stay quiet."


def test_a_question_is_withdrawn(desk: Desk) -> None:
    desk.take_seat()
    path = "/messages/9/question"
    desk.relay.answers["DELETE", path] = RelayAnswer(200, "withdrawn 9\n")
    assert desk.type("withdraw", "9").out == "withdrawn 9\n"
    assert desk.type("withdraw", "9", "--reason", "I found it").code == Exit.OK
    assert desk.relay.requests[-1][:2] == ("DELETE", f"{path}?reason=I+found+it")
    assert desk.type("withdraw").code == Exit.USAGE


# -- look around ------------------------------------------------------------------


def test_peers_and_found_messages_are_the_relays_text(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.answers["GET", "/peers"] = RelayAnswer(200, "bob online\n")
    desk.relay.answers["GET", "/search"] = RelayAnswer(200, "3 bob: …ledger…\n")
    assert desk.type("who").out == "bob online\n"
    assert desk.type("find", "from:bob", '"the ledger"').out == "3 bob: …ledger…\n"
    assert "q=from%3Abob+%22the+ledger%22&limit=10" in desk.relay.requests[-1][1]


def test_an_agent_says_what_it_can_and_does(desk: Desk) -> None:
    desk.take_seat()
    told = json_answer({"name": "alice", "capabilities": "sql ci", "status": "resting"})
    desk.relay.answers["PUT", "/me"] = told
    desk.relay.answers["GET", "/whoami"] = json_answer({"name": "alice"})
    given = desk.type("me", "--can", "sql, ci", "--status", "resting")
    assert (given.code, given.out) == (Exit.OK, "alice: sql ci · resting\n")
    body = {"capabilities": ["sql", "ci"], "status": "resting"}
    assert desk.relay.requests == [("PUT", "/me", body)]
    desk.type("me", "--can", "")
    assert desk.relay.requests[-1] == ("PUT", "/me", {"capabilities": []})
    assert desk.type("me").out == "alice\n"


def test_the_status_says_what_waits(desk: Desk) -> None:
    desk.take_seat()
    desk.relay.answers["GET", "/resume"] = json_answer(
        {
            "unread": 3,
            "open_questions": [{"seq": 4}, {"seq": 9}],
            "claims": [{"seq": 7}],
            "room_status": {"status": "closed"},
        }
    )
    assert desk.type("status").out.splitlines() == [
        f"alice in build at {BASE}",
        "seat 127.0.0.1-21600/build/alice",
        "unread 3",
        "no answer yet to your 4, 9",
        "claimed by you: 7",
        "the room is closed",
        "no ear",
    ]


# -- the command line -------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help(desk: Desk, command: Command) -> None:
    result = desk.type(command.name, "--help")
    assert result.code == Exit.OK
    assert result.out.startswith(f"Usage: argy {command.name}")
    assert command.summary in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert command.name in desk.type("--help").out


@pytest.mark.parametrize(
    "line",
    [
        *("", "shout", "say", "claim x", "claim -1", "claim 1.5", "join x"),
        *("wait --timeout -1", "wait --timeout nan", "wait --hear never"),
        *("read 1 2", "who --colour"),
    ],
)
def test_a_wrong_line_does_nothing_and_says_what_to_type(desk: Desk, line: str) -> None:
    desk.take_seat()
    result = desk.type(*line.split())
    assert result.code == Exit.USAGE
    assert "argy" in result.out + result.notes
    assert desk.relay.requests == []


def test_no_code_is_shown_by_any_error(desk: Desk) -> None:
    desk.take_seat()
    for words in (["say", "x"], ["read"], ["wait"], ["who"]):
        desk.relay.failures = [RelayAway("Nothing listens there.")] * 2
        result = desk.type(*words)
        assert result.code == Exit.AWAY
        assert result.notes.startswith("argy: Nothing listens there.\n")
        assert CODE not in result.out + result.notes


def test_options_may_come_before_and_after_the_text() -> None:
    say = next(each for each in COMMANDS if each.name == "say")
    for line in ("--re 4 a b", "a b --re 4"):
        parsed = parse_arguments(say, line.split())
        assert (parsed.text, parsed.re) == (["a", "b"], 4)
