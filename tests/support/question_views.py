"""All views of questions, to compare them with each other and with what should be.

A view is a function that asks the relay in one way and returns what it was shown. It
also knows which questions it should show, and which part of their state.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import attrs
import msgspec

from argybargy.domain.text_form import TextMessage, parse_messages
from argybargy.relay.api.stream_cursor import StreamCursor
from argybargy.web.endpoints.stream import line_of
from support.stream_model import ModelClient
from support.web_app import Reply, Site

ROOM: Final = "build"
MOST: Final = 60
"""Messages in the operator's state and stream."""
_OPEN: Final = frozenset({"open", "claimed"})
_WORD: Final = "who"
"""A word in the text of every question, and in no other text."""


@attrs.frozen
class Shown:
    """The state of a question, without the end of a claim."""

    state: str = "open"
    by: str | None = None
    seq: int | None = None
    reason: str = ""


@attrs.define
class Asked:
    """A question and its expected state.

    Attributes:
        seq: Its number.
        asker: The asking agent, or ``operator``.
        readers: The agents that may see it, the asker included; ``None`` means all.
        expects: The one asked.
        shown: The state.
        request: The body of its post, to repeat it.
    """

    seq: int
    asker: str
    readers: frozenset[str] | None
    expects: str
    shown: Shown = attrs.field(factory=Shown)
    request: Mapping[str, object] = attrs.field(factory=dict)

    def is_seen_by(self, reader: str) -> bool:
        return self.readers is None or reader in self.readers

    @property
    def is_open(self) -> bool:
        return self.shown.state in _OPEN


@attrs.define
class World:
    """A relay with agents, and what its questions should look like.

    Attributes:
        site: The relay with its app.
        codes: The valid codes of the agents, by name.
        asked: The kept questions, by number.
        head: The newest number, as far as known.
        is_closed: Whether the room is closed.
        follower: A stream that is read at each comparison, and what it has shown.
    """

    site: Site
    codes: dict[str, str] = attrs.field(factory=dict)
    asked: dict[int, Asked] = attrs.field(factory=dict)
    is_closed: bool = False
    follower: tuple[StreamCursor, ModelClient] | None = None

    async def get(self, reader: str, target: str) -> Reply:
        return await self.site.front.call("GET", target, code=self.codes[reader])

    async def admin(self, target: str) -> Any:  # noqa: ANN401  any JSON
        reply = await self.site.admin("GET", target)
        assert reply.status == 200, reply.body
        return reply.json

    def follow(self) -> StreamCursor:
        relay = self.site.house.relay
        return StreamCursor(relay, relay.watchers.watch(), None, MOST)


@attrs.frozen
class Sight:
    """What one view has shown, and what it should show.

    Attributes:
        view: The view, with its reader.
        found: What it has shown of each question.
        wanted: The same, from the expected states.
        untils: The ends of claims, of views that know them.
    """

    view: str
    found: Mapping[int, object]
    wanted: Mapping[int, object]
    untils: Mapping[int, str | None] | None = None


View = Callable[[World], Awaitable[list[Sight]]]


def shown(question: Mapping[str, Any]) -> Shown:
    """Read a ``question`` of JSON."""
    return Shown(
        question["state"],
        question.get("by"),
        question.get("seq"),
        question.get("reason", ""),
    )


def _sight(
    view: str,
    rows: Iterable[Mapping[str, Any]],
    wanted: Iterable[Asked],
    *,
    has_lease: bool = False,
) -> Sight:
    """Compare rows that have ``seq`` and ``question`` with expected questions."""
    found = {row["seq"]: row["question"] for row in rows if "question" in row}
    untils = {seq: each.get("until") for seq, each in found.items()}
    if not has_lease:
        assert not any(untils.values()), f"{view} knows no leases"
    return Sight(
        view,
        {seq: shown(each) for seq, each in found.items()},
        {each.seq: each.shown for each in wanted},
        untils if has_lease else None,
    )


def _text_state(message: TextMessage) -> Shown:
    if message.is_withdrawn:
        return Shown("withdrawn")
    if message.is_answered:
        return Shown("answered", seq=message.answered_by)
    return Shown("claimed", message.holder) if message.holder else Shown()


def _as_text(each: Shown) -> Shown:
    by = each.by if each.state == "claimed" else None
    return Shown(each.state, by, each.seq)


def _text_sight(view: str, body: bytes, reader: str, wanted: Iterable[Asked]) -> Sight:
    found = parse_messages(body.decode(), reader)
    return Sight(
        view,
        {each.seq: _text_state(each) for each in found if each.asks != "none"},
        {each.seq: _as_text(each.shown) for each in wanted},
    )


def _visible(world: World, reader: str) -> list[Asked]:
    return [each for each in world.asked.values() if each.is_seen_by(reader)]


# -- the views of agents -------------------------------------------------------------


