"""Search in every store: matches, filters and hidden messages."""

import unicodedata

import attrs
import pytest
import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from argybargy.domain.limits import Limits
from argybargy.domain.message import SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import Call
from argybargy.domain.search.query import Findings, Scope, parse_search
from argybargy.domain.search.tokens import tokens_of
from argybargy.store.errors import Refused
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.store.protocol import Store
from support.store_player import LIMITS, START_MS, Player, post

FAR = 2**53
BYTES = 256 * 1024
ALL = Scope()


def in_lab(reader: str) -> Scope:
    """Return the search scope of an agent of the room `lab`."""
    return Scope("lab", peer_key(reader))


async def search(
    store: Store,
    text: str,
    scope: Scope = ALL,
    before: int = FAR,
    limit: int = 50,
    max_bytes: int = BYTES,
) -> Findings:
    query = parse_search(text, Limits())
    return await store.search(query, scope, before, limit, max_bytes)


async def texts(store: Store, text: str, scope: Scope = ALL) -> list[str]:
    return [each.message.text for each in (await search(store, text, scope)).found]


async def test_a_search_of_an_empty_store_finds_nothing(store: Store) -> None:
    assert await search(store, "x") == Findings()
    assert await search(store, "x", in_lab("bob")) == Findings()
    assert await search(store, "x", Scope("lab")) == Findings()


async def test_results_are_newest_first_with_room_and_place(store: Store) -> None:
    lab, den = Player.of(store), Player.of(store, "Den")
    await lab.say("ann", "the deploy is red")
    await den.say("bob", "deploy later")
    await lab.say("ann", "deploys: none")
    found = (await search(store, "deploy")).found
    assert [(each.room, each.message.seq) for each in found] == [
        ("lab", 2),
        ("Den", 1),
        ("lab", 1),
    ]
    places = [each.place for each in found]
    assert places == sorted(places, reverse=True)
    one = (await search(store, "deploy", Scope("LAB"))).found
    assert [(each.room, each.place) for each in one] == [("lab", 2), ("lab", 1)]


async def test_choices_are_found_like_the_text(store: Store) -> None:
    lab = Player.of(store)
    await lab.say("ann", "which?", "bob", expects="bob", choices=("red", "navy blue"))
    await lab.say("bob", "as you like", reply_to=1, choice="Red")
    assert await texts(store, "red") == ["as you like", "which?"]
    assert await texts(store, '"navy blue"') == ["which?"]
    assert await texts(store, "which -navy") == []
    (found,) = (await search(store, "navy", in_lab("bob"))).found
    assert found.excerpt.text == "which? red | navy blue"


async def test_a_new_addressee_finds_a_message(store: Store) -> None:
    player, address = Player.of(store), PeerKey("can:sql")
    await player.say("ann", "tune the index", "can:sql", called=("bob",))
    assert await texts(store, "tune", in_lab("bob")) == ["tune the index"]
    assert await texts(store, "tune", in_lab("cid")) == []
    await player.do(Call("cid", frozenset({address})))
    await player.say("ann", "tune again", "can:sql")
    await player.do(Call("dan", frozenset({address})))
    assert await texts(store, "tune", in_lab("cid")) == ["tune the index"]
    assert await texts(store, "tune", in_lab("dan")) == ["tune again", "tune the index"]
    assert await texts(store, "to:can:sql", in_lab("dan")) == [
        "tune again",
        "tune the index",
    ]
    assert await texts(store, "tune", in_lab("eve")) == []
    assert await texts(store, "tune", in_lab("can")) == []


