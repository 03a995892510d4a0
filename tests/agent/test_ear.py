"""The ear against a relay in memory, with a clock that moves when somebody waits."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Entry
from argybargy.agent.process import Process
from argybargy.agent.program_watch import ProgramEnded, ProgramWatch
from argybargy.agent.relay_client import RelayAnswer, RelayAway, RelayRefused
from argybargy.agent.seat import Seat, choose_seat
from argybargy.agent.spool import MOST_SPOOL_BYTES, Spool
from argybargy.agent.wrapping import wrapper
from support.agent_desk import CODE, Desk, Result

WRAPPER = wrapper("build")
AWAY = RelayAway("Nothing listens there.", was_sent=False)
Listen = Callable[..., Result]


@pytest.fixture
def listen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Listen:
    """Run an ear whose program ends after some seconds."""
    desk.take_seat()

    def run_ear(*words: str, until: float = 100.0) -> Result:
        end = desk.relay.clock.seconds + until

        def check(_: ProgramWatch) -> None:
            if desk.relay.clock.seconds >= end:
                raise ProgramEnded

        monkeypatch.setattr(ProgramWatch, "check", check)
        return desk.type("ear", "--wake", *words)

    return run_ear


def seat_of(desk: Desk) -> Seat:
    return choose_seat(desk.process(), None)


def spooled(desk: Desk) -> list[Entry]:
    return Spool(seat_of(desk).spool_path).entries()


# -- silence and lines ------------------------------------------------------------


@pytest.mark.parametrize("waker", ["lines", "exit2", "spool", "queue:thread-1"])
def test_silence_costs_no_output_and_one_poll_in_25_seconds(
    desk: Desk, listen: Listen, waker: str
) -> None:
    assert listen(waker, until=600) == Result(Exit.OK, "", "")
    assert len(desk.relay.requests) <= 26
    assert desk.relay.requests[0][1] == (
        "/messages?since=resume&wait=25&wake=asks&settle=0.4"
    )


def test_the_relay_is_told_who_listens(desk: Desk, listen: Listen) -> None:
    words = ("--program", "claude-code/2.1.332", "--session", "s-1")
    listen("queue:thread-1", *words)
    header = {"X-Argybargy-Ear": "claude-code/2.1.332 queue s-1"}
    assert all(each == header for each in desk.relay.headers)
    desk.relay.headers.clear()
    listen("lines", "--program", "Goose/1.38.0+Abc", "--session", "a:B")
    assert desk.relay.headers[0]["X-Argybargy-Ear"] == "goose/1.38.0+Abc lines a:B"
    long = ("--program", f"{'p' * 32}/{'1' * 24}", "--session", "s" * 50)
    listen("queue:t", *long)
    assert len(desk.relay.headers[-1]["X-Argybargy-Ear"]) <= 120
    assert listen("lines", "--program", "no version").code == Exit.USAGE
    assert listen("lines", "--session", "a b").code == Exit.USAGE


def test_messages_are_lines_below_the_wrapper(desk: Desk, listen: Listen) -> None:
    desk.relay.post("one\n| two")
    desk.relay.post("three", header=">you asks you")
    shown = f"{WRAPPER}\n1 bob: one\n| two\n2 bob>you asks you: three\n"
    assert listen("lines") == Result(Exit.OK, shown, "")
    assert desk.relay.acknowledged == 2
    assert spooled(desk) == []
    desk.relay.post("four")
    assert listen("lines").out == f"{WRAPPER}\n3 bob: four\n"


def test_batches_come_apart(desk: Desk, listen: Listen) -> None:
    """A monitor that writes faster for long is stopped by Claude Code."""
    for _ in range(8):
        desk.relay.post("x" * 1_000)
    listen("lines", until=60)
    assert desk.relay.clock.slept.count(0.5) >= 4 * 4


def test_a_message_that_the_agent_has_read_is_not_said_again(
    desk: Desk, listen: Listen
) -> None:
    desk.relay.post("one")
    listen("spool", until=10)
    assert desk.type("read").out == "1 bob: one\n"
    desk.relay.post("two")
    assert listen("lines").out == f"{WRAPPER}\n2 bob: two\n"


def test_an_answer_that_asking_has_printed_is_not_said_again(
    desk: Desk, listen: Listen
) -> None:
    """It would wake the model once more, for what it has just read."""
    listen("lines", until=10)
    desk.relay.post("yes", header=" re 1")
    answer = RelayAnswer(200, "ok 1\n1 bob re 1: yes\nhint: x\n")
    desk.relay.answers["POST", "/ask"] = answer
    assert desk.type("ask", "--wait", "9", "really?").code == Exit.OK
    assert listen("lines").out == ""
    assert desk.relay.acknowledged == 1
    desk.relay.post("two")
    assert listen("lines").out == f"{WRAPPER}\n2 bob: two\n"
    assert seat_of(desk).state().seen == ()


def test_a_restored_relay_gives_its_numbers_again(desk: Desk, listen: Listen) -> None:
    for _ in range(5):
        desk.relay.post("old")
    listen("lines")
    desk.relay.lines = desk.relay.lines[:2]
    assert listen("lines").out == ""
    desk.relay.post("new")
    assert listen("lines").out == f"{WRAPPER}\n3 bob: new\n"


# -- exit2 ------------------------------------------------------------------------


def test_exit2_ends_with_the_messages_on_standard_error(
    desk: Desk, listen: Listen
) -> None:
    desk.relay.post("one")
    assert listen("exit2") == Result(2, "", f"{WRAPPER}\n1 bob: one\n")
    assert desk.relay.acknowledged == 1
    assert listen("exit2") == Result(Exit.OK, "", "")


def test_exit2_leaves_what_is_too_much_to_the_next_ear(
    desk: Desk, listen: Listen
) -> None:
    for _ in range(3):
        desk.relay.post("x" * 7_000)
    for number in (1, 2, 3):
        found = listen("exit2")
        assert found.code == 2
        assert f"{number} bob: " in found.notes
        assert found.notes.count(" bob: ") == 1
    assert listen("exit2").code == Exit.OK


def test_exit2_hands_a_very_long_message_over_whole(desk: Desk, listen: Listen) -> None:
    desk.relay.post("x" * 40_000)
    assert listen("exit2").notes.count("x") == 40_000


def test_exit2_says_nothing_of_trouble_to_the_model(desk: Desk, listen: Listen) -> None:
    desk.relay.post("one")
    desk.relay.failures = [AWAY] * 3
    assert listen("exit2").notes == f"{WRAPPER}\n1 bob: one\n"


# -- spool ------------------------------------------------------------------------


def test_the_spool_is_not_acknowledged_before_it_is_read(
    desk: Desk, listen: Listen
) -> None:
    desk.relay.post("one")
    desk.relay.while_waiting = lambda: None
    assert listen("spool", until=30).out == ""
    desk.relay.post("two")
    listen("spool", until=30)
    assert [each.number for each in spooled(desk)] == [1, 2]
    assert desk.relay.acknowledged == 0
    assert desk.type("read").out == "1 bob: one\n2 bob: two\n"
    assert spooled(desk) == []
    listen("spool", until=30)
    assert desk.relay.acknowledged == 2


def test_a_full_spool_leaves_the_messages_to_the_relay(
    desk: Desk, listen: Listen
) -> None:
    for _ in range(60):
        desk.relay.post("x" * 8_000)
    listen("spool")
    assert seat_of(desk).spool_path.stat().st_size <= MOST_SPOOL_BYTES
    assert 0 < len(spooled(desk)) < 60
    assert desk.relay.acknowledged == 0
    assert desk.type("read").out.count(" bob: ") == 60


# -- queue ------------------------------------------------------------------------

CODEX = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(int(os.environ.get("CODEX_FAILS", "0")))
"""