async def polls(world: World) -> list[Sight]:
    sights = []
    for reader in world.codes:
        wanted = [each for each in _visible(world, reader) if each.asker != reader]
        rows, since = [], 0
        while True:
            page = (await world.get(reader, f"/messages?since={since}")).json
            rows += page["messages"]
            since = page["cursor"]
            if not page["more"]:
                break
        sights.append(_sight(f"poll of {reader}", rows, wanted))
        text = await world.get(reader, "/messages?since=0&format=text")
        in_page = [each for each in wanted if each.seq <= _last(text)]
        sights.append(_text_sight(f"text of {reader}", text.body, reader, in_page))
    return sights


def _last(reply: Reply) -> int:
    return int(reply.headers["x-argybargy-cursor"])


async def histories(world: World) -> list[Sight]:
    sights = []
    for reader in world.codes:
        wanted, target = _visible(world, reader), "/history?limit=500"
        rows = (await world.get(reader, target)).json["messages"]
        sights.append(_sight(f"history of {reader}", rows, wanted))
        text = await world.get(reader, f"{target}&format=text")
        sights.append(
            _text_sight(f"text of {reader}'s history", text.body, reader, wanted)
        )
        lean = await world.site.front.call(
            "GET",
            target,
            code=world.codes[reader],
            headers={"prefer": "return=minimal"},
        )
        asking = {each["seq"] for each in rows if "question" in each}
        rows = [
            {"question": {"state": "open"}} | each
            for each in lean.json["messages"]
            if each["seq"] in asking
        ]
        sights.append(_sight(f"minimal history of {reader}", rows, wanted))
    return sights


async def messages(world: World) -> list[Sight]:
    sights = []
    for reader in world.codes:
        rows, texts, hidden = [], b"", set()
        for seq in world.asked:
            reply = await world.get(reader, f"/messages/{seq}")
            if reply.status == 404:
                hidden.add(seq)
                continue
            rows.append(reply.json["message"])
            text = await world.get(reader, f"/messages/{seq}?format=text")
            texts += text.body.partition(b"\n")[0] + b"\n"
        wanted = _visible(world, reader)
        assert hidden == world.asked.keys() - {each.seq for each in wanted}
        sights.append(
            _sight(f"messages of {reader}", rows, wanted, has_lease=True),
        )
        sights.append(
            _text_sight(f"text of a message, {reader}", texts, reader, wanted)
        )
    return sights


async def resumptions(world: World) -> list[Sight]:
    sights = []
    for reader in world.codes:
        found = (await world.get(reader, "/resume")).json
        wanted = [
            each
            for each in world.asked.values()
            if each.asker == reader and each.is_open
        ]
        asked = found["open_questions"]
        sights.append(_sight(f"resume of {reader}", asked, wanted, has_lease=True))
        held = [
            each
            for each in world.asked.values()
            if (each.shown.state, each.shown.by) == ("claimed", reader)
        ]
        sights.append(
            _sight(f"claims of {reader}", found["claims"], held, has_lease=True)
        )
    return sights


async def searches(world: World) -> list[Sight]:
    sights = []
    for reader in world.codes:
        visible = _visible(world, reader)
        for query, wanted in (
            ("is:open", [each for each in visible if each.is_open]),
            (_WORD, visible),
        ):
            target = f"/search?limit=50&q={query}"
            found = (await world.get(reader, target)).json["results"]
            rows = [each["message"] for each in found]
            sights.append(_sight(f"search {query} of {reader}", rows, wanted))
    text = await world.get(reader, f"/search?limit=50&q={_WORD}&format=text")
    sights.append(_text_sight(f"text search of {reader}", text.body, reader, visible))
    return sights


async def retries(world: World) -> list[Sight]:
    """Repeat the posts of all questions whose asker still has its code."""
    rows, wanted = [], []
    for each in world.asked.values():
        if not each.request:
            continue
        key = {"idempotency-key": f"key {each.request['text']}"}
        if each.asker == "operator":
            reply = await world.site.admin("POST", "/admin/say", each.request, key)
        elif each.asker in world.codes:
            reply = await world.site.front.call(
                "POST",
                "/messages",
                code=world.codes[each.asker],
                json=each.request,
                headers=key,
            )
        else:
            continue
        assert reply.json.get("duplicate"), reply.json
        rows.append(reply.json["message"])
        wanted.append(each)
    return [_sight("retries", rows, wanted, has_lease=True)]


async def refused_claims(world: World) -> list[Sight]:
    """Claim all questions that have ended: the reason of the refusal is the state."""
    sights = []
    for reader in world.codes:
        ended = [
            each
            for each in _visible(world, reader)
            if not each.is_open
            and each.asker != reader
            and each.expects in {"anyone", reader}
        ]
        found: dict[int, object] = {}
        for each in ended:
            reply = await world.site.front.call(
                "POST", f"/messages/{each.seq}/claim", code=world.codes[reader]
            )
            body = reply.json
            if body["won"]:
                found[each.seq] = shown(body["question"])
            else:
                detail = body["detail"]
                found[each.seq] = detail.get("reason", detail["error"])
        wanted = {
            each.seq: each.shown if each.shown.by == reader else each.shown.state
            for each in ended
        }
        sights.append(Sight(f"claims of what has ended, {reader}", found, wanted))
    return sights


