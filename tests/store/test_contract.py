"""Contract of a store, tested on each implementation."""

import random
from typing import Any

import attrs
import pytest

from argybargy.domain.access_codes import CodeRecord, Role, digest_code
from argybargy.domain.errors import RelayError
from argybargy.domain.invites import InviteRecord
from argybargy.domain.many_rooms import in_further_room
from argybargy.domain.message import Resolution, ResolutionKind, SenderKind
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.notifications import EventKey, EventKind, Notice
from argybargy.domain.pages import look_back, read_after, replies_to
from argybargy.domain.room.commands import (
    Call,
    Claim,
    Close,
    Command,
    Dismiss,
    Open,
    Release,
    Withdraw,
)
from argybargy.domain.room.state import Room
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.store.errors import Conflict
from argybargy.store.postgres.schema import (
    load_migrations as load_postgres_migrations,
)
from argybargy.store.protocol import Store
from argybargy.store.sqlite.schema import load_migrations
from support.store_player import LIMITS, START_MS, Player, audit, post, texts

BYTES = 256 * 1024
PAGE = {"limit": 100, "max_bytes": BYTES}


def code(name: str, room: str = "lab", secret: str = "") -> CodeRecord:
    digest = digest_code(f"{room}/{name}/{secret}")
    return CodeRecord(
        *(digest, room, name, "can sing", START_MS, START_MS + 1, "cli", "m"),
        role=Role.READER if name == "bob" else Role.AGENT,
    )


async def restored(store: Store, player: Player, tail: int = 1_000) -> Room:
    saved = await store.load(player.room.name, tail)
    assert saved is not None
    return Room.restore(saved, player.now, player.limits)


def essence(room: Room) -> dict[str, Any]:
    """State of a room that must survive a restart."""
    leases = {
        seq: (lease.holder, lease.fence, lease.seconds)
        for seq, lease in room.leases.items()
    }
    order = sorted(room.receipt_order.items())
    return {
        "counters": (
            *(room.status, room.version, room.head, room.first, room.fence),
            *(room.created_ms, room.last_ms, room.last_spoken_ms, room.tail_bytes),
        ),
        "messages": dict(room.messages.items()),
        "leases": leases,
        "questions": dict(room.questions.items()),
        "receipts": [(key, room.receipts[key]) for _, key in order],
        "members": dict(room.members.items()),
    }


async def test_a_missing_room_reads_as_empty(store: Store) -> None:
    assert await store.load("lab", 10) is None
    page = await store.page("lab", peer_key("bob"), 0, **PAGE)
    assert (page.messages, page.cursor, page.head, page.first) == ((), 0, 0, 1)
    back = await store.look_back("lab", None, 10, 5, BYTES)
    assert (back.messages, back.first, back.has_more) == ((), 1, False)
    assert await store.message("lab", 1) is None
    assert await store.replies("lab", peer_key("bob"), 1, 5, BYTES) == ()
    assert await store.recent("lab", 5) == ()
    assert await store.recent(None, 5) == ()
    assert await store.count_unread("lab", peer_key("bob"), 0) == 0
    assert await store.cursors("lab") == {}
    assert (await store.overview()).rooms == ()


async def test_an_opened_room_exists_without_messages(store: Store) -> None:
    player = Player.of(store)
    await player.do(Open("ann"))
    saved = await store.load("lab", 10)
    assert saved is not None
    assert (saved.version, saved.head, saved.messages) == (1, 0, ())


