"""Deletion of rooms, tested on each implementation of a store."""

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.notifications import EventKey, EventKind, Notice
from argybargy.domain.room.commands import Claim, Close, Delete, Open
from argybargy.domain.room.state import Room
from argybargy.domain.search.query import Scope, parse_search
from argybargy.store.protocol import Store
from support.store_player import START_MS, Player, audit, texts

BYTES = 256 * 1024
BOB = peer_key("bob")


def code(name: str, room: str = "lab") -> CodeRecord:
    return CodeRecord(digest_code(f"{room}/{name}"), room, name, "", START_MS)


async def played(store: Store, name: str = "lab") -> Player:
    """Return a room with two messages, a claim, a receipt, codes and a cursor."""
    player = Player.of(store, name)
    await player.do(Open("ops"))
    await store.add_codes([code("ann", name), code("bob", name)], [])
    await player.say("ann", "who knows?", expects="anyone", idempotency_key="k")
    await player.do(Claim("bob", 1))
    await player.say("bob", "private", to="ann")
    await store.note({(name, "bob"): 1}, [])
    return player


async def deleted(store: Store, name: str = "lab") -> Player:
    player = await played(store, name)
    await player.do(Close("ops"), Delete("titus"))
    return player


async def restored(store: Store, player: Player) -> Room:
    saved = await store.load(player.room.name, 100)
    assert saved is not None
    return Room.restore(saved, player.now, player.limits)


async def matches(store: Store, text: str) -> list[str]:
    query = parse_search(text, Limits())
    found = await store.search(query, Scope(), 2**53, 50, BYTES)
    return [each.message.text for each in found.found]


async def assert_unreadable(store: Store, after: int = 2) -> None:
    """Assert that no read finds anything of the deleted room."""
    page = await store.page("lab", BOB, 0, 100, BYTES)
    assert (page.messages, page.head, page.first) == ((), after, after + 1)
    assert (await store.look_back("lab", None, 99, 9, BYTES)).messages == ()
    assert await store.message("lab", 1) is None
    assert await store.replies("lab", BOB, 1, 5, BYTES) == ()
    assert await store.recent("lab", 5) == ()
    assert await store.recent(None, 5) == ()
    assert await store.count_unread("lab", BOB, 0) == 0
    assert await store.cursors("lab") == {}
    assert await matches(store, "knows") == []


async def test_nothing_of_a_deleted_room_is_read(store: Store) -> None:
    other = await played(store, "other")
    await deleted(store)
    await other.do(Close("ops"), Delete("ops"))
    overview = await store.overview()
    assert (overview.rooms, overview.members, overview.questions) == ((), {}, ())
    await assert_unreadable(store)
    await store.clear_deleted()
    await assert_unreadable(store)


async def test_notices_about_a_deleted_room_are_deleted(store: Store) -> None:
    notices = [
        Notice(digit * 32, EventKey(EventKind.QUESTION, room_key(room), "1"), START_MS)
        for digit, room in (("1", "lab"), ("2", "ops"))
    ]
    await store.save_notices(notices, [])
    await deleted(store)
    assert await store.notices() == (notices[1],)


async def test_other_rooms_keep_everything(store: Store) -> None:
    other = await played(store, "other")
    await deleted(store)
    await store.clear_deleted()
    assert texts((await store.look_back("other", None, 99, 9, BYTES)).messages) == [
        "who knows?",
        "private",
    ]
    assert [each.room for each in await store.codes()] == ["other", "other"]
    assert await store.cursors("other") == {"bob": 1}
    assert await matches(store, "knows") == ["who knows?"]
    assert (await restored(store, other)).receipts == other.room.receipts


async def test_codes_of_a_deleted_room_count_as_revoked(store: Store) -> None:
    await deleted(store)
    assert await store.codes() == ()
    assert set(await store.revoked(9)) == {code("ann").digest, code("bob").digest}
    row = audit("import", "code/ann")
    assert await store.adopt([row], {"code/ann": code("ann")}) == frozenset()
    await store.note({("lab", "bob"): 2}, [])
    assert await store.cursors("lab") == {}, "a late flush stores no cursor"


async def test_the_audit_log_says_who_deleted_the_room(store: Store) -> None:
    await deleted(store)
    (*_, row) = await store.audit(9, None)
    assert (row.audit.action, row.audit.actor, row.audit.room) == (
        "room_delete",
        "titus",
        "lab",
    )


async def test_a_deleted_room_keeps_its_numbers(store: Store) -> None:
    player = await deleted(store)
    saved = await store.load("lab", 100)
    assert saved is not None
    assert saved.is_deleted
    room = Room.restore(saved, player.now, player.limits)
    assert not room.exists
    assert (room.head, room.first, room.fence, room.last_ms) == (
        *(2, 3, 1),
        player.room.last_ms,
    )
    assert room.version == player.room.version


async def test_a_room_made_again_begins_empty_at_once(store: Store) -> None:
    """Also before the rows of the deleted one are gone."""
    player = await deleted(store)
    player.room = await restored(store, player)
    player.pass_seconds(10)
    player.room = Room.deleted(player.room, player.now)
    await player.do(Open("ops"))
    fresh = await restored(store, player)
    assert fresh.exists
    assert not fresh.status.is_closed
    assert fresh.created_ms == player.now.wall_ms
    assert (dict(fresh.members.items()), dict(fresh.receipts.items())) == ({}, {})
    assert dict(fresh.questions.items()) == {}
    said = await player.say("ANN", "again", idempotency_key="k")
    assert said.seq == 3
    await store.clear_deleted()
    fresh = await restored(store, player)
    assert [each.name for each in fresh.members.values()] == ["ANN"]
    assert len(fresh.receipts) == 1
    assert texts((await store.page("lab", BOB, 0, 9, BYTES)).messages) == ["again"]
    (summary,) = (await store.overview()).rooms
    assert (summary.messages, summary.head, summary.first) == (1, 3, 3)


async def test_a_room_deleted_and_made_again_in_one_commit(store: Store) -> None:
    player = await played(store)
    await player.do(Close("ops"), Delete("ops"), Open("ops"))
    said = await player.say("cid", "fresh")
    await store.clear_deleted()
    room = await restored(store, player)
    assert (room.exists, room.head, room.first) == (True, said.seq, said.seq)
    assert [each.name for each in room.members.values()] == ["cid"]
    assert await matches(store, "fresh") == ["fresh"]


async def test_a_room_can_be_deleted_again(store: Store) -> None:
    player = await deleted(store)
    await store.clear_deleted()
    await player.do(Open("ops"))
    await player.say("ann", "second life")
    await player.do(Close("ops"), Delete("ops"))
    await assert_unreadable(store, after=3)
    await store.clear_deleted()
    await assert_unreadable(store, after=3)
