"""Recipes with people: a human who supervises, other organisations, colleagues."""

import json
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seat import Dismissed, Refused, Seat, join
from support.chat_model import open_chat_model
from support.recipe_house import House, Room, wait_until
from support.relay_process import free_port

pytestmark = pytest.mark.e2e


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    steps = [f"touch {tmp_path}/built", f"? touch {tmp_path}/migrated"]
    (tmp_path / "plan").write_text("\n".join([*steps, f"? rm {tmp_path}/old", ""]))
    (tmp_path / "old").touch()
    return tmp_path / "plan"


def marks(plan: Path) -> set[str]:
    """Return which of the three files there are."""
    return {p.name for p in plan.parent.iterdir()} & {"built", "migrated", "old"}


def test_risky_steps_wait_for_the_yes_of_the_operator(room: Room, plan: Path) -> None:
    room.run("supervised", "deployer", PLAN=str(plan))
    task = room.tell("deployer", "Deploy.", expects_reply="deployer")
    asked = room.wait_for(lambda m: "migrated" in m["text"])
    assert asked["choices"] == ["yes", "no"]
    assert asked["expects_reply"] == "operator"
    assert marks(plan) == {"built", "old"}  # nothing risky happens meanwhile
    room.reply(asked, choice="yes")
    second = room.wait_for(lambda m: "May I run this? rm" in m["text"])
    assert marks(plan) == {"built", "migrated", "old"}
    room.reply(second, choice="no")
    told = [line.partition(":")[0] for line in room.answer(task)["text"].splitlines()]
    assert told == ["done", "done", "not allowed"]
    assert marks(plan) == {"built", "migrated", "old"}
    room.close()


def test_a_second_task_carries_the_plan_out_again(room: Room, plan: Path) -> None:
    room.run("supervised", "deployer", PLAN=str(plan), PATIENCE_SECONDS="0.3")
    for _ in range(2):
        assert room.ask("deployer", "Deploy.")["text"].startswith("done: touch")
        (plan.parent / "built").unlink()


def test_without_an_answer_risky_steps_are_left_out(room: Room, plan: Path) -> None:
    room.run("supervised", "deployer", PLAN=str(plan), PATIENCE_SECONDS="0.3")
    told = room.ask("deployer", "Deploy.")["text"].splitlines()
    assert [line.partition(":")[0] for line in told] == ["done"] + ["not allowed"] * 2
    assert marks(plan) == {"built", "old"}


def test_a_word_of_the_operator_stops_the_rest(room: Room, plan: Path) -> None:
    room.run("supervised", "deployer", PLAN=str(plan))
    task = room.tell("deployer", "Deploy.", expects_reply="deployer")
    asked = room.wait_for(lambda m: "migrated" in m["text"])
    room.tell("all", "Stop after this, please.")
    room.reply(asked, choice="yes")
    assert "Stopped before: ? rm" in room.answer(task)["text"]
    assert marks(plan) == {"built", "migrated", "old"}


def test_a_step_that_was_cut_off_is_not_repeated_without_a_yes(
    room: Room, tmp_path: Path
) -> None:
    plan, count = tmp_path / "plan", tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('x'); import time; time.sleep(60)"
    plan.write_text(f'{sys.executable} -c "{code}"\n')
    room.run("supervised", "deployer", PLAN=str(plan))
    task = room.tell("deployer", "Deploy.", expects_reply="deployer")
    wait_until(lambda: count.exists() and count.read_text() == "x")
    room.agents["deployer"].kill()
    room.run("supervised", "deployer", PLAN=str(plan))
    asked = room.wait_for(lambda m: m["text"].startswith("I was restarted"))
    room.reply(asked, choice="no")
    assert room.answer(task)["text"].startswith("in doubt: ")
    assert count.read_text() == "x"


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    path = tmp_path / "stock.csv"
    path.write_text("bolts, 500, paid 0.02\nnuts, 80, paid 0.01\n")
    return path


def invited(house: House, room: str, name: str) -> str:
    body = {"room": room, "name": name}
    link: str = house.admin("POST", "/admin/invites", body)["link"]
    return link