async def test_every_kind_of_write_survives_a_restart(store: Store) -> None:
    dice = random.Random(7)
    limits = attrs.evolve(LIMITS, messages_per_room=20, tail_messages=12)
    player = Player.of(store, limits=limits)
    names = ["ann", "bob", "cid"]
    await player.do(Open("op"))
    for step in range(150):
        who, to = dice.choice(names), dice.choice(["all", "bob", "ann,cid"])
        commands: list[Command] = [
            post(who, f"#{step} ü", to, idempotency_key=f"k{step}"),
            post(who, f"#{step}", to, expects="anyone"),
            post(who, "?", to, expects="anyone", choices=('yes, "do"', "né")),
            post("boss", "go", to, kind=SenderKind.OPERATOR),
            post("pat", "hi", to, kind=SenderKind.PERSON),
            Close("op"),
            Open("op"),
            Dismiss(who),
            post(who, "can?", "can:sql", called=(dice.choice(names),)),
            Call(who, frozenset({PeerKey("can:sql")})),
        ]
        await _try(player, dice.choice(commands))
        for question in list(player.room.questions):
            claimer = dice.choice(names)
            await _try(player, Claim(claimer, question))
            await _try(player, post(claimer, "mine", reply_to=question))
            await _try(player, post(claimer, "", reply_to=question, choice="NÉ"))
        player.pass_seconds(dice.choice([0, 1, 500]))
        back = await restored(store, player)
        assert essence(back) == essence(player.room)
    assert player.room.first > 1
    assert player.room.fence > 3


async def _try(player: Player, command: Command) -> None:
    """Apply a command if the rules allow it; a refusal changes nothing."""
    try:
        await player.do(command)
    except RelayError:
        return


async def test_a_commit_on_an_old_version_changes_nothing(store: Store) -> None:
    first, second = Player.of(store), Player.of(store)
    await first.say("ann", "mine")
    with pytest.raises(Conflict):
        await second.say("bob", "too late")
    second.room = await restored(store, second)
    await first.say("ann", "again")
    with pytest.raises(Conflict):
        await second.do(post("bob", "too late", idempotency_key="k"), Close("op"))
    assert texts((await store.look_back("lab", None, 99, 9, BYTES)).messages) == [
        "mine",
        "again",
    ]
    saved = await store.load("lab", 9)
    assert saved is not None
    assert (saved.version, saved.receipts, saved.status.is_closed) == (2, (), False)
    second.room = await restored(store, second)
    await second.say("bob", "now")
    assert second.room.version == 3


async def test_a_commit_with_a_wrong_expectation_of_existence_conflicts(
    store: Store,
) -> None:
    player = Player.of(store)
    player.room = attrs.evolve(player.room, version=4)
    with pytest.raises(Conflict):
        await player.say("ann")
    assert await store.load("lab", 9) is None


async def test_names_match_in_any_case_and_keep_their_first_spelling(
    store: Store,
) -> None:
    player = Player.of(store, "Lab")
    await player.say("Ann", "one")
    other = Player.of(store, "LAB")
    with pytest.raises(Conflict):
        await other.say("bob")
    other.room = await restored(store, other)
    assert other.room.name == "Lab"
    other.room = attrs.evolve(
        other.room, status=attrs.evolve(other.room.status, name="lAB")
    )
    await other.say("ANN", "two")
    saved = await store.load("lab", 9)
    assert saved is not None
    assert saved.status.name == "Lab"
    assert [(peer, each.name) for peer, each in saved.members] == [("ann", "Ann")]
    assert saved.members[0][1].last_seq == 2
    assert await store.count_unread("lAb", peer_key("bob"), 0) == 2
    assert [name for name, _ in await store.recent("LAB", 9)] == ["Lab", "Lab"]
    assert list((await store.overview()).members) == ["lab"]


async def test_several_commands_of_one_batch_are_one_version(store: Store) -> None:
    player = Player.of(store)
    await player.do(
        post("ann", "q?", expects="anyone"), Claim("bob", 1), Release("bob", 1)
    )
    saved = await store.load("lab", 9)
    assert saved is not None
    assert (saved.version, saved.head, saved.leases) == (1, 2, ())
    assert saved.messages[1].event == "reopened"


