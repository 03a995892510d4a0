"""The records of a code of several rooms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.many_rooms import choose_room, count_codes, in_further_room

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
ROOMS = st.lists(NAMES, min_size=1, max_size=16, unique_by=str.lower)


def records_of(rooms: list[str], code: str = "secret") -> list[CodeRecord]:
    digest = digest_code(code)
    first, *others = [CodeRecord(digest, room, "ann", "", 1) for room in rooms]
    return [first, *map(in_further_room, others)]


@given(ROOMS, st.text())
def test_records_differ_and_have_one_code(rooms: list[str], code: str) -> None:
    records = records_of(rooms, code)
    assert len({record.digest for record in records}) == len(rooms)
    assert {record.code_digest for record in records} == {digest_code(code)}
    assert count_codes(records) == 1
    for record in records:
        assert record.is_code(digest_code(code))
        assert record.digest == digest_code(code) or not record.is_code(record.digest)


@given(ROOMS, st.data())
def test_a_room_is_chosen_in_any_spelling(
    rooms: list[str], data: st.DataObject
) -> None:
    records = records_of(rooms)
    wanted = data.draw(st.sampled_from(records))
    assert choose_room(records, wanted.room.upper()) is wanted
    assert choose_room(records, None) is records[0]


@given(ROOMS)
def test_no_other_room_is_chosen(rooms: list[str]) -> None:
    records = records_of(rooms)
    for left, room in ((records, "no-such-room"), (records[1:], None)):
        with pytest.raises(RelayError) as refused:
            choose_room(left, room)
        assert refused.value.problem is Problem.ROOM_NOT_FOUND


def test_codes_are_counted_by_what_is_presented() -> None:
    records = [*records_of(["a", "b"]), *records_of(["a"], "another")]
    assert count_codes(records) == 2
