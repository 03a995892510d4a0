"""Commands about one question: ask, answer, show, and what waits for the operator."""

import shlex

import pytest

from argybargy.domain.notifications import NotificationRules
from argybargy.web.codec.bodies import QuestionBody
from support.fake_operator import FakeCode, FakeOperator, spoken
from support.terminal import Terminal


def relay() -> FakeOperator:
    """Return a relay with two rooms in which questions are open."""
    return FakeOperator(
        codes=[FakeCode("0a", "alice", "build"), FakeCode("0b", "bo", "lab")],
        said={
            "build": [
                spoken(1, "May I merge?", to="operator", expects="operator",
                       choices=["yes", "not yet"]),
                spoken(2, "Who can?", expects="anyone"),
                spoken(3, "Fine.", expects="none"),
                spoken(4, "Left or right?", to="bo", expects="bo"),
            ],
            "lab": [
                spoken(2, "Which?", sender="bo", to="Operator", expects="anyone"),
                spoken(3, "When?", sender="bo", to="operator", expects="Operator"),
            ],
        },
    )  # fmt: skip


def answering(*arrivals: object) -> Terminal:
    """Return a terminal whose clock passes while nothing arrives."""
    terminal = Terminal(relay())
    terminal.operator.arrivals = list(arrivals)  # type: ignore[arg-type]

    def pause(seconds: float) -> None:
        terminal.seconds += seconds

    terminal.operator.pause = pause
    return terminal


def body(terminal: Terminal) -> dict[str, object]:
    """Return what was posted."""
    (posted,) = [each for each in terminal.operator.calls if each[1] == "/admin/say"]
    assert posted[2] is not None
    return posted[2]


# -- ask --------------------------------------------------------------------------


def test_ask_prints_the_answer_alone() -> None:
    reply = spoken(6, "yes", to="operator", reply_to=5)
    terminal = answering(None, reply)
    result = terminal.type(
        "ask", "build", "Ship?", "--to", "alice", "--choices", "yes, no"
    )
    assert (result.code, result.out) == (
        0, "#build 6 00:00:06 alice → you  [re 5]  yes\n",
    )  # fmt: skip
    assert result.talk == "#build seq 5 asks alice\n"
    assert body(terminal) == {
        "room": "build",
        "text": "Ship?",
        "sender": "operator",
        "reply_to": None,
        "choices": ["yes", "no"],
        "new": False,
        "to": "alice",
        "expects_reply": "alice",
    }
    assert terminal.operator.paths()[-2:] == [
        "/admin/rooms/build/messages/5?wait=15",
        "/admin/rooms/build/messages/5?wait=15",
    ]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ([], ("all", "anyone")),
        (["--to", "anyone"], ("all", "anyone")),
        (["--to", "alice,bo"], (["alice", "bo"], "anyone")),
        (["--to", "bo"], ("bo", "bo")),
    ],
)
def test_ask_asks_whom_it_is_told_to(to: list[str], expected: object) -> None:
    terminal = answering()
    assert terminal.type("ask", "build", "Ship?", *to, "--timeout", "0").code == 3
    asked = body(terminal)
    assert (asked["to"], asked["expects_reply"]) == expected


def test_ask_ends_with_3_at_the_timeout() -> None:
    terminal = answering()
    result = terminal.type("ask", "build", "Ship?", "--to", "alice", "--timeout", "40")
    assert (result.code, result.out, terminal.seconds) == (3, "", 40)
    assert "no answer after 40 s" in result.talk
    assert "argybargy show build 5" in result.talk
    assert [path for path in terminal.operator.paths() if "wait" in path] == [
        f"/admin/rooms/build/messages/5?wait={wait}" for wait in (15, 15, 10)
    ]


def test_ask_ends_with_6_when_the_room_closes_or_the_question_is_withdrawn() -> None:
    terminal = answering("close")
    result = terminal.type("ask", "build", "Ship?", "--to", "alice")
    assert (result.code, result.out) == (6, "")
    assert "Room build is closed" in result.talk
    terminal = answering(QuestionBody("withdrawn", "alice", reason="done"))
    result = terminal.type("ask", "build", "Ship?")
    assert (result.code, result.out) == (6, "")
    assert "withdrawn by alice: done" in result.talk