async def test_a_name_is_known_by_the_kept_messages_from_and_to_it(
    store: Store,
) -> None:
    async def known(*names: str) -> list[str]:
        return [
            name for name in names if await store.has_messages_of("LAB", peer_key(name))
        ]

    names = ("Ann", "Bob", "Cid", "Dan", "titus", "all", "operator", "fay")
    assert await known(*names) == []
    player = Player.of(store, limits=attrs.evolve(LIMITS, messages_per_room=3))
    await player.say("ann")
    await player.say("bob", to="cid")
    await player.say("titus", "hi", kind=SenderKind.OPERATOR)
    assert await known(*names) == ["Ann", "Bob", "Cid"]
    await player.say("dan", kind=SenderKind.PERSON)
    assert await known(*names) == ["Bob", "Cid", "Dan"]
    await player.do(*[post("eve")] * 3)
    assert await known(*names) == []


async def test_messages_past_retention_are_hidden_before_they_are_swept(
    store: Store,
) -> None:
    limits = attrs.evolve(LIMITS, messages_per_room=3)
    player = Player.of(store, limits=limits)
    await player.say("ann", "q?", expects="anyone")
    await player.do(Claim("bob", 1))
    for number in range(2, 6):
        await player.say("ann", f"m{number}", reply_to=3 if number > 3 else None)
    for _ in range(2):
        assert await store.message("lab", 2) is None
        assert await store.message("lab", 3) is not None
        page = await store.page("lab", peer_key("bob"), 0, **PAGE)
        assert (texts(page.messages), page.first) == (["m3", "m4", "m5"], 3)
        assert len(await store.recent(None, 9)) == 3
        assert await store.count_unread("lab", peer_key("bob"), 1) == 3
        assert not (await store.look_back("lab", None, 9, 3, BYTES)).has_more
        replies = await store.replies("lab", peer_key("bob"), 3, 9, BYTES)
        assert texts(replies) == ["m4", "m5"]
        saved = await store.load("lab", 9)
        assert saved is not None
        assert (saved.leases, saved.claimed, saved.questions) == ((), (), ())
        overview = await store.overview()
        assert (overview.rooms[0].messages, overview.questions) == (3, ())
        await store.sweep()


async def test_sweeping_deletes_receipts_beyond_number_or_age(
    store: Store,
) -> None:
    player = Player.of(store)
    for number in range(7):
        player.pass_seconds(1)
        await player.say("ann", idempotency_key=f"k{number}")
    await store.sweep()
    saved = await store.load("lab", 9)
    assert saved is not None
    assert [key for (_, key), _ in saved.receipts] == ["k2", "k3", "k4", "k5", "k6"]
    player.pass_seconds(24 * 3600 + 1)
    await player.say("ann", idempotency_key="new")
    await store.sweep()
    saved = await store.load("lab", 9)
    assert saved is not None
    assert [key for (_, key), _ in saved.receipts] == ["new"]


async def test_a_page_ends_where_it_is_full_and_the_next_goes_on(store: Store) -> None:
    player = Player.of(store)
    for number in range(1, 8):
        await player.say("ann", f"m{number}", to="cid" if number % 2 else "all")
    page = await store.page("lab", peer_key("bob"), 0, 2, 1_000)
    assert (texts(page.messages), page.cursor, page.has_more) == (["m2", "m4"], 5, True)
    page = await store.page("lab", peer_key("bob"), page.cursor, 2, 1_000)
    assert (texts(page.messages), page.cursor, page.has_more) == (["m6"], 7, False)
    assert (await store.page("lab", peer_key("bob"), 7, 2, 1_000)).cursor == 7
    assert (await store.page("lab", peer_key("bob"), 99, 2, 1_000)).cursor == 99


async def test_a_page_is_cut_by_bytes_but_one_message_always_fits(store: Store) -> None:
    player = Player.of(store)
    for _ in range(3):
        await player.say("ann", "ü" * 50)
    page = await store.page("lab", peer_key("bob"), 0, 9, 10)
    assert (len(page.messages), page.cursor) == (1, 1)
    page = await store.page("lab", peer_key("bob"), 0, 9, 200)
    assert (len(page.messages), page.cursor) == (2, 2)


