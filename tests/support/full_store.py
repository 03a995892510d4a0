"""A store with something of everything, and all that can be read from a store."""

import random
from typing import Any

import attrs

from argybargy.domain.access_codes import CodeRecord, Role, digest_code
from argybargy.domain.errors import RelayError
from argybargy.domain.invites import InviteRecord
from argybargy.domain.message import SenderKind
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.notifications import EventKey, EventKind, Notice
from argybargy.domain.room.commands import Claim, Close, Command, Delete, Open, Withdraw
from argybargy.domain.room.state import Room
from argybargy.domain.search.query import Scope, parse_search
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.store.protocol import Store
from support.store_player import LIMITS, START_MS, Player, audit, post

ROOMS = ("lab", "Den", "gone", "again", "Old")
NAMES = ("ann", "Bob", "cid")
EVERYTHING = 1_000_000
BYTES = 1 << 30


def code(name: str, room: str = "lab", secret: str = "") -> CodeRecord:
    digest = digest_code(f"{room}/{name}/{secret}")
    expires_ms = START_MS + 1 if secret else None
    return CodeRecord(
        *(digest, room, name, "can sing", START_MS, expires_ms, "cli", "m"),
        role=Role.READER if name == "Bob" else Role.AGENT,
    )


async def fill(store: Store) -> None:
    """Put something of everything into an empty store."""
    for number, room in enumerate(ROOMS):
        await store.add_codes(
            [code(name, room, "x" * number) for name in NAMES], [audit("invite")]
        )
        await _live(Player.of(store, room), random.Random(number))
    # Deleted ones: nothing was cleared yet, and one was made again in its place.
    for room in ("gone", "again"):
        player = await _returning(store, room)
        await _try(player, Close("op"))
        await player.do(Delete("op"))
    again = await _returning(store, "again")
    await again.do(Open("op"))
    await again.say("ann", "from the beginning", idempotency_key="k1")
    await store.remove_codes([code("cid", "Den", "x")], [audit("revoke", "t1")])
    hook = WakeHook("lab", "ann", "http://hook/1", "1" * 64, Wake.ASKS)
    await store.set_wake_hook(hook)
    await store.set_wake_hook(attrs.evolve(hook, room="DEN", name="bob"))
    await store.note({("LAB", "ann"): 7, ("den", "BOB"): 3}, [audit("auth", "t2")])
    one = InviteRecord(digest_code("i1"), "lab", "", "", "cli", 5, 900_005, 3600.5)
    two = InviteRecord(digest_code("i2"), "Den", "eve", "x", "", 5, 900_005, None)
    await store.save_invites([one, two.revoked(9)], [audit("make")])
    for secret in ("s1", "s2"):
        session = SessionRecord(digest_code(secret), "::1", "Firefox", 5, 99, 6, "00ff")
        await store.open_session(session, [], [audit("sign_in")])
    key = EventKey(EventKind.QUESTION, room_key("Den"), "4")
    await store.save_notices([Notice("1" * 32, key, 5, 9)], [])


async def _returning(store: Store, room: str) -> Player:
    """Return a player of a room that the store has."""
    player = Player.of(store, room)
    saved = await store.load(room, 1_000)
    assert saved is not None
    player.pass_seconds(100_000)
    player.room = Room.restore(saved, player.now, LIMITS)
    player.commits = 1_000
    return player


async def _live(player: Player, dice: random.Random) -> None:
    player.limits = attrs.evolve(LIMITS, messages_per_room=40, tail_messages=12)
    await player.do(Open("op"))
    for step in range(60):
        who, to = dice.choice(NAMES), dice.choice(["all", "Bob", "ann,cid"])
        commands: list[Command] = [
            post(who, f"#{step} ü 'it''s' back\\slash", to, idempotency_key=f"K{step}"),
            post(who, f"word{step % 7} of {step}", to, expects="anyone"),
            post(who, "?", to, expects="anyone", choices=('yes, "do"', "né")),
            post("boss", "go {a,b} NULL", to, kind=SenderKind.OPERATOR),
            post("pat", "hi\tthere\nyou", to, kind=SenderKind.PERSON),
            post(who, "can?", "can:sql", called=(dice.choice(NAMES),)),
        ]
        await _try(player, dice.choice(commands))
        open_ones = list(player.room.questions)
        if open_ones:
            seq, claimer = dice.choice(open_ones), dice.choice(NAMES)
            await _try(player, Claim(claimer, seq, 3_000))
            if step % 3 == 0:
                await _try(player, post(claimer, "done", reply_to=seq, choice="NÉ"))
            if step % 5 == 0:
                await _try(player, Withdraw(who, SenderKind.AGENT, seq, "why?"))
        player.pass_seconds(dice.choice([0, 1, 5]))
    asked = await player.say("ann", "who takes it?", expects="anyone")
    await player.do(Claim("Bob", asked.seq, 3_000))


async def _try(player: Player, command: Command) -> None:
    try:
        await player.do(command)
    except RelayError:
        return


async def contents(store: Store) -> dict[str, Any]:
    """Read all of a store, by its own methods, but for the ends of leases."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        saved = await store.load(room, 12)
        assert saved is not None
        leases = [attrs.evolve(each, expires_ms=None) for each in saved.leases]
        found[f"room {room}"] = attrs.evolve(saved, leases=tuple(leases))
        found[f"cursors {room}"] = await store.cursors(room)
        found[f"back {room}"] = await store.look_back(
            room, None, EVERYTHING, EVERYTHING, BYTES
        )
        for name in NAMES:
            peer = peer_key(name)
            found[f"page {room} {name}"] = await store.page(
                room, peer, 0, EVERYTHING, BYTES
            )
            for words in ("word3", "back\\slash", "it", "né"):
                found[f"search {room} {name} {words}"] = await store.search(
                    parse_search(words, LIMITS),
                    Scope(room, peer),
                    EVERYTHING,
                    1_000,
                    BYTES,
                )
    found["search"] = await store.search(
        parse_search("wor", LIMITS), Scope(), EVERYTHING, 1_000, BYTES
    )
    found["recent"] = await store.recent(None, EVERYTHING)
    found["codes"] = await store.codes()
    found["revoked"] = sorted(await store.revoked(EVERYTHING))
    found["hooks"] = await store.wake_hooks()
    found["invites"] = await store.invites()
    found["sessions"] = await store.sessions()
    found["notices"] = await store.notices()
    found["audit"] = [
        row for row in await store.audit(EVERYTHING, None) if row.audit.action != "move"
    ]
    overview = await store.overview()
    found["overview"] = overview
    return found
