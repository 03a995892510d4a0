"""Messages as a person reads them at a terminal, and as scripts read them."""

from datetime import UTC, date

import pytest

from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.message_line import Said, message_spans, question_words
from argybargy.cli.terminal.formatting import LocalTimes
from support.fake_operator import FakeOperator, builtins, read, spoken
from support.terminal import Terminal

LONG = "It chokes on addresses with a plus, such as a+b@x.com, and on quoted parts."


def said(state: Json | None, expects: str = "anyone", **facts: object) -> Said:
    row = builtins(read(spoken(41, "Who?", expects=expects))) | facts
    return Said.read(row if state is None else row | {"question": state}, "build")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (said(None, "none"), []),
        (said({"state": "open"}, "operator"), ["asks you"]),
        (said({"state": "claimed", "by": "bob"}), ["asks anyone", "claimed by bob"]),
        (said(None, claimed_by="bob"), ["asks anyone", "claimed by bob"]),
        (
            said({"state": "answered", "by": "bob", "seq": 43}, claimed_by="bob"),
            ["asked anyone", "answered by bob in #43"],
        ),
        (
            said({"state": "answered", "by": "operator"}, "operator"),
            ["asked you", "answered by you"],
        ),
        (
            said({"state": "withdrawn", "by": "ann", "reason": "found it"}, "bob"),
            ["asked bob", "withdrawn by ann: found it"],
        ),
        (said({"state": "withdrawn"}), ["asked anyone", "withdrawn"]),
    ],
)
def test_the_state_of_a_question_is_in_words(message: Said, words: list[str]) -> None:
    assert question_words(message) == words


def test_an_answered_question_is_not_claimed_in_one_line_either() -> None:
    answered = said({"state": "answered", "by": "bob", "seq": 43}, claimed_by="bob")
    times = LocalTimes(UTC, lambda: date(2026, 1, 2))
    line = "".join(span.text for span in message_spans(answered, times))
    assert line == (
        "#build 41 00:00:41 alice → all  [asked anyone, answered by bob in 43]  Who?"
    )


def terminal(*messages: object, columns: int | None = 60) -> Terminal:
    operator = FakeOperator(said={"build": list(messages)})  # type: ignore[arg-type]
    return Terminal(operator, columns=columns)


def test_a_terminal_wraps_the_text_below_a_headline() -> None:
    shown = terminal(
        spoken(1, LONG, sender="bob", to="alice", reply_to=7),
        spoken(2, "Look:\n```\n    x = 1\n```"),
    ).type("history", "build")
    assert shown.out == (
        "#1  00:00:01  bob → alice  re #7\n"
        "    It chokes on addresses with a plus, such as a+b@x.com,\n"
        "    and on quoted parts.\n"
        "\n"
        "#2  00:00:02  alice → all\n"
        "    Look:\n    ```\n        x = 1\n    ```\n"
    )


@pytest.mark.parametrize(
    ("columns", "options", "is_oneline"),
    [
        (60, [], False),
        (60, ["--oneline"], True),
        (None, [], True),
        (None, ["--no-oneline"], False),
    ],
)
def test_scripts_get_one_line_a_message(
    columns: int | None, options: list[str], is_oneline: bool
) -> None:
    commands = ["history build", "show build 1"]
    for command in commands:
        shown = terminal(spoken(1, LONG), columns=columns).type(
            *command.split(), *options
        )
        assert (shown.out.count("\n") == 1) is is_oneline


def test_a_headline_that_is_too_long_goes_on_below() -> None:
    shown = terminal(
        spoken(1, "Who?", sender="a" * 30, to=["b" * 9, "c"], expects="b" * 9),
    ).type("history", "build")
    head, marks, text = shown.out.splitlines()
    assert head == f"#1  00:00:01  {'a' * 30} → bbbbbbbbb, c"
    assert marks == "    asks bbbbbbbbb"
    assert text == "    Who?"


def test_many_addressees_are_counted() -> None:
    names = ["ann", "bob", "cid", "dan", "eve", "fay"]
    shown = terminal(spoken(1, "Hi", to=names), columns=80).type("history", "build")
    assert "alice → ann, bob, cid, dan, 2 more\n" in shown.out


def test_names_have_colours_and_text_has_none_of_its_own() -> None:
    fake = terminal(spoken(1, "\x1b[31mred", sender="bob", to="alice"))
    fake.has_colour = True
    shown = fake.type("history", "build")
    assert "\x1b[1;38;5;" in shown.out
    assert "\\x1b[31mred" in shown.out
    assert shown.out.count("\x1b[38;5;") == 1  # the addressee


def test_history_can_begin_after_a_number() -> None:
    fake = terminal(*(spoken(seq, f"say {seq}") for seq in range(1, 7)), columns=None)
    shown = fake.type("history", "build", "--since", "4")
    assert [line.split()[1] for line in shown.out.splitlines()] == ["5", "6"]
    assert shown.talk == ""
    shown = fake.type("history", "build", "--since", "1", "-n", "2")
    assert [line.split()[1] for line in shown.out.splitlines()] == ["5", "6"]
    assert "--before 5" in shown.talk
    answer = fake.type("history", "build", "--since", "5", "--json").json
    assert [row["seq"] for row in answer["messages"]] == [6]
    assert fake.type("history", "build", "--since", "6").code == 3
    assert fake.type("history", "build", "--since", "-1").code == 2