async def test_reads_agree_with_the_rules_for_every_reader(store: Store) -> None:
    dice = random.Random(3)
    names = ["a", "A-b", "b", "a.b", "Cid"]
    player = Player.of(store)
    for _ in range(60):
        to = dice.choice(["all", "all", *names, "a,b", "A-b,Cid", "A.B"])
        kind = dice.choice([SenderKind.AGENT, SenderKind.AGENT, SenderKind.OPERATOR])
        await player.say(dice.choice(names), to=to, kind=kind)
    room = player.room
    for reader in ["a", "a-b", "b", "a.b", "cid", "all", "-"]:
        for after in (0, 1, 17, 59, 60):
            page = await store.page(
                "lab", peer_key(reader), after, 5, LIMITS.poll_bytes
            )
            assert page == read_after(
                room, peer_key(reader), after, 5, LIMITS.poll_bytes
            )
            unread = await store.count_unread("lab", peer_key(reader), after)
            everything = read_after(
                room, peer_key(reader), after, 99, LIMITS.poll_bytes
            )
            assert everything is not None
            assert unread == len(everything.messages)
            for size in (0, 7, BYTES):
                back = await store.look_back("lab", peer_key(reader), after, 5, size)
                assert back == look_back(room, peer_key(reader), after, 5, size)
    back = await store.look_back("lab", None, 41, 40, BYTES)
    assert back == look_back(room, None, 41, 40, BYTES)


async def test_a_direct_message_is_visible_to_sender_addressee_and_operator_only(
    store: Store,
) -> None:
    player = Player.of(store)
    await player.say("Ann", "psst", to="Bob")
    for reader, seen in [("ann", 1), ("bob", 1), ("bo", 0), ("cid", 0)]:
        back = await store.look_back("lab", peer_key(reader), 9, 9, BYTES)
        assert len(back.messages) == seen
    assert len((await store.look_back("lab", None, 9, 9, BYTES)).messages) == 1
    assert await store.count_unread("lab", peer_key("ann"), 0) == 0
    assert await store.count_unread("lab", peer_key("bob"), 0) == 1
    assert await store.count_unread("lab", peer_key("cid"), 0) == 0


async def test_a_look_back_tells_whether_older_messages_exist(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "secret", to="cid")
    for number in range(2, 5):
        await player.say("ann", f"m{number}")
    back = await store.look_back("lab", peer_key("bob"), 5, 2, BYTES)
    assert (texts(back.messages), back.has_more) == (["m3", "m4"], True)
    back = await store.look_back("lab", peer_key("bob"), 3, 2, BYTES)
    assert (texts(back.messages), back.has_more) == (["m2"], False)


async def test_a_look_back_is_cut_by_bytes_but_one_message_always_fits(
    store: Store,
) -> None:
    player = Player.of(store)
    for number in range(4):
        await player.say("ann", f"{number}" + "ü" * 50)
    for size, seqs in [(0, [4]), (201, [4]), (202, [3, 4]), (404, [1, 2, 3, 4])]:
        back = await store.look_back("lab", peer_key("bob"), 9, 9, size)
        assert [each.seq for each in back.messages] == seqs
        assert back.has_more == (seqs[0] > 1)


async def test_a_message_shows_the_holder_of_its_claim(store: Store) -> None:
    player = Player.of(store)
    asked = await player.say("ann", "who?", expects="anyone")
    assert await store.message("lab", 1) == asked
    await player.do(Claim("bob", 1))
    held = await store.message("lab", 1)
    assert held is not None
    assert (held.claimed_by, held.fence, held.is_claim_final) == ("bob", 1, False)
    await player.say("bob", "me", reply_to=1)
    held = await store.message("lab", 1)
    assert held is not None
    assert (held.claimed_by, held.fence, held.is_claim_final) == ("bob", 1, True)


async def test_replies_come_oldest_first_up_to_a_limit(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "so?")
    for number in range(4):
        await player.say("bob", f"r{number}", reply_to=1)
    await player.say("bob", "else")
    replies = await store.replies("lab", peer_key("ann"), 1, 3, BYTES)
    assert texts(replies) == ["r0", "r1", "r2"]


