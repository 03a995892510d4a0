"""Classes made here behave like those that attrs makes on its own."""

import ast
from pathlib import Path
from typing import Any

import attrs
import pytest

import argybargy
from argybargy.system import values

# ruff: noqa: ANN401 - classes that two decorators make

SOURCE = Path(argybargy.__file__).parent


def make_pair(frozen: Any) -> Any:
    """Make a class with each kind of field."""

    @frozen
    class Pair:
        left: int
        _right: str = "r"
        secret: str = attrs.field(default="s", repr=False)
        sizes: tuple[int, ...] = attrs.field(default=(), repr=lambda each: f"<{each}>")
        note: str = attrs.field(default="", eq=False)

    return Pair


def make_others(define: Any, frozen: Any) -> Any:
    """Make a mutable class, a class without fields, and a class below another."""

    @define
    class Box:
        items: list[object]

    @frozen
    class Empty:
        pass

    @frozen
    class Base:
        size: int

    @frozen
    class Longer(Base):
        more: int = 0

    return Box, Empty, Base, Longer


OURS = make_pair(values.frozen)
THEIRS = make_pair(attrs.frozen)


def test_a_value_prints_as_with_attrs() -> None:
    ours, theirs = OURS(1, "x", "hidden", (2, 3)), THEIRS(1, "x", "hidden", (2, 3))
    assert (
        repr(ours)
        == repr(theirs)
        == "Pair(left=1, _right='x', sizes=<(2, 3)>, note='')"
    )


@pytest.mark.parametrize("make", [OURS, THEIRS], ids=["ours", "attrs"])
def test_values_are_equal_if_their_compared_fields_are(make: Any) -> None:
    assert make(1, note="a") == make(1, note="b")
    assert make(1) != make(2)
    assert make(1, secret="a") != make(1, secret="b")
    assert hash(make(1, note="a")) == hash(make(1, note="b"))
    assert hash(make(1)) != hash(make(2))
    assert make(1) != 1
    assert make(1).__eq__(1) is NotImplemented


def test_values_of_two_classes_are_not_equal() -> None:
    assert OURS(1) != THEIRS(1)
    for define, frozen in (
        (values.define, values.frozen),
        (attrs.define, attrs.frozen),
    ):
        _, empty, base, longer = make_others(define, frozen)
        assert empty() == empty()
        assert hash(empty()) == hash(empty())
        assert base(1) != longer(1)
        assert longer(1) == longer(1)
        assert repr(longer(1, 2)) == "Longer(size=1, more=2)"


def test_a_class_whose_fields_can_be_set_has_no_hash() -> None:
    box, *_ = make_others(values.define, values.frozen)
    assert box([1]) == box([1])
    with pytest.raises(TypeError, match="unhashable"):
        hash(box([1]))


def test_an_object_that_contains_itself_can_be_printed() -> None:
    box, *_ = make_others(values.define, values.frozen)
    box = box([])
    box.items.append(box)
    assert repr(box) == "Box(items=[...])"


def test_a_field_without_a_value_yet_can_be_printed() -> None:
    @values.define
    class Late:
        size: int = attrs.field(init=False)

    assert repr(Late()) == "Late(size=NOTHING)"


def test_what_a_class_defines_itself_is_kept() -> None:
    @values.frozen
    class Own:
        size: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, int) and self.size == other

        def __hash__(self) -> int:
            return 5

    assert repr(Own(1)) == "own"
    assert Own(1) == 1
    assert hash(Own(1)) == 5


def test_services_compare_by_identity() -> None:
    @values.define(eq=False)
    class Service:
        size: int

    one = Service(1)
    assert one != Service(1)
    assert len({one, one, Service(1)}) == 2
    assert repr(one) == "Service(size=1)"


def test_exceptions_compare_by_identity() -> None:
    @values.define
    class Failed(Exception):
        reason: str

    one = Failed("x")
    assert one != Failed("x")
    assert len({one, one, Failed("x")}) == 2


def test_a_value_is_frozen_and_has_slots_and_its_options() -> None:
    @values.frozen(kw_only=True)
    class Strict:
        size: int

    strict: Any = Strict(size=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        strict.size = 2
    assert not hasattr(strict, "__dict__")
    with pytest.raises(TypeError):
        Strict(1)  # type: ignore[call-arg]  # by keyword only
    assert attrs.evolve(strict, size=3) == Strict(size=3)


def test_attrs_itself_makes_only_classes_that_need_it() -> None:
    """A class of attrs costs a start more: see the module."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        if path == SOURCE / "system" / "values.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                texts = [ast.unparse(each) for each in node.decorator_list]
                found |= {
                    text for text in texts if text.startswith(("attrs.", "attr."))
                }
    assert found == {"attrs.frozen(cache_hash=True)"}


def test_no_field_has_a_comparison_of_its_own() -> None:
    """The classes made here would ignore it."""
    comparisons = {
        ast.unparse(keyword)
        for path in SOURCE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "attrs.field"
        for keyword in call.keywords
        if keyword.arg in {"eq", "hash", "order", "cmp"}
    }
    assert comparisons == {"eq=False"}
