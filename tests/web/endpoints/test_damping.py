"""The operator lifts a damping over HTTP."""

import pytest
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.relay.overview.damped_pairs import DAMPED_ROWS
from support.stream_client import StreamClient, open_stream
from support.web_app import Site, open_site

TURNS = Limits().loop_turns


async def make_loop(site: Site, pair: tuple[str, str] = ("anna", "bob")) -> None:
    """Let two agents answer each other until they are damped."""
    codes, seq = [await site.code(name) for name in pair], None
    for number in range(TURNS + 2):
        reply = await site.say(codes[number % 2], "and?", reply_to=seq)
        assert reply.status == 200
        seq = reply.json["message"]["seq"]


async def test_a_damping_is_announced_once_and_lifted_by_the_operator(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await make_loop(site)
        history = await site.admin("GET", "/admin/rooms/build/history")
        notice = history.json["messages"][-1]
        assert notice["event"] == "damped"
        assert (notice["from"], notice["from_kind"]) == ("system", "system")
        assert notice["text"] == (
            "bob and anna have answered each other more than 12 times in 10 minutes. "
            "Until 08:01 UTC their answers to each other wake neither of them; they "
            "are delivered then, or with the next message that does. Any message of "
            "the operator ends this."
        )
        target = "/admin/rooms/BUILD/damping"
        for query, lifted in (
            ("?pair=bob,carol", []),
            ("?pair=%20Bob,anna&by=titus", [["anna", "bob"]]),
            ("", []),
        ):
            reply = await site.admin("DELETE", target + query)
            assert reply.json == {"room": "build", "lifted": lifted}
        audit = (await site.admin("GET", "/admin/audit")).json["events"]
        assert [
            (row["actor"], row["detail"]) for row in audit if row["action"] == "undamp"
        ] == [("titus", "anna and bob")]


async def next_card(stream: StreamClient) -> dict[str, object]:
    """Return the next card of the room."""
    while not (rows := (await stream.next_of("delta")).get("rooms")):
        pass
    (card,) = rows
    return dict(card)


@pytest.mark.parametrize("ended_by", ["time", "the operator"])
async def test_the_stream_says_which_pairs_are_damped_and_until_when(
    autojump_clock: trio.testing.MockClock, ended_by: str
) -> None:
    async with open_site() as site:
        await make_loop(site)
        async with open_stream(site, room="build") as stream:
            snapshot = await stream.next_of("snapshot")
            (pair,) = snapshot["rooms"][0]["damped"]
            assert pair["agents"] == ["anna", "bob"]
            assert pair["until"][11:17] == "08:01:"
            if ended_by == "the operator":
                await site.admin("DELETE", "/admin/rooms/build/damping")
            assert "damped" not in await next_card(stream)


async def test_the_state_has_the_damped_pairs_of_the_stream(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        assert (await site.admin("POST", "/admin/rooms/calm/open", {})).status == 200
        await make_loop(site)
        async with open_stream(site, room="build") as stream:
            cards = (await stream.next_of("snapshot"))["rooms"]
        state = (await site.admin("GET", "/admin/state")).json["room_status"]
        streamed = {card["room"]: card.get("damped") for card in cards}
        assert streamed["build"]
        assert {name: row.get("damped") for name, row in state.items()} == streamed
        await site.admin("DELETE", "/admin/rooms/build/damping")
        state = (await site.admin("GET", "/admin/state")).json["room_status"]
        assert "damped" not in state["build"]


async def test_a_card_shows_a_bounded_number_of_damped_pairs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        for number in range(DAMPED_ROWS + 2):
            await make_loop(site, (f"a{number}", f"b{number}"))
        async with open_stream(site, room="build") as stream:
            snapshot = await stream.next_of("snapshot")
            assert len(snapshot["rooms"][0]["damped"]) == DAMPED_ROWS


@pytest.mark.parametrize(
    ("target", "status", "field"),
    [
        ("/admin/rooms/nowhere/damping", 404, None),
        ("/admin/rooms/build/damping?pair=anna", 422, "pair"),
        ("/admin/rooms/build/damping?pair=anna,all", 422, "pair"),
        ("/admin/rooms/build/damping?pair=anna,Anna", 422, "pair"),
        ("/admin/rooms/build/damping?pair=a,b,c", 422, "pair"),
        ("/admin/rooms/build/damping?by=system", 422, "by"),
        ("/admin/rooms/a b/damping", 422, "room"),
    ],
)
async def test_a_wrong_request_lifts_nothing(
    autojump_clock: trio.testing.MockClock, target: str, status: int, field: str | None
) -> None:
    async with open_site() as site:
        await make_loop(site)
        reply = await site.admin("DELETE", target)
        assert reply.status == status
        if field is not None:
            (error,) = reply.json["detail"]["errors"]
            assert error["field"] == field
        reply = await site.admin("DELETE", "/admin/rooms/build/damping")
        assert reply.json["lifted"] == [["anna", "bob"]]


async def test_only_the_operator_lifts_a_damping(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await make_loop(site)
        code = await site.code("carol")
        reply = await site.front.call("DELETE", "/admin/rooms/build/damping", code=code)
        assert reply.status == 401
