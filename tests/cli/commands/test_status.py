"""The status of a relay that shares its store with others."""

import msgspec

from argybargy.web.codec.operator_bodies import NodeRow
from support.fake_operator import FakeOperator
from support.terminal import Terminal


def operator() -> FakeOperator:
    found = FakeOperator()
    started = "2026-11-29T12:00:00Z"
    here = NodeRow("1", "a:8765", "0", started, 3, True, True, 0.2, [])
    other = "text_chars is 9 at a:8765 and 7 at b:8765"
    there = NodeRow("2", "b:8765", "0.9", started, 0, False, False, -61.5, [other])
    found.nodes = [here, there]
    return found


def test_the_status_names_each_node_and_what_is_wrong_with_it() -> None:
    shown = Terminal(operator()).type("status").out
    assert "node      a:8765 (3 polls parked, this one, leads)\n" in shown
    assert (
        "node      b:8765 (0 polls parked, version 0.9, its clock is 61.5 s fast, "
        "text_chars is 9 at a:8765 and 7 at b:8765)\n"
    ) in shown


def test_the_status_as_json_has_the_nodes() -> None:
    result = Terminal(operator()).type("status", "--json")
    nodes = msgspec.json.decode(result.out)["nodes"]
    assert [each.partition(" ")[0] for each in nodes] == ["a:8765", "b:8765"]


def test_the_name_of_a_node_cannot_steer_the_terminal() -> None:
    found = operator()
    found.nodes = [msgspec.structs.replace(found.nodes[0], name="\x1b[31mred")]
    assert "\x1b[31m" not in Terminal(found).type("status").out