@pytest.fixture
def queued(desk: Desk) -> Callable[[], list[str]]:
    """Put a `codex` into the path; return the messages that it was given."""
    log, folder = desk.root / "queued", desk.root / "bin"
    folder.mkdir()
    program = folder / "codex"
    program.write_text(CODEX.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    desk.environment["PATH"] = str(folder)

    def read_log() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        calls = [json.loads(line) for line in lines]
        assert all(call[:3] == ["queue", "--thread", "t-1"] for call in calls)
        return [call[-1] for call in calls]

    return read_log


def test_the_queue_is_told_once_and_waits_for_the_agent(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.relay.post("one")
    listen("queue:t-1")
    assert queued() == [f"{WRAPPER}\n1 bob: one\n"]
    assert desk.relay.acknowledged == 0
    assert [each.number for each in spooled(desk)] == [1]
    listen("queue:t-1")
    assert len(queued()) == 1, "a new ear of the same thread"


@pytest.mark.parametrize("words", [("say", "yes"), ("read",), ("claim", "1")])
def test_an_agent_that_speaks_or_reads_confirms_the_queue(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]], words: tuple[str, ...]
) -> None:
    desk.relay.answers["POST", "/messages"] = RelayAnswer(200, "ok 2\n")
    desk.relay.answers["POST", "/messages/1/claim"] = RelayAnswer(200, "claimed 1\n")
    desk.relay.post("one")
    listen("queue:t-1")
    assert desk.type(*words).code == Exit.OK
    assert spooled(desk) == []
    desk.relay.post("two")
    listen("queue:t-1")
    assert queued()[1:] == [f"{WRAPPER}\n2 bob: two\n"]
    assert desk.relay.acknowledged == 1


