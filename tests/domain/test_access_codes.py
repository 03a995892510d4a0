import hashlib
import re
import zlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.access_codes import (
    ALPHABET,
    CODE_PATTERN,
    Peer,
    digest_code,
    format_code,
    is_well_formed,
    key_id_of,
)
from argybargy.domain.names import peer_key, room_key
from support.room import START, code_record

randoms = st.text(ALPHABET, min_size=32, max_size=32)
CODE = format_code("0123456789abcdefghijABCDEFGHIJxy")


def test_a_code_is_a_prefix_random_characters_and_a_checksum() -> None:
    assert re.fullmatch("argy_a1_[0-9A-Za-z]{38}", CODE)
    assert CODE.startswith("argy_a1_0123456789abcdefghijABCDEFGHIJxy")


@given(randoms)
def test_the_checksum_is_the_crc32_of_the_rest_in_base62(random: str) -> None:
    code = format_code(random)
    value = 0
    for digit in code[-6:]:
        value = value * 62 + ALPHABET.index(digit)
    assert value == zlib.crc32(code[:-6].encode())
    assert is_well_formed(code)


@given(st.integers(0, 45), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    mistyped = CODE[:place] + wrong + CODE[place + 1 :]
    assert is_well_formed(mistyped) == (mistyped == CODE)


@pytest.mark.parametrize(
    "text", ["", "argy_a1_", CODE[:-1], CODE + "0", CODE + "\n", CODE.upper(), "é" * 46]
)
def test_other_texts_are_not_well_formed_codes(text: str) -> None:
    assert not is_well_formed(text)


@given(st.text(), st.text())
def test_a_code_is_found_inside_any_text(before: str, after: str) -> None:
    found = [match[0] for match in CODE_PATTERN.finditer(before + CODE + after)]
    assert CODE in found


def test_several_codes_in_a_text_are_all_found() -> None:
    other = format_code("z" * 32)
    assert CODE_PATTERN.findall(f"({CODE}),{other}.") == [CODE, other]


def test_the_digest_is_the_sha256_and_the_key_id_derives_from_it() -> None:
    digest = digest_code(CODE)
    assert digest == hashlib.sha256(CODE.encode()).digest()
    assert key_id_of(digest) == digest.hex()[:12]


def test_a_record_matches_its_own_code_only() -> None:
    record = code_record("Anna")
    code = format_code("Anna".ljust(32, "0"))
    assert record.is_code(digest_code(code))
    assert not record.is_code(digest_code(CODE))
    assert not record.is_code(digest_code(record.digest.hex()))
    assert record.peer == Peer(room_key("hall"), peer_key("anna"))


def test_the_repr_of_a_record_has_neither_digest_nor_code() -> None:
    record = code_record("anna")
    shown = f"{record!r} {record} {record.display} {record.key_id}"
    assert repr(record.digest) not in shown
    assert record.digest.hex() not in shown
    assert not CODE_PATTERN.search(shown)
    assert record.display == f"argy_a1_…{record.key_id}"


def test_a_code_lives_until_the_moment_it_expires() -> None:
    record = code_record("anna", expires_ms=START.wall_ms)
    assert record.is_live_at(START.wall_ms - 1)
    assert not record.is_live_at(START.wall_ms)
    assert attrs.evolve(record, expires_ms=None).is_live_at(2**53)