def test_ask_ends_with_the_question_of_an_agent_about_the_question() -> None:
    back = spoken(6, "To where?", to="operator", expects="operator", reply_to=5)
    terminal = answering(None, back)
    result = terminal.type("ask", "build", "Ship?", "--to", "alice")
    assert result.code == 3
    assert result.out.endswith("To where?\n")
    assert (
        "alice asks back. To answer: argybargy answer build 6 TEXT. "
        "Then wait on: argybargy show build 5 --wait 300"
    ) in result.talk
    again = terminal.type("show", "build", "5", "--wait", "9")
    assert again.code == 3
    assert again.out.count("To where?") == 1


def test_ask_writes_the_whole_thread_as_json() -> None:
    terminal = answering(spoken(6, "yes", to="operator", reply_to=5))
    result = terminal.type("ask", "build", "Ship?", "--json")
    assert result.json["answer"]["text"] == "yes"
    assert result.json["message"]["question"]["state"] == "answered"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["build", "x", "--to", "operator"], 2, "ask somebody else"),
        (["build", "x", "--wait", "-1"], 2, "--wait"),
        (["build", "x", "--timeout", "inf"], 2, "--wait"),
        (["nowhere", "x"], 5, "There is no room 'nowhere'"),
        (["a b", "x"], 2, "room"),
        (["build", "--chioces"], 2, "--chioces"),
    ],
)
def test_a_wrong_question_is_not_posted(words: list[str], code: int, told: str) -> None:
    terminal = answering()
    result = terminal.type("ask", *words)
    assert (result.code, result.out) == (code, "")
    assert told in result.talk
    assert "/admin/say" not in terminal.operator.paths()


def test_an_unknown_peer_is_named() -> None:
    result = answering().type("ask", "build", "x", "--to", "zoe", "--timeout", "0")
    assert "There is no agent 'zoe' in build." in result.talk


def test_a_refused_choice_names_the_option() -> None:
    terminal = answering()
    errors = [{"field": "choices", "problem": "2 to 6 different choices"}]
    refusal = {"error": "invalid_request", "detail": "", "errors": errors}
    terminal.operator.refusals["/admin/say"] = [(422, refusal)]
    result = terminal.type("ask", "build", "x", "--choices", "a")
    assert (result.code, result.out) == (2, "")
    assert "--choices: 2 to 6 different choices" in result.talk


# -- answer ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["1", "Yes."], ["build", "1", "Yes."]])
def test_an_answer_goes_to_the_asker(words: list[str]) -> None:
    terminal = answering()
    result = terminal.type("answer", *words, "--own-words")
    assert result.code == 0
    assert result.out == f"#{body(terminal)['room']} seq 5 sent as operator -> alice\n"
    posted = body(terminal)
    assert (posted["to"], posted["reply_to"], posted["text"]) == ("alice", 1, "Yes.")
    assert posted["expects_reply"] is None


@pytest.mark.parametrize("words", [["1"], ["build", "1"]])
def test_a_choice_needs_no_text(words: list[str]) -> None:
    terminal = answering()
    assert terminal.type("answer", *words, "--choice", "yes").code == 0
    posted = body(terminal)
    assert posted["choice"] == "yes"
    assert "text" not in posted


def test_a_choice_may_have_a_text() -> None:
    terminal = answering()
    assert terminal.type("answer", "1", "Go on.", "--choice", "yes").code == 0
    assert (body(terminal)["choice"], body(terminal)["text"]) == ("yes", "Go on.")


def test_a_text_may_come_from_standard_input_or_be_a_number() -> None:
    terminal = answering()
    terminal.typed = "Yes,\nafter lunch.\n"
    assert terminal.type("answer", "build", "2", "-").code == 0
    assert body(terminal)["text"] == "Yes,\nafter lunch."
    terminal = answering()
    assert terminal.type("answer", "build", "2", "42").code == 0
    assert body(terminal)["text"] == "42"


@pytest.mark.parametrize("text", ["yes", "YES", " Not Yet "])
def test_a_text_that_is_a_choice_takes_it(text: str) -> None:
    terminal = answering()
    assert terminal.type("answer", "build", "1", text).code == 0
    chosen = text.strip().casefold()
    assert (body(terminal)["choice"], body(terminal)["text"]) == (chosen, chosen)