@pytest.mark.parametrize(
    ("looked_for", "found"),
    [
        ("red", ["The build is RED, again", "red flags"]),
        ("build red", ["The build is RED, again"]),
        ("red build", ["The build is RED, again"]),
        ('"is red"', ["The build is RED, again"]),
        ('"red is"', []),
        ("red -build", ["red flags"]),
        ('red -"red again"', ["red flags"]),
        ("re", ["The build is RED, again", "red flags"]),
        ("re build", []),
        ("r", []),
        ("i", []),
        ("你", ["你好世界"]),
        ("cafe\u0301", ["Café für Élise"]),
        ("prive\u0301t", []),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", ["한글"]),
        ("か\u3099く", ["がく"]),
        ("и\u0306од", ["йод"]),
        ("иод", []),
        ('"re"', []),
        ("cafe", ["Café für Élise"]),
        ("ÉLISE", ["Café für Élise"]),
        ("fur", ["Café für Élise"]),
        ("привет", ["Привет, мир"]),
        ("你好", ["你好世界"]),
        ("हिन्दी", ["हिन्दी में"]),
        ("istanbul", ["İstanbul"]),
        ("done", ["done🤔⚠️ now"]),
        ("now", ["done🤔⚠️ now"]),
        ("foo_bar.py", ["see foo_bar.py:12"]),
        ("foo-ba", ["see foo_bar.py:12"]),
        ("<script>alert(1)</script>", ["<script>alert(1)</script>"]),
        ("--json", ["use --json"]),
        ("xfrom:bob", []),
        ("http://x", []),
        ('"is red', ["The build is RED, again"]),
        ("red OR flags", []),
        ("red NOT flags", []),
        ("NEAR(red flags)", []),
        ("text:red", []),
        ("red*", ["The build is RED, again", "red flags"]),
        ("^red", ["The build is RED, again", "red flags"]),
    ],
)
async def test_a_search_finds_the_matching_messages(
    store: Store, looked_for: str, found: list[str]
) -> None:
    player = Player.of(store)
    for text in [
        "йод",
        "がく",
        "한글",
        "use --json",
        "see foo_bar.py:12",
        "<script>alert(1)</script>",
        "done🤔⚠️ now",
        "İstanbul",
        "हिन्दी में",
        "你好世界",
        "Привет, мир",
        "Café für Élise",
        "red flags",
        "The build is RED, again",
    ]:
        await player.say("ann", text)
    assert await texts(store, looked_for) == found


@given(text=st.text(st.characters(), min_size=1, max_size=12))
@example("ёлки")
@example("がぎ")
async def test_unicode_variants_of_a_word_match(text: str) -> None:
    whole, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    async with open_memory_store() as store:
        player = Player.of(store)
        await player.say("ann", f"x {whole} y")
        await player.say("ann", f"x {apart} y")
        for typed in (whole, apart):
            said = " ".join(word.form for word in tokens_of(typed))
            assert len(await texts(store, f'x "{said or typed}"')) == 2


async def _everybody_speaks(store: Store) -> Player:
    player = Player.of(store)
    await player.do(
        post("ann", "word 1", expects="anyone"),
        post("bob", "word 2", "ann"),
        post("titus", "word 3", "bob,ann", kind=SenderKind.OPERATOR),
        post("Ann.B", "word 4", "operator"),
        post("agent", "word 5", "cid", expects="cid"),
    )
    return player


@pytest.mark.parametrize(
    ("looked_for", "numbers"),
    [
        ("from:ANN word", [1]),
        ("from:ann", [1]),
        ("from:ann.b", [4]),
        ("from:operator", [3]),
        ("from:Titus", [3]),
        ("from:agent", [5]),
        ("from:system word", []),
        ("to:ann", [3, 2]),
        ("to:all", [1]),
        ("to:an", []),
        ("from:bob to:ann wo", [2]),
        ("from:bob -word", []),
        ("is:open", [5, 4, 2, 1]),
        ("IS:OPEN from:agent", [5]),
        ("word before:2023-11-14", []),
        ("word before:2023-11-15", [5, 4, 3, 2, 1]),
        ("before:2023-11-14T22:13:20Z", []),
        ("before:2023-11-14T22:13:20.001Z word", [5, 4, 3, 2, 1]),
        ("before:2023-11-14T23:13:21+01:00 word", [5, 4, 3, 2, 1]),
    ],
)
async def test_filters_select_matching_messages(
    store: Store, looked_for: str, numbers: list[int]
) -> None:
    await _everybody_speaks(store)
    assert START_MS == 1_700_000_000_000
    found = (await search(store, looked_for)).found
    assert [each.message.seq for each in found] == numbers


async def test_a_direct_message_is_found_only_by_its_sender_and_addressees(
    store: Store,
) -> None:
    player = Player.of(store)
    await player.say("ann", "everybody knows")
    await player.say("ann", "the swordfish knows", "bob,b.c")
    looked_for = ["swordfish", "sword", '"the swordfish"', "from:ann to:bob", "to:b.c"]
    for text in looked_for:
        for insider in (*map(peer_key, ("ann", "bob", "b.c")), None):
            found = await texts(store, text, Scope("lab", insider))
            assert found == ["the swordfish knows"], (text, insider)
        for outsider in ("cid", "b", "c", "bo", "all", "operator"):
            assert await search(store, text, in_lab(outsider)) == Findings()
        assert (
            await search(store, text, Scope("elsewhere", peer_key("bob"))) == Findings()
        )
    one = await search(store, "knows", in_lab("cid"), limit=1)
    assert ([each.message.seq for each in one.found], one.has_more) == ([1], False)