async def test_hidden_replies_do_not_count_towards_the_limit(
    store: Store,
) -> None:
    player = Player.of(store)
    await player.say("ann", "so?")
    for number in range(5):
        await player.say("bob", f"psst{number}", to="ann", reply_to=1)
    await player.say("bob", "aloud", reply_to=1)
    await player.say("Cid", "mine", to="ann", reply_to=1)
    for reader, seen in [
        ("cid", ["aloud", "mine"]),
        ("dan", ["aloud"]),
        ("ann", ["psst0", "psst1"]),
    ]:
        replies = await store.replies("lab", peer_key(reader), 1, 2, BYTES)
        assert texts(replies) == seen
        assert replies == replies_to(player.room, peer_key(reader), 1, 2, BYTES)


async def test_the_operator_reads_private_replies_as_well(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "?")
    await player.say("bob", "to all", reply_to=1)
    await player.say("bob", "private", "ann", reply_to=1)
    await player.say("bob", "no reply")
    await player.say("ann", "to cid", "cid", reply_to=1)
    replies = await store.replies("lab", None, 1, 9, BYTES)
    assert texts(replies) == ["to all", "private", "to cid"]
    assert replies == replies_to(player.room, None, 1, 9, BYTES)
    assert len(await store.replies("lab", None, 1, 2, BYTES)) == 2


async def test_replies_are_cut_by_bytes_but_one_always_fits(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "so?")
    for number in range(3):
        await player.say("bob", f"{number}" + "ü" * 50, reply_to=1)
    for size, seqs in [(0, [2]), (201, [2]), (202, [2, 3]), (303, [2, 3, 4])]:
        replies = await store.replies("lab", peer_key("ann"), 1, 9, size)
        assert [each.seq for each in replies] == seqs
        assert replies == replies_to(player.room, peer_key("ann"), 1, 9, size)


async def test_recent_messages_of_all_rooms_are_in_commit_order(
    store: Store,
) -> None:
    one, two = Player.of(store, "one"), Player.of(store, "two")
    for number in range(3):
        await one.say("ann", f"one{number}")
        await two.say("ann", f"two{number}")
    recent = await store.recent(None, 3)
    assert [(name, each.text) for name, each in recent] == [
        ("two", "two1"),
        ("one", "one2"),
        ("two", "two2"),
    ]
    assert texts(each for _, each in await store.recent("one", 2)) == ["one1", "one2"]


async def test_a_load_returns_a_short_tail_and_every_claimed_message(
    store: Store,
) -> None:
    player = Player.of(store)
    await player.say("ann", "q?", expects="anyone")
    await player.do(Claim("bob", 1, lease_seconds=60))
    for number in range(2, 6):
        await player.say("ann", f"m{number}")
    await player.say("bob", "said something", "cid", expects="none")
    saved = await store.load("lab", 2)
    assert saved is not None
    assert texts(saved.messages) == ["m5", "said something"]
    assert [each.seq for each in saved.claimed] == [1]
    assert [(each.holder, each.seconds) for each in saved.leases] == [("bob", 60)]
    back = Room.restore(saved, player.now, LIMITS)
    assert back.leases[1].lapses_at == player.now.steady_seconds + 60
    assert [each.seq for each in saved.questions] == [1]


async def test_the_overview_shows_rooms_members_and_open_questions(
    store: Store,
) -> None:
    lab, den = Player.of(store, "Lab"), Player.of(store, "den")
    await lab.say("Ann", "q?", to="bob")
    await lab.say("boss", "hm", kind=SenderKind.OPERATOR, to="Ann")
    await den.do(Open("op"))
    await den.do(Close("op"))
    overview = await store.overview()
    assert [(each.status.name, each.head) for each in overview.rooms] == [
        ("Lab", 2),
        ("den", 0),
    ]
    assert [each.status.is_closed for each in overview.rooms] == [False, True]
    assert [each.name for each in overview.members[RoomKey("lab")]] == ["Ann", "boss"]
    assert overview.members[RoomKey("den")] == ()
    asked = [(room, each.text) for room, each in overview.questions]
    assert asked == [("Lab", "q?"), ("Lab", "hm")]
    await lab.do(Dismiss("ann"))
    overview = await store.overview()
    assert [each.name for each in overview.members[RoomKey("lab")]] == ["boss"]
    assert [each.text for _, each in overview.questions] == ["hm"]


