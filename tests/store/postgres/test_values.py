"""Commits as bytes, hints, addresses and words of the search."""

import attrs
import pytest

from argybargy.domain.damping import Exchange
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import CodesChanged, LiftDampings, NoteExchange
from argybargy.domain.search.query import Scope, parse_search
from argybargy.domain.seq_gaps import SeqGap
from argybargy.store.postgres.address import masked
from argybargy.store.postgres.deltas import decode_commit, encode_commit
from argybargy.store.postgres.hints import parse_hint
from argybargy.store.postgres.store import PostgresStore
from argybargy.store.protocol import RoomHint
from support.store_player import Player

ANN, BOB = PeerKey("ann"), PeerKey("bob")
COMMIT = Commit(
    *(3, "here-1", RoomStatus("Lab", 5, "ops"), True, 9, 2, 4, 1, 6, 7),
    (SeqGap(3, 4),),
    (
        NoteExchange((ANN, BOB), Exchange(ANN, (1.5, 2.5), 2)),
        LiftDampings(((ANN, BOB),)),
        LiftDampings(),
        CodesChanged(("1234",)),
    ),
)


def test_a_commit_for_other_nodes_survives_encoding() -> None:
    assert decode_commit(encode_commit(COMMIT), "Lab") == COMMIT


@pytest.mark.parametrize(
    "delta", [b"", b"\x02\x90", b"\x01\x90", b"\x01\xff\xff", b"\x01"]
)
def test_an_unknown_encoding_is_not_a_commit(delta: bytes) -> None:
    assert decode_commit(delta, "Lab") is None


def test_a_write_of_a_later_version_is_not_guessed() -> None:
    known = encode_commit(attrs.evolve(COMMIT, writes=(CodesChanged(("x",)),)))
    assert decode_commit(known.replace(b"\xa5codes", b"\xa5coats"), "Lab") is None


@pytest.mark.parametrize("news", ["", "x lab", "1", "1 ", "1 lab !", "-1 lab", "² lab"])
def test_a_notification_of_something_else_is_ignored(news: str) -> None:
    assert parse_hint(news) is None


def test_a_hint_without_a_commit_names_room_and_version() -> None:
    assert parse_hint("7 Lab") == RoomHint("Lab", 7)


def test_no_password_of_an_address_is_shown() -> None:
    url = "postgresql://relay:s3cret@db:5432/lab?password=s3cret"
    assert masked(url) == "postgresql://relay:***@db:5432/lab"
    assert masked("postgresql://relay@/lab?host=/run") == "postgresql://relay@/lab"


async def test_a_text_with_too_many_words_for_the_index_is_found(
    postgres: PostgresStore,
) -> None:
    player = Player.of(postgres)
    many = " ".join(f"word{number}" for number in range(3_000))
    long = "x" * 3_000
    await player.say("ann", f"{many} needle {long}", to="bob")
    await player.say("ann", f"other {long}end")
    for text, found in [("needle", 1), (f"{long}e", 1), ("word7 -needle", 0)]:
        query = parse_search(text, Limits(search_chars=4_000))
        for reader in (None, BOB):
            scope = Scope("lab", reader)
            findings = await postgres.search(query, scope, 99, 9, 256 * 1024)
            assert len(findings.found) == found, text[:20]
        hidden = Scope("lab", PeerKey("cid"))
        findings = await postgres.search(query, hidden, 99, 9, 256 * 1024)
        assert [each.message.seq for each in findings.found] in ([], [2])
