"""Generate mutants: copies of a source file with one small change each."""

import ast
from collections.abc import Callable, Iterator
from typing import Final

import attrs

_TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SWAPPED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


@attrs.frozen
class Mutant:
    """A source file with one change.

    Attributes:
        file: Path within the package.
        line: Line of the change.
        what: Description of the change.
        source: The changed source of the whole file.
    """

    file: str
    line: int
    what: str
    source: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


Change = tuple[str, Callable[[], None], Callable[[], None]]
"""Description of a change, function that makes it, function that reverts it."""


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Yield one mutant for each possible change to the functions of a file."""
    tree = ast.parse(source)
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name != "__repr__"
    ]
    seen = set[int]()
    for function in functions:
        for node in ast.walk(function):
            if id(node) in seen:
                continue  # part of a nested function
            seen.add(id(node))
            for what, make, undo in _changes(node):
                make()
                line = getattr(node, "lineno", function.lineno)
                yield Mutant(file, line, what, ast.unparse(tree))
                undo()


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _TURNED:
            turned = _TURNED[type(op)]()
            yield _setting(node, "ops", [turned], f"{ast.unparse(node)} turned")
        case ast.BinOp(op=op) if type(op) in _SWAPPED:
            swapped = _SWAPPED[type(op)]()
            yield _setting(node, "op", swapped, f"{ast.unparse(node)} swapped")
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _setting(node, "op", other, f"{ast.unparse(node)} and/or")
        case ast.UnaryOp(op=ast.Not()):
            told = f"{ast.unparse(node)} without not"
            twice = ast.UnaryOp(ast.Not(), node.operand)
            yield _setting(node, "operand", twice, told)
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield _setting(node, "value", value + 1, f"{value} made {value + 1}")
        case ast.Constant(value=bool(flag)):
            yield _setting(node, "value", not flag, f"{flag} made {not flag}")
    for name in ("body", "orelse", "finalbody"):
        yield from _left_out(getattr(node, name, None))


def _left_out(body: object) -> Iterator[Change]:
    """Yield the removal of each statement of a block that can be removed."""
    if not isinstance(body, list):
        return
    for place, statement in enumerate(body):
        is_text = isinstance(statement, ast.Expr) and isinstance(
            statement.value, ast.Constant
        )
        if is_text or not isinstance(
            statement, ast.Expr | ast.AugAssign | ast.Raise | ast.Continue | ast.Delete
        ):
            continue
        told = f"without {ast.unparse(statement)}".replace("\n", " ")
        yield _replacing(body, place, ast.Pass(), told)


def _setting(node: ast.AST, name: str, value: object, what: str) -> Change:
    before = getattr(node, name)
    return (
        what,
        lambda: setattr(node, name, value),
        lambda: setattr(node, name, before),
    )


def _replacing(body: list[ast.stmt], place: int, new: ast.stmt, what: str) -> Change:
    before = body[place]
    return (
        what,
        lambda: body.__setitem__(place, new),
        lambda: body.__setitem__(place, before),
    )