async def test_the_end_of_a_question_is_kept_with_its_message(store: Store) -> None:
    player = Player.of(store)
    for _ in range(3):
        await player.say("ann", "q?", expects="bob")
    await player.do(post("bob", "yes", reply_to=1))
    await player.do(Withdraw("ann", SenderKind.AGENT, 2, "found it"))
    seen = [await store.message("lab", seq) for seq in (1, 2, 3)]
    ends = [None if each is None else each.resolution for each in seen]
    now_ms = player.now.wall_ms
    assert ends == [
        Resolution(ResolutionKind.ANSWERED, "bob", now_ms, 4),
        Resolution(ResolutionKind.WITHDRAWN, "ann", now_ms, reason="found it"),
        None,
    ]
    saved = await store.load("lab", 9)
    assert saved is not None
    assert [each.seq for each in saved.questions] == [3]
    assert [each.resolution for each in saved.messages[:3]] == ends


async def test_codes_are_added_and_removed_with_their_audit_rows(store: Store) -> None:
    ann, bob = code("Ann"), code("bob")
    await store.add_codes([ann, bob], [audit("mint")])
    assert await store.codes() == (ann, bob)
    await store.remove_codes([ann], [audit("revoke")])
    assert await store.codes() == (bob,)
    rows = await store.audit(9, None)
    assert [row.audit.action for row in rows] == ["mint", "revoke"]


async def test_only_the_capabilities_and_times_of_codes_are_replaced(
    store: Store,
) -> None:
    ann, bob, eve = code("Ann"), code("bob"), code("eve")
    await store.add_codes([ann, bob], [])
    later = attrs.evolve(
        ann, capabilities="sql ci", created_ms=ann.created_ms + 5, expires_ms=77
    )
    await store.update_codes([later, eve])
    assert await store.codes() == (later, bob)


async def test_codes_that_were_removed_are_remembered(store: Store) -> None:
    ann, bob, eve = code("Ann"), code("bob"), code("eve")
    await store.add_codes([ann, bob, eve], [])
    assert await store.revoked(9) == ()
    await store.remove_codes([ann, bob], [])
    assert set(await store.revoked(9)) == {ann.digest, bob.digest}
    assert len(await store.revoked(1)) == 1


async def test_a_wake_hook_lives_as_long_as_the_codes_of_its_peer(
    store: Store,
) -> None:
    old, new = code("Bob", secret="old"), code("bob", secret="new")
    await store.add_codes([old, new, code("ann")], [])
    bob = WakeHook("LAB", "bob", "http://hook/1", "1" * 64, Wake.ASKS)
    ann = WakeHook("lab", "ann", "http://hook/2", "2" * 64)
    for hook in (bob, ann, attrs.evolve(bob, name="eve")):
        await store.set_wake_hook(hook)
    assert await store.wake_hooks() == (ann, bob)
    changed = attrs.evolve(bob, url="http://hook/3", key="3" * 64, wake=Wake.ALL)
    await store.set_wake_hook(changed)
    await store.remove_codes([old], [])
    assert await store.wake_hooks() == (ann, changed)
    await store.remove_codes([new], [])
    assert await store.wake_hooks() == (ann,)
    await store.remove_wake_hook("LAB", "ANN")
    await store.remove_wake_hook("lab", "ann")
    assert await store.wake_hooks() == ()