def test_a_new_thread_is_told_what_the_old_one_did_not_confirm(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.relay.post("one")
    listen("queue:t-0")
    with pytest.raises(AssertionError):
        queued()
    (desk.root / "queued").unlink()
    listen("queue:t-1")
    assert queued() == [f"{WRAPPER}\n1 bob: one\n"]


def test_what_comes_while_the_agent_sleeps_on_wakes_it_no_second_time(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.relay.post("one")
    listen("queue:t-1")
    desk.relay.post("two")
    listen("queue:t-1")
    assert len(queued()) == 1


def test_a_queue_that_refuses_is_tried_again_and_loses_nothing(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.environment["CODEX_FAILS"] = "1"
    desk.relay.post("one")
    found = listen("queue:t-1", until=60)
    assert 2 <= len(queued()) <= 10
    assert found.notes.count("\n") == 1
    assert "'codex queue' ended with code 1" in found.notes
    assert (desk.relay.acknowledged, len(spooled(desk))) == (0, 1)
    del desk.environment["CODEX_FAILS"]
    listen("queue:t-1")
    assert queued()[-1] == f"{WRAPPER}\n1 bob: one\n"


def test_without_codex_the_message_waits(desk: Desk, listen: Listen) -> None:
    desk.environment["PATH"] = ""
    desk.relay.post("one")
    assert "there is no program 'codex'" in listen("queue:t-1").notes
    assert len(spooled(desk)) == 1


# -- the end ----------------------------------------------------------------------


def test_a_monitor_says_once_that_the_room_closed_and_stays(
    desk: Desk, listen: Listen
) -> None:
    desk.relay.post("one")
    desk.relay.closed_by = "titus"
    first = f"{WRAPPER}\n1 bob: one\nleave: room closed by titus\n"
    assert listen("lines", until=600) == Result(Exit.OK, first, "")
    assert len(desk.relay.requests) <= 13
    assert listen("lines").out == "", "a new ear of the same seat"
    desk.relay.closed_by = ""
    desk.relay.post("two")
    assert listen("lines").out == f"{WRAPPER}\n2 bob: two\n"
    desk.relay.closed_by = "titus"
    assert listen("lines").out == f"{WRAPPER}\nleave: room closed by titus\n"


def test_other_ears_end_with_the_room(desk: Desk, listen: Listen) -> None:
    desk.relay.closed_by = "titus"
    found = listen("exit2")
    assert found == Result(2, "", f"{WRAPPER}\nleave: room closed by titus\n")
    assert listen("exit2") == Result(Exit.CLOSED, "", "")


def test_the_end_of_the_room_waits_in_the_spool(desk: Desk, listen: Listen) -> None:
    desk.relay.post("one")
    desk.relay.closed_by = "titus"
    assert listen("spool").code == Exit.CLOSED
    assert spooled(desk)[-1].text == "leave: room closed by titus"
    assert desk.type("read").out == "1 bob: one\nleave: room closed by titus\n"
    assert spooled(desk) == []


def test_the_end_of_the_room_is_queued(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.relay.closed_by = "titus"
    assert listen("queue:t-1").code == Exit.CLOSED
    assert queued() == [f"{WRAPPER}\nleave: room closed by titus\n"]


def test_the_end_of_the_room_repeats_no_message_that_waits_in_the_queue(
    desk: Desk, listen: Listen, queued: Callable[[], list[str]]
) -> None:
    desk.relay.post("one")
    listen("queue:t-1")
    desk.relay.closed_by = "titus"
    assert listen("queue:t-1").code == Exit.CLOSED
    assert listen("queue:t-1").code == Exit.CLOSED
    leave = f"{WRAPPER}\nleave: room closed by titus\n"
    assert queued() == [f"{WRAPPER}\n1 bob: one\n", leave]
    assert [each.number for each in spooled(desk)] == [1]


@pytest.mark.parametrize("what", ["spool", "seat"])
def test_a_full_disk_is_waited_for_and_repeats_nothing(
    desk: Desk, listen: Listen, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ending would make the agent deaf; saying it again each time would wake it."""
    desk.relay.post("one")

    def fail(*_: object, **__: object) -> None:
        if desk.relay.clock.seconds < 300:
            raise OSError(errno.ENOSPC, "No space left on device", "x")

    with monkeypatch.context() as patch:
        if what == "seat":
            patch.setattr(Seat, "save_state", fail)
        else:
            patch.setattr(Spool, "_append", fail)
        found = listen("lines", until=200)
    trouble = "argy: No space left on device: x. Trying again.\n"
    assert found.notes == trouble
    assert found.out == ("" if what != "seat" else f"{WRAPPER}\n1 bob: one\n")
    assert desk.relay.acknowledged == 0
    desk.relay.post("two")
    assert "2 bob: two" in listen("lines").out
    assert desk.relay.acknowledged == 2


def test_an_output_that_cannot_be_written_ends_the_ear(
    desk: Desk, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.relay.post("one")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Process, "write", fail)
        assert listen("lines") == Result(Exit.OK, "", "")
    assert desk.relay.acknowledged == 0
    assert listen("lines").out == f"{WRAPPER}\n1 bob: one\n"


def test_a_refused_code_ends_the_ear(desk: Desk, listen: Listen) -> None:
    desk.relay.failures = [RelayRefused(401, "unauthorized", "Revoked.")]
    found = listen("lines")
    assert (found.code, found.out) == (Exit.REFUSED, "")
    assert CODE not in found.notes


def test_a_seat_with_a_new_code_goes_on(desk: Desk, listen: Listen) -> None:
    """Its monitor would not start it again."""
    seat = seat_of(desk)

    def renew() -> None:
        if desk.relay.clock.seconds == 0:
            facts = seat.facts()
            seat.store(facts, f"{CODE[:-1]}X")

    desk.relay.while_answering = renew
    desk.relay.failures = [RelayRefused(401, "unauthorized", "Revoked.")]
    desk.relay.post("one")
    assert listen("lines") == Result(Exit.OK, f"{WRAPPER}\n1 bob: one\n", "")


def test_an_ear_ends_when_its_agent_leaves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take_seat()
    desk.relay.while_waiting = lambda: seat_of(desk).remove()
    assert desk.type("ear", "--wake", "lines") == Result(Exit.OK, "", "")
    assert len(desk.relay.requests) == 1


def test_an_ear_elsewhere_keeps_its_seat(desk: Desk, listen: Listen) -> None:
    taken = RelayRefused(409, "seat_taken", "codex/1 listens since 12:04.")
    desk.relay.failures = [taken] * 99
    found = listen("lines", until=1_000)
    assert found.code == Exit.CLOSED
    assert "codex/1 listens since 12:04." in found.notes
    assert desk.relay.clock.seconds >= 75


def test_a_lease_of_an_ear_that_ended_is_waited_for(desk: Desk, listen: Listen) -> None:
    taken = RelayRefused(409, "seat_taken", "codex/1 listens since 12:04.")
    desk.relay.failures = [taken] * 3
    desk.relay.post("one")
    assert listen("lines") == Result(Exit.OK, f"{WRAPPER}\n1 bob: one\n", "")


def test_trouble_is_said_once(desk: Desk, listen: Listen) -> None:
    stranger = RelayRefused(404, "", "The server is no relay.")
    desk.relay.failures = [AWAY, AWAY, stranger, AWAY, None, AWAY]
    found = listen("lines", until=300)
    assert found.notes == "argy: Nothing listens there. Trying again.\n" * 2


def test_a_relay_that_answers_at_once_is_not_flooded(
    desk: Desk, listen: Listen
) -> None:
    desk.relay.answers["GET", "/messages"] = RelayAnswer(200, "", 0)
    listen("lines", until=60)
    assert len(desk.relay.requests) <= 61


# -- one ear for a seat -----------------------------------------------------------


def test_a_second_ear_is_refused_and_says_who_listens(
    desk: Desk, listen: Listen
) -> None:
    with hold_ear_lock(desk.process(), seat_of_new(desk), EarHolder("lines", "s-1")):
        for words in (("lines",), ("lines", "--session", "s-2")):
            found = listen(*words)
            assert found.code == Exit.FAILED
            assert f"process {os.getpid()}, lines" in found.notes
        assert desk.type("wait", "--timeout", "0").code == Exit.FAILED
    assert listen("lines").code == Exit.OK


def seat_of_new(desk: Desk) -> Seat:
    return desk.take_seat()


HOLD = """
import sys, time
from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.process import Process
from argybargy.agent.seat import choose_seat
process = Process.real()
with hold_ear_lock(process, choose_seat(process, None), EarHolder("exit2", "s-1")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_newer_ear_of_the_same_session_replaces_the_older(desk: Desk) -> None:
    desk.take_seat()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=desk.environment,
        cwd=desk.project,
        stdout=subprocess.PIPE,
    ) as older:
        try:
            assert older.stdout is not None
            assert older.stdout.readline() == b"held\n"

            def sleep(_: float) -> None:
                older.wait(30)

            waiting = desk.process()._replace(sleep=sleep)
            with hold_ear_lock(waiting, seat_of(desk), EarHolder("exit2", "s-1")):
                assert older.wait(30) == -15
        finally:
            older.kill()


def test_a_process_that_only_has_the_number_of_the_older_ear_is_left_alone(
    desk: Desk,
) -> None:
    """A holder that has not written its name yet leaves that of an ended one."""
    seat = desk.take_seat()
    with (
        subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
        ) as it,
        hold_ear_lock(desk.process(), seat, EarHolder("exit2", "s-1")),
    ):
        try:
            seat.ear_lock_path.write_text(f"{it.pid} exit2 s-1 1\n")
            with (
                pytest.raises(AgentError, match="Another ear listens"),
                hold_ear_lock(desk.process(), seat, EarHolder("exit2", "s-1")),
            ):
                raise AssertionError("it is held")
            assert it.poll() is None
        finally:
            it.kill()


@pytest.mark.parametrize(
    "waker", ["", "shout", "queue", "queue:", "queue:-x", "lines:1"]
)
def test_there_are_no_other_wakers(desk: Desk, listen: Listen, waker: str) -> None:
    assert listen(waker).code == Exit.USAGE
    assert desk.relay.requests == []