async def test_an_agent_does_not_find_posts_of_the_human_under_its_name(
    store: Store,
) -> None:
    human = SenderKind.OPERATOR
    await Player.of(store).say("titus", "the swordfish", "ann", kind=human)
    assert await search(store, "swordfish", in_lab("titus")) == Findings()
    assert await texts(store, "swordfish", in_lab("ann")) == ["the swordfish"]


async def test_open_questions_are_the_same_for_every_reader(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "who?", expects="anyone")
    await player.say("ann", "bob?", expects="bob")
    await player.say("titus", "boss?", kind=SenderKind.OPERATOR, expects="anyone")

    async def seen() -> list[list[str]]:
        scopes = [in_lab("ann"), in_lab("bob"), in_lab("cid")]
        return [
            *[await texts(store, "is:open", scope) for scope in scopes],
            await texts(store, "is:open"),
        ]

    assert await seen() == [["boss?", "bob?", "who?"]] * 4
    await player.say("bob", "whispered", "dan", expects="none")
    assert await seen() == [["boss?", "bob?", "who?"]] * 4
    await player.say("bob", "to you alone", "ann", expects="none")
    assert await seen() == [["boss?", "who?"]] * 4
    await player.say("bob", "me", reply_to=1)
    await player.say("bob", "yes", reply_to=3)
    assert await seen() == [[]] * 4


async def test_pages_follow_one_another_without_gaps(store: Store) -> None:
    lab, den = Player.of(store), Player.of(store, "den")
    for number in range(7):
        await (den if number % 3 else lab).say("ann", f"word {number}")
        await lab.say("ann", "word hidden", "bob")
    for scope, count in [
        (ALL, 14),
        (in_lab("cid"), 3),
        (Scope("den"), 4),
    ]:
        seen, before, has_more = [], FAR, True
        while has_more:
            page = await search(store, "word", scope, before, limit=2)
            seen += [(each.room, each.message.seq) for each in page.found]
            before, has_more = page.found[-1].place, page.has_more
        assert len(seen) == len(set(seen)) == count


async def test_a_page_holds_no_more_bytes_than_asked_for(store: Store) -> None:
    player = Player.of(store)
    for text in ("word", "word " + "x" * 100, "word"):
        await player.say("ann", text)
    page = await search(store, "word", max_bytes=50)
    assert ([each.message.seq for each in page.found], page.has_more) == ([3], True)


async def test_messages_past_retention_are_not_found(store: Store) -> None:
    player = Player.of(store, limits=attrs.evolve(LIMITS, messages_per_room=2))
    for number in range(3):
        await player.say("ann", f"word {number}")
    assert await texts(store, "word") == ["word 2", "word 1"]
    await store.sweep()
    assert await texts(store, "word") == ["word 2", "word 1"]
    await player.say("ann", "word 3")
    await store.sweep()
    await store.sweep()
    assert await texts(store, "word") == ["word 3", "word 2"]
    assert await texts(store, "0") == []


async def test_search_results_show_claims(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "who?", expects="anyone")
    await search(store, "who")
    await player.say("bob", "me", reply_to=1)
    (found,) = (await search(store, "who")).found
    assert found.message.claimed_by == "bob"


async def _long_room() -> MemoryStore:
    store = MemoryStore(Limits())
    player = Player.of(store)
    for _ in range(30):
        await player.say("ann", "word " * 1_600)
    return store


async def test_a_search_in_memory_has_a_checkpoint_between_texts() -> None:
    store = await _long_room()
    turns, is_done = 0, False

    async def others() -> None:
        nonlocal turns
        while not is_done:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        assert await texts(store, "another") == []
        is_done = True
    assert turns >= 15


async def test_a_search_in_memory_has_a_deadline(
    mock_clock: trio.testing.MockClock,
) -> None:
    store = await _long_room()

    async def pass_time() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            mock_clock.jump(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_time)
        with pytest.raises(Refused, match="took over 4 s"):
            await texts(store, "another")
        nursery.cancel_scope.cancel()