async def test_a_called_peer_sees_the_question_everywhere(store: Store) -> None:
    player, cid = Player.of(store), peer_key("cid")
    await player.say("ann", "who?", "can:sql", called=("bob",))
    await player.say("bob", "I", "ann", reply_to=None, expects="none")
    await player.do(Call("Cid", frozenset({PeerKey("can:sql")})))
    question = await store.message("lab", 1)
    assert question is not None
    assert question.to == ("can:sql", "bob", "Cid")
    back = await store.look_back("lab", cid, 99, 9, BYTES)
    assert [each.seq for each in back.messages] == [1, 3]
    page = await store.page("lab", cid, 0, **PAGE)
    assert [each.seq for each in page.messages] == [1, 3]
    assert await store.count_unread("lab", cid, 1) == 1
    assert [each.seq for each in await store.replies("lab", cid, 1, 5, BYTES)] == [3]
    saved = await restored(store, player)
    assert saved.questions[1].audience_keys == question.addressee_keys
    assert essence(saved) == essence(player.room)


async def test_cursors_are_kept_for_holders_of_a_code_only(store: Store) -> None:
    old, new = code("Bob", secret="old"), code("bob", secret="new")
    await store.add_codes([old, new], [])
    cursors = {("LAB", "bob"): 5, ("lab", "eve"): 6, ("den", "bob"): 7}
    await store.note(cursors, [])
    assert await store.cursors("Lab") == {"bob": 5}
    assert await store.cursors("den") == {}
    await store.note({("lab", "bob"): 3}, [])
    await store.remove_codes([old], [])
    # Of a shared store, another node may flush an older cursor late.
    assert await store.cursors("lab") == {"bob": 5 if store.info.is_shared else 3}
    await store.remove_codes([new], [])
    assert await store.cursors("lab") == {}
    await store.note({("lab", "bob"): 9}, [])
    assert await store.cursors("lab") == {}


async def test_audit_rows_page_backwards_and_come_oldest_first(store: Store) -> None:
    await store.note({}, [audit(f"a{number}") for number in range(5)])
    player = Player.of(store)
    await player.do(Open("op"))
    rows = await store.audit(2, None)
    assert [row.audit.action for row in rows] == ["a4", "open"]
    rows = await store.audit(3, rows[0].id)
    assert [row.audit.action for row in rows] == ["a1", "a2", "a3"]
    assert rows[0].audit == audit("a1")


async def test_a_row_with_a_known_tally_replaces_the_old_row(store: Store) -> None:
    await store.note({}, [audit("fail", "t1", "1"), audit("x"), audit("y")])
    await store.note({}, [audit("fail", "t1", "2"), audit("fail", "t2", "1")])
    rows = await store.audit(9, None)
    assert [(row.audit.action, row.audit.detail) for row in rows] == [
        ("fail", "2"),
        ("x", ""),
        ("y", ""),
        ("fail", "1"),
    ]
    assert len({row.id for row in rows}) == 4


async def test_the_audit_log_is_cut_to_its_newest_rows(store: Store) -> None:
    await store.note({}, [audit(f"a{number}") for number in range(25)])
    rows = await store.audit(99, None)
    assert [row.audit.action for row in rows] == [f"a{n}" for n in range(5, 25)]


async def test_sweeping_cuts_the_audit_log(store: Store) -> None:
    many = [audit(f"a{number}", f"t{number}") for number in range(1_025)]
    await store.adopt(many, {})
    await store.sweep()
    rows = await store.audit(99, None)
    assert [row.audit.action for row in rows] == [f"a{n}" for n in range(1_005, 1_025)]


async def test_a_probe_of_a_sound_store_succeeds(store: Store) -> None:
    await store.probe()
    newest = {
        "memory": 1,
        "sqlite": load_migrations()[-1].number,
        "postgresql": load_postgres_migrations()[-1].number,
    }
    assert store.info.schema == newest[store.info.engine.split()[0]]


def invite(secret: str, name: str = "") -> InviteRecord:
    digest = digest_code(secret)
    return InviteRecord(digest, "lab", name, "can sing", "cli", 5, 900_005, 3600.5)