@pytest.mark.parametrize(
    "words", [["Whenever."], ["--choice", "maybe"], ["Whenever.", "--choice", "maybe"]]
)
def test_an_answer_that_is_none_of_the_choices_is_not_sent(words: list[str]) -> None:
    terminal = answering()
    result = terminal.type("answer", "build", "1", *words)
    assert (result.code, result.out) == (2, "")
    assert "/admin/say" not in terminal.operator.paths()
    assert result.talk == (
        "argybargy: Question 1 of build offers: yes | not yet\n"
        "To answer question 1 of build, one of:\n"
        "  argybargy answer build 1 --choice yes\n"
        "  argybargy answer build 1 --choice 'not yet'\n"
        "  argybargy answer build 1 --own-words TEXT\n"
    )
    # What is printed works as printed.
    for line in result.talk.splitlines()[2:]:
        told = shlex.split(line)[1:]
        assert answering().type(*told).code == 0


def test_own_words_do_no_harm_where_no_choices_are_offered() -> None:
    terminal = answering()
    assert terminal.type("answer", "build", "2", "Me.", "--own-words").code == 0
    assert body(terminal)["text"] == "Me."


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["2", "me"], 2, "build and lab. Name the room: argybargy answer build 2 TEXT"),
        (["9", "me"], 5, "no message 9 in any room"),
        (["1"], 2, "TEXT is missing"),
        (["build", "1"], 2, "TEXT is missing"),
        (["build", "x", "y"], 2, '"x" is not the number of a message'),
        (["build", "y"], 2, '"build" is not the number of a message'),
        (["build", "1", "--chioce"], 2, "--chioce"),
        (["build", "1", "two", "words"], 2, 'answer ROOM SEQ "TEXT"'),
        (["build", "3", "ok"], 2, "asks nobody"),
        (
            ["build", "77", "ok"],
            5,
            "no such message in room build. List the messages: argybargy history build",
        ),
        (["2", "--choice", "no"], 2, "argybargy answer build 2 --choice no"),
        (["nowhere", "1", "ok"], 5, ""),
    ],
)
def test_a_wrong_answer_is_not_posted(words: list[str], code: int, told: str) -> None:
    terminal = answering()
    result = terminal.type("answer", *words)
    assert (result.code, result.out) == (code, "")
    assert told in " ".join(result.talk.split())
    assert "/admin/say" not in terminal.operator.paths()


def test_a_question_that_has_its_answer_is_not_answered_again() -> None:
    terminal = answering()
    terminal.operator.said["build"].append(spoken(5, "I did", sender="bo", reply_to=1))
    result = terminal.type("answer", "build", "1", "yes")
    assert (result.code, result.out) == (6, "")
    assert "already answered by bo" in result.talk
    terminal.operator.said["build"].append(
        spoken(6, "Who?", kind="operator", expects="anyone")
    )
    result = terminal.type("answer", "build", "6", "me")
    assert (result.code, result.out) == (2, "")
    assert "a question of yours" in result.talk


def test_the_only_room_needs_no_name() -> None:
    terminal = Terminal(FakeOperator(said={"den": [spoken(1, "x", expects="bo")]}))
    terminal.operator.said["den"].append(spoken(2, "Fine."))
    assert terminal.type("show", "2").out.endswith("Fine.\n")
    assert Terminal().type("show", "2").code == 5


def test_the_only_room_with_so_many_messages_needs_no_name() -> None:
    terminal = Terminal(relay())
    terminal.operator.said["build"].append(spoken(5, "Fine."))
    assert terminal.type("show", "5").out.endswith("Fine.\n")
    result = terminal.type("show", "6")
    assert (result.code, result.out) == (5, "")
    assert "no message 6 in any room" in result.talk