# -- the views of the operator ------------------------------------------------------


def _newest(world: World, head: int) -> list[Asked]:
    return [each for each in world.asked.values() if each.seq > head - MOST]


def _waiting(world: World) -> list[Asked]:
    if world.is_closed:
        return []
    return [
        each
        for each in world.asked.values()
        if each.is_open and each.asker != "operator"
    ]


async def state(world: World) -> list[Sight]:
    found = await world.admin(f"/admin/state?room={ROOM}")
    head = max((each["last_seq"] for each in found["rooms"]), default=0)
    return [
        _sight("waiting", found["waiting"], _waiting(world), has_lease=True),
        _sight("state", found["messages"], _newest(world, head), has_lease=True),
    ]


async def operators_reads(world: World) -> list[Sight]:
    history = await world.admin(f"/admin/rooms/{ROOM}/history?limit=500")
    asked = world.asked.values()
    sights = [_sight("the operator's history", history["messages"], asked)]
    for query, wanted in (
        ("is:open", [each for each in asked if each.is_open]),
        (_WORD, asked),
    ):
        found = await world.admin(f"/admin/search?limit=50&q={query}")
        rows = [each["message"] for each in found["results"]]
        sights.append(_sight(f"the operator's search {query}", rows, wanted))
    return sights


async def streams(world: World) -> list[Sight]:
    """Read a new stream, and the changes of one that has been open for longer."""
    sights = []
    if world.follower is None:
        world.follower = world.follow(), ModelClient(MOST)
    fresh = world.follow(), ModelClient(MOST)
    for name, (cursor, client) in (
        ("snapshot", fresh),
        ("stream", world.follower),
    ):
        frame = await cursor.catch_up()
        if frame is not None:
            client.apply(msgspec.json.decode(line_of(frame, cursor.room)))
        head = client.rooms[ROOM]["last_seq"]
        waiting, said = client.waiting.values(), client.messages.values()
        sights += [
            _sight(f"waiting of a {name}", waiting, _waiting(world), has_lease=True),
            _sight(f"messages of a {name}", said, _newest(world, head), has_lease=True),
        ]
    fresh[0].watcher.close()
    return sights


async def metrics(world: World) -> list[Sight]:
    page = (await world.site.admin("GET", "/metrics")).body.decode()
    figures = {
        name: float(value)
        for line in page.splitlines()
        if line and not line.startswith("#")
        for name, _, value in [line.rpartition(" ")]
    }
    waiting = _waiting(world)
    claimed = sum(each.shown.state == "claimed" for each in waiting)
    found = {
        0: figures["argybargy_open_questions"],
        1: figures['argybargy_questions{state="open"}'],
        2: figures['argybargy_questions{state="claimed"}'],
    }
    wanted = {0: len(waiting), 1: len(waiting) - claimed, 2: claimed}
    return [Sight("metrics", found, wanted)]


async def export(world: World) -> list[Sight]:
    reply = await world.site.admin("POST", "/admin/export", {"room": ROOM})
    lines = [msgspec.json.decode(line) for line in reply.body.splitlines()]
    found: dict[int, object] = {}
    for line in lines:
        if line["type"] != "message" or line["expects_reply"] == "none":
            continue
        end, holder = line.get("resolution"), line.get("claimed_by")
        if end is not None:
            assert not line.get("open")
            found[line["seq"]] = Shown(
                end["kind"], end["by"], end.get("seq"), end.get("reason", "")
            )
        else:
            assert line.get("open")
            found[line["seq"]] = Shown("claimed", holder) if holder else Shown()
    wanted = {each.seq: each.shown for each in world.asked.values()}
    return [Sight("export", found, wanted)]


# Polls come first: they renew leases, whose ends are compared afterwards.
VIEWS: Final[tuple[View, ...]] = (
    polls,
    histories,
    messages,
    resumptions,
    searches,
    retries,
    refused_claims,
    state,
    operators_reads,
    streams,
    metrics,
    export,
)


async def differences(world: World) -> list[str]:
    """Return every difference between a view and what should be."""
    found, untils = [], dict[int, dict[str, str | None]]()
    for view in VIEWS:
        for sight in await view(world):
            for seq in sight.found.keys() | sight.wanted.keys():
                here, there = sight.found.get(seq), sight.wanted.get(seq)
                if here != there:
                    found.append(f"{sight.view}: {seq} is {here}, not {there}")
            for seq, until in (sight.untils or {}).items():
                untils.setdefault(seq, {})[sight.view] = until
    for seq, ends in untils.items():
        is_claimed = world.asked[seq].shown.state == "claimed"
        if len(set(ends.values())) != 1 or (None in ends.values()) == is_claimed:
            found.append(f"{seq} is claimed until {ends}")
    return found