async def test_invites_are_stored_with_their_ends_and_audit_rows(store: Store) -> None:
    first, second = invite("one"), invite("two", "ann")
    await store.save_invites([first], [audit("make")])
    await store.save_invites([second], [])
    assert await store.invites() == (first, second)
    ended = attrs.evolve(first.revoked(9), created_ms=6, expires_ms=7)
    await store.save_invites([ended], [audit("revoke")])
    assert await store.invites() == (ended, second)
    assert [row.audit.action for row in await store.audit(9, None)] == [
        "make",
        "revoke",
    ]
    await store.delete_invites([ended, invite("three")])
    assert await store.invites() == (second,)


async def test_an_invite_is_redeemed_once_together_with_its_code(store: Store) -> None:
    ann, bob = code("ann"), code("bob")
    one = invite("one")
    await store.save_invites([one], [])
    used = one.used(9, ann.key_id)
    await store.redeem_invite(used, ann, [audit("join")])
    with pytest.raises(Conflict):
        await store.redeem_invite(one.used(10, bob.key_id), bob, [audit("join")])
    with pytest.raises(Conflict):
        await store.redeem_invite(invite("two"), bob, [audit("join")])
    assert await store.invites() == (used,)
    assert await store.codes() == (ann,)
    assert len(await store.audit(9, None)) == 1


def session(secret: str, created_ms: int = 5) -> SessionRecord:
    times = created_ms, created_ms + 100, created_ms
    return SessionRecord(digest_code(secret), "::1", "Firefox", *times, "00ff")


async def test_sessions_are_stored_with_their_audit_rows(store: Store) -> None:
    first, second = session("one", 9), session("two")
    await store.open_session(first, [], [audit("sign_in")])
    await store.open_session(second, [], [])
    assert await store.sessions() == (first, second)
    await store.end_sessions([first, session("three")], [audit("sign_out")])
    await store.end_sessions([first], [])
    assert await store.sessions() == (second,)
    assert [row.audit.action for row in await store.audit(9, None)] == [
        "sign_in",
        "sign_out",
    ]


async def test_a_new_session_ends_others_in_the_same_transaction(store: Store) -> None:
    first, second, third = session("one"), session("two"), session("three")
    await store.open_session(first, [], [])
    await store.open_session(second, [], [])
    await store.open_session(third, [first], [])
    assert await store.sessions() == (second, third)


async def test_the_times_of_a_session_are_updated_and_an_ended_one_stays_ended(
    store: Store,
) -> None:
    first, second = session("one"), session("two")
    for each in (first, second):
        await store.open_session(each, [], [])
    await store.end_sessions([second], [])
    used = attrs.evolve(first, created_ms=6, expires_ms=106, used_ms=50)
    await store.update_sessions([used, second])
    assert await store.sessions() == (used,)


def notice(digit: str, room: str = "lab", at_ms: int = 5) -> Notice:
    key = EventKey(EventKind.QUESTION, room_key(room), digit)
    return Notice(digit * 32, key, at_ms)


async def test_notices_are_stored_changed_and_deleted(store: Store) -> None:
    first, second = notice("1", at_ms=9), notice("2")
    await store.save_notices([first, second], [])
    assert await store.notices() == (second, first)
    told = attrs.evolve(first, told_ms=99)
    await store.save_notices([told], [second.id, "f" * 32])
    assert await store.notices() == (told,)


async def test_an_event_has_one_notice(store: Store) -> None:
    first = notice("1")
    again = attrs.evolve(first, id="a" * 32, told_ms=7)
    await store.save_notices([first], [])
    await store.save_notices([again], [])
    assert await store.notices() == (again,)


async def test_the_records_of_a_code_of_several_rooms_are_kept_apart(
    store: Store,
) -> None:
    first = code("ann")
    further = in_further_room(attrs.evolve(first, room="ops"))
    await store.add_codes([first, further], [])
    assert await store.codes() == (first, further)
    await store.remove_codes([first], [])
    assert await store.codes() == (further,)
    assert await store.revoked(9) == (first.digest,)