@pytest.mark.parametrize("verb", ["answer", "show"])
def test_the_help_does_not_require_what_may_be_left_out(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal().type(verb, "--help").code == 0
    lines = " ".join(capsys.readouterr().out.split())
    assert "may be left out." in lines
    assert "may be left out. [required]" not in lines


# -- show -----------------------------------------------------------------------------


def test_show_prints_the_message_its_state_and_its_replies() -> None:
    operator = relay()
    operator.said["build"] += [
        spoken(5, "yes", sender="bo", to="alice", reply_to=1),
        spoken(6, "thanks", reply_to=1),
    ]
    result = Terminal(operator).type("show", "build", "1")
    assert (result.code, result.talk) == (0, "")
    assert result.out.splitlines() == [
        "#build 1 00:00:01 alice → you  "
        "[asked you (yes | not yet), answered by bo in 5]  May I merge?",
        "#build 5 00:00:05 bo → alice  [re 1]  yes",
        "#build 6 00:00:06 alice → all  [re 1]  thanks",
    ]
    rows = Terminal(operator).type("show", "build", "1", "--json").json
    assert rows["answer"]["seq"] == 5


def test_show_says_who_answered_and_not_that_it_was_claimed() -> None:
    operator = relay()
    operator.said["build"] = [
        spoken(1, "Who can?", expects="anyone", claimed_by="operator"),
        spoken(2, "I.", sender="operator", kind="operator", reply_to=1),
    ]
    first, _ = Terminal(operator).type("show", "build", "1").out.splitlines()
    assert first == (
        "#build 1 00:00:01 alice → all  [asked anyone, answered by you in 2]  Who can?"
    )


def test_show_says_how_to_answer() -> None:
    result = Terminal(relay()).type("show", "1")
    assert "[asks you (" in result.out
    assert "argybargy answer build 1 --choice 'not yet'\n" in result.talk
    talk = Terminal(relay()).type("show", "build", "2").talk
    assert talk == "To answer: argybargy answer build 2 TEXT\n"
    assert Terminal(relay()).type("show", "4").talk == ""
    assert Terminal(relay()).type("show", "build", "77").code == 5
    assert Terminal(relay()).type("show", "x").code == 2


# -- waiting --------------------------------------------------------------------------


def test_urgent_questions_are_marked_and_come_first_in_their_group() -> None:
    operator = relay()
    operator.rules = NotificationRules(urgent_words=("merge", "right"))
    lines = Terminal(operator).type("waiting").out.splitlines()[1:]
    order = ["May I merge?", "When?", "Who can?", "Which?", "Left or right?"]
    assert [next(each for each in order if each in line) for line in lines] == order
    marked = [line.split("  ")[0].endswith(", urgent") for line in lines]
    assert marked == [True, False, False, False, True]


def test_waiting_shows_the_choices_and_the_commands_that_answer() -> None:
    result = Terminal(relay()).type("waiting", "build", "--mine")
    assert "CHOICES" in result.out
    assert "yes | not yet" in result.out
    assert result.talk == "\nTo answer: argybargy answer build 2 TEXT\n"
    operator = relay()
    operator.said["build"].pop(1)
    talk = Terminal(operator).type("waiting", "build", "--mine").talk
    assert "  argybargy answer build 1 --choice 'not yet'\n" in talk
    operator.said["build"].pop(0)
    assert "CHOICES" not in Terminal(operator).type("waiting").out


def test_waiting_can_be_narrowed() -> None:
    def listed(*words: str) -> list[tuple[str, int]]:
        rows = Terminal(relay()).type("waiting", *words, "--json").json
        return [(row["room"], row["seq"]) for row in rows]

    mine = [("lab", 3), ("build", 2), ("lab", 2), ("build", 1)]
    assert listed() == [*mine, ("build", 4)]
    assert listed("BUILD") == [("build", 2), ("build", 1), ("build", 4)]
    assert listed("--mine") == mine
    assert listed("build", "--mine") == [("build", 2), ("build", 1)]
    assert Terminal(relay()).type("waiting", "nowhere").code == 5


def test_show_waits_for_the_answer() -> None:
    terminal = answering(None, spoken(9, "yes", sender="bo", to="alice", reply_to=1))
    result = terminal.type("show", "build", "1", "--wait", "60")
    assert result.code == 0
    assert result.out.splitlines()[-1].endswith("yes")
    result = Terminal(relay()).type("show", "build", "1", "--wait", "0")
    assert result.code == 3
    assert "To wait on: argybargy show build 1 --wait 15" in result.talk
    assert Terminal(relay()).type("show", "build", "1", "--wait", "-1").code == 2


def test_show_waits_for_nothing_where_nobody_is_asked() -> None:
    terminal = answering()
    assert terminal.type("show", "build", "3", "--wait", "60").code == 0
    assert terminal.seconds == 0
