"""Names of seats, the file of a project, and links: pure rules."""

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.agent.errors import AgentError
from argybargy.agent.join_link import check_base, parse_link
from argybargy.agent.seat_name import (
    SeatName,
    only_one,
    parse_project_file,
    parse_seat_name,
    relay_folder,
    seat_name_of,
    with_seat,
    without_seat,
)

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
SEATS = st.builds(
    seat_name_of, st.integers(1, 65_535).map("http://127.0.0.1:{}".format), NAMES, NAMES
)
SECRET = "argy_i1_0123456789abcdefghijklmnopqrstuvwxyzAB"


@given(SEATS)
def test_the_name_of_a_seat_is_parsed_as_it_is_shown(seat: SeatName) -> None:
    assert parse_seat_name(str(seat)) == seat
    assert parse_seat_name(f"{seat.room}/{seat.name}").fits(seat)
    assert parse_seat_name(str(seat).upper().replace(seat.relay, seat.relay)).fits(seat)


@given(st.text() | st.lists(st.text(), min_size=1, max_size=4).map("/".join))
def test_no_name_of_a_seat_leads_out_of_the_folder_of_all_seats(text: str) -> None:
    try:
        seat = parse_seat_name(text)
    except AgentError:
        return
    for part in filter(None, seat):
        assert PurePath(part).name == part
        assert part not in {".", ".."}
        assert "\0" not in part


@pytest.mark.parametrize("text", ["", "alice", "a/b/c/d", "../../x", "a//b", "a/.b"])
def test_other_texts_are_no_names_of_seats(text: str) -> None:
    with pytest.raises(AgentError, match="A seat is named") as caught:
        parse_seat_name(text)
    assert text == "" or text not in caught.value.text + caught.value.hint


@given(st.lists(SEATS, unique=True, max_size=5))
def test_a_project_file_names_the_seats_that_were_added(seats: list[SeatName]) -> None:
    text = ""
    for seat in seats:
        text = with_seat(text, seat)
        assert with_seat(text, seat) == text
    assert parse_project_file(text) == seats
    for seat in seats:
        text = without_seat(text, seat)
    assert text == ""


def test_the_words_of_the_user_in_a_project_file_stay() -> None:
    seat = parse_seat_name("127.0.0.1-8765/build/alice")
    mine = "# mine\r\nbuild/bob # his\n"
    assert with_seat(mine, seat) == f"{mine}{seat}\n"
    assert without_seat(with_seat(mine, seat), seat) == mine
    assert with_seat("build/bob", seat) == f"build/bob\n{seat}\n"


def test_of_several_seats_none_is_taken() -> None:
    one, two = parse_seat_name("build/a"), parse_seat_name("build/b")
    assert only_one([one, one], "here") == one
    with pytest.raises(AgentError, match="Several seats are here: build/a, build/b"):
        only_one([two, one], "here")
    with pytest.raises(AgentError, match="There is no seat here"):
        only_one([], "here")


@pytest.mark.parametrize(
    "link",
    [
        f"http://127.0.0.1:8765/join/{SECRET}",
        f"http://127.0.0.1:8765/join/{SECRET}/",
        f" http://127.0.0.1:8765/join#{SECRET}\n",
        f"http://127.0.0.1:8765/join?invite={SECRET}",
        f"http://127.0.0.1:8765/{SECRET}",
    ],
)
def test_a_link_has_the_address_and_the_secret(link: str) -> None:
    assert parse_link(link) == ("http://127.0.0.1:8765", SECRET)


def test_a_link_may_lead_through_a_path_and_to_ipv6() -> None:
    link = f"https://[::1]:8765/relay/join/{SECRET}"
    assert parse_link(link).base == "https://[::1]:8765/relay"
    assert relay_folder("https://[::1]:8765/relay") == "_--1_-8765"


@given(
    st.text()
    | st.sampled_from(["http://", "https://x:y/", "http://a@b/join/", "ftp://h/"]).map(
        SECRET.join
    )
)
def test_whatever_is_no_link_is_refused_without_repeating_it(text: str) -> None:
    said = ""
    try:
        found = parse_link(text)
        assert check_base(found.base) == found.base
    except AgentError as error:
        said = error.text + error.hint
    assert SECRET not in said


@pytest.mark.parametrize(
    "base", ["127.0.0.1:8765", "http://", "http://h:0", "http://h:x", "http://h/?a=1"]
)
def test_other_texts_are_no_addresses(base: str) -> None:
    with pytest.raises(AgentError):
        check_base(base)
