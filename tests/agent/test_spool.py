"""The spool: durable, bounded, and whole after a crash."""

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from argybargy.agent.message_lines import Entry
from argybargy.agent.spool import (
    MOST_SPOOL_BYTES,
    Spool,
    decode_entries,
    encode_entry,
)

ENTRIES = st.lists(
    st.builds(Entry, st.integers(0, 10**15), st.text(st.characters(codec="utf-8"))),
    max_size=8,
)


@given(ENTRIES)
def test_entries_are_decoded_as_they_were_encoded(entries: list[Entry]) -> None:
    assert decode_entries(b"".join(map(encode_entry, entries))) == entries


@given(ENTRIES, st.data())
def test_a_spool_that_a_crash_cut_anywhere_has_whole_entries_only(
    entries: list[Entry], data: st.DataObject
) -> None:
    content = b"".join(map(encode_entry, entries))
    cut = content[: data.draw(st.integers(0, len(content)))]
    found = decode_entries(cut)
    assert found == entries[: cut.count(b"\n")]


@given(st.binary())
def test_any_content_is_read_without_an_error(content: bytes) -> None:
    assert all(isinstance(each, Entry) for each in decode_entries(content))


def test_appending_after_a_crash_drops_the_torn_line(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.append([Entry(1, "a"), Entry(2, "b")])
    spool.path.write_bytes(spool.path.read_bytes()[:-3])
    assert spool.append([Entry(2, "b"), Entry(3, "c")])
    assert spool.entries() == [Entry(1, "a"), Entry(2, "b"), Entry(3, "c")]


def test_only_the_owner_can_read_the_spool_and_it_is_empty_at_the_end(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.entries() == []
    spool.append([Entry(1, "a"), Entry(2, "b")])
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    spool.drop_through(1)
    assert spool.entries() == [Entry(2, "b")]
    spool.drop_through(2)
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    assert spool.path.stat().st_size == 0, "a shell tests it: [ -s spool ]"


def test_a_full_spool_takes_no_more_and_a_long_message_fits_when_it_is_empty(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    half = "x" * (MOST_SPOOL_BYTES // 2)
    assert not spool.append([Entry(1, half), Entry(2, half), Entry(3, "c")])
    assert [each.number for each in spool.entries()] == [1]
    assert spool.path.stat().st_size <= MOST_SPOOL_BYTES
    spool.drop_through(1)
    assert spool.append([Entry(2, 3 * half)])
    assert not spool.append([Entry(3, "c")])


def test_a_note_is_dropped_with_the_last_message(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append([Entry(5, "a"), Entry(6, "b"), Entry(0, "leave: room closed by x")])
    spool.drop_through(5)
    assert [each.number for each in spool.entries()] == [6, 0]
    spool.drop_through(6)
    assert spool.entries() == []