@contextmanager
def tunnel(port: int, to: int) -> Iterator[subprocess.Popen[bytes]]:
    """Forward a port, as the program of a tunnel does; to kill it is to cut it."""
    program = Path(__file__).parents[1] / "support" / "forward_port.py"
    process = subprocess.Popen([sys.executable, str(program), str(port), str(to)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_other_side_joins_once_asks_and_learns_only_what_is_public(
    room: Room, stock: Path
) -> None:
    with open_chat_model(lambda prompt: f"All I know: {prompt}") as model:
        room.run("two_organisations", "supplier", STOCK=str(stock), **model.variables())
        link = invited(room.house, room.name, "buyer")
        relay, code = join(link, "buyer")
        with pytest.raises(Refused, match="invite_used"):
            join(link, "thief")
        buyer = Seat(relay, code)
        told = buyer.ask("supplier", "What did you pay for 20 bolts?")["text"]
    assert "bolts: 500" in told
    assert "0.02" not in told
    room.house.admin("POST", "/admin/revoke", {"target": "buyer", "room": room.name})
    with pytest.raises(Dismissed):
        buyer.say("one more thing")


def test_a_large_order_needs_the_word_of_the_suppliers_human(
    room: Room, stock: Path
) -> None:
    room.run("two_organisations", "supplier", STOCK=str(stock))
    buyer = room.seat("buyer")
    orders = [buyer.say(f"We want {n} bolts.", to="supplier") for n in (400, 300)]
    for seq, choice in zip(orders, ("yes", "no"), strict=True):
        asked = room.wait_for(
            lambda m, seq=seq: (
                m["expects_reply"] == "operator"
                and m["seq"] > seq  # type: ignore[misc]
                and m["question"]["state"] == "open"
            )
        )
        room.reply(asked, choice=choice)
    assert buyer.answer(orders[0])["text"] == "We have 500 bolts."
    assert buyer.answer(orders[1])["text"] == "We cannot promise so many."


def test_an_answer_arrives_although_the_tunnel_was_cut(room: Room, stock: Path) -> None:
    outside = free_port()
    with tunnel(outside, room.house.port) as first:
        relay = f"http://127.0.0.1:{outside}"
        wait_until(lambda: can_connect(outside))
        arguments = ("buyer", "Have", "you", "bolts?")
        room.run("two_organisations", *arguments, relay=relay)
        room.wait_for(lambda m: m["from"] == "buyer")
        first.kill()
        first.wait()
        room.run("two_organisations", "supplier", STOCK=str(stock))
        room.wait_for(lambda m: m["from"] == "supplier")
    with tunnel(outside, room.house.port):
        out, errors = room.agents["buyer"].communicate(timeout=30)
    assert out == "We have 500 bolts.\n"
    assert "The relay is away" in errors
    assert errors.endswith("The relay is back.\n")


def can_connect(port: int) -> bool:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def access(tmp_path: Path) -> Path:
    path = tmp_path / "access.json"
    status = {"command": ["echo", "all green"], "ask": False}
    restart = {"command": ["echo", "restarted"], "ask": True}
    path.write_text(json.dumps({"status": status, "restart": restart}))
    return path


def test_a_colleagues_agent_does_what_its_owner_allows(
    room: Room, access: Path
) -> None:
    room.house.admin("POST", f"/admin/rooms/{room.name}/open", {})
    guest = room.house.admin(
        "POST", f"/admin/rooms/{room.name}/guests", {"name": "pat", "speaks": True}
    )
    pat = Seat(room.house.address, guest["code"])
    room.run("delegate", "hers", ACCESS=str(access), OWNER="pat")
    room.run("delegate", "mine")
    assert room.ask("mine", "Get me the status.")["text"] == "hers says: all green"
    assert "I can do this" in room.ask("mine", "Delete everything.")["text"]
    for choice, outcome in (("no", "not allowed"), ("yes", "restarted")):
        task = room.tell("mine", "Please restart it.", expects_reply="mine")
        asked = next(pat.questions())
        pat.reply(asked, choice=choice)
        assert outcome in room.answer(task)["text"]
    room.close()


def test_an_agent_that_died_after_delegating_reports_the_result_once(
    room: Room, access: Path
) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        room.run(
            "delegate", "hers", ACCESS=str(access), OWNER="pat", **model.variables()
        )
        room.run("delegate", "mine")
        task = room.tell("mine", "Get me the status.", expects_reply="mine")
        room.wait_for(lambda m: m["expects_reply"] == "hers")
        room.agents["mine"].kill()
        gate.put("status")
        room.wait_for(lambda m: m["from"] == "hers")
        room.run("delegate", "mine")
        assert room.answer(task)["text"] == "hers says: all green"
    assert len(room.questions("mine")) == 1
