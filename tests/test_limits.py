"""Every growing collection has a bound, and every bound has a test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from argybargy.domain.limits import Limits
from argybargy.http.limits import ConnectionLimits
from support.limits_table import CONSTANTS, HELD, PROOFS
from support.named_tests import missing_tests

SOURCE = Path(__file__).parents[1] / "src" / "argybargy"
LASTING = ("system", "domain", "settings", "store", "relay", "http", "web", "serve")
"""Packages whose objects live as long as the relay."""

GROWING = re.compile(
    r"\b(dict|list|set|deque|OrderedDict|defaultdict|Counter|bytearray"
    r"|Mem\w+SendChannel|Queue)\b"
)
LASTING_VALUES = re.compile(r"HashTrie(Map|Set)\b")
"""Persistent maps, which grow from one immutable value to the next."""
CHANNELS = {"deque", "trio.open_memory_channel"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in LASTING:
        for path in sorted((SOURCE / package).rglob("*.py")):
            name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
            yield name, ast.parse(path.read_text())


def is_value(kind: ast.ClassDef) -> bool:
    """Tell whether a class is immutable, and so bounded by its construction."""
    said = " ".join(map(ast.unparse, [*kind.decorator_list, *kind.bases]))
    is_frozen = any(ast.unparse(each) == "frozen=True" for each in kind.keywords)
    return "frozen" in said or is_frozen or "Protocol" in said


def collections_of(kind: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes of a class that are collections without a fixed size."""
    growing = LASTING_VALUES if is_value(kind) else GROWING
    for node in ast.walk(kind):
        if isinstance(node, ast.AnnAssign) and growing.match(
            ast.unparse(node.annotation).removeprefix("trio.")
        ):
            if isinstance(node.target, ast.Attribute):
                yield node.target.attr
            elif node in kind.body:
                assert isinstance(node.target, ast.Name)
                yield node.target.id


def test_every_collection_that_may_grow_has_a_bound() -> None:
    found = {
        f"{module}.{kind.name}.{attribute}"
        for module, tree in modules()
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef)
        for attribute in collections_of(kind)
    }
    assert found == set(HELD)


def test_every_queue_says_how_long_it_may_be() -> None:
    endless = [
        f"{module}:{node.lineno} {ast.unparse(node)}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).partition("[")[0] in CHANNELS
        and not re.search(
            r"\((\d+|\w*[Ll]imits\.\w+|[A-Z_]+)\)|maxlen", ast.unparse(node)
        )
    ]
    # Reads and claims of a peer: counted before each append.
    modules_named = [each.partition(":")[0] for each in endless]
    assert modules_named == ["relay.access.request_limits"] * 2


@pytest.mark.parametrize("limits", [Limits, ConnectionLimits])
def test_every_limit_has_a_test_that_meets_it(limits: type) -> None:
    name = limits.__name__
    fields = {f"{name}.{field.name}" for field in attrs.fields(limits)}
    assert {each for each in PROOFS if each.startswith(f"{name}.")} == fields


def test_the_tests_that_meet_a_limit_are_there() -> None:
    assert missing_tests([*PROOFS.values(), *(each.proof for each in CONSTANTS)]) == []


def test_whatever_a_collection_is_bound_by_is_a_limit() -> None:
    known = {field.name for field in (*attrs.fields(Limits),)}
    known |= {field.name for field in attrs.fields(ConnectionLimits)}
    known |= {constant.name.lstrip("_") for constant in CONSTANTS}
    named = {name for said in HELD.values() for name in re.findall(r"`(\w+)`", said)}
    assert named <= known


def test_every_constant_that_bounds_something_is_in_the_table() -> None:
    tabled = {
        f"{each.module.__name__.removeprefix('argybargy.')}.{each.name}"
        for each in CONSTANTS
    }
    found = {
        f"{module}.{name}"
        for module, tree in modules()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for name in re.findall(r"\w*[A-Z]\w*", ast.unparse(node).partition("=")[0])
        if re.search(r"(^|_)(MAX|MOST)_|_(ROWS|JOBS|KEPT)$", name)
    }
    assert found - tabled == {"web.endpoints.operator.AUDIT_ROWS"}, (
        "a default, and no bound"
    )
