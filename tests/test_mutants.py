"""The mutants of ``nox -s mutants``."""

import ast

from mutants.__main__ import PACKAGE, TARGETS
from mutants.changes import mutants_of

SOURCE = """
def rule(a, b):
    note(a)
    if a < b and not b:
        return True
    return a + 1
"""


def test_each_mutant_has_one_change_and_leaves_the_others_alone() -> None:
    made = {mutant.what: mutant.source for mutant in mutants_of("rule.py", SOURCE)}
    plain = ast.unparse(ast.parse(SOURCE))
    lines = {
        what: [
            new
            for new, old in zip(source.split("\n"), plain.split("\n"), strict=True)
            if new != old
        ]
        for what, source in made.items()
    }
    assert lines == {
        "without note(a)": ["    pass"],
        "a < b turned": ["    if a <= b and (not b):"],
        "a < b and (not b) and/or": ["    if a < b or not b:"],
        "not b without not": ["    if a < b and (not not b):"],
        "True made False": ["        return False"],
        "a + 1 swapped": ["    return a - 1"],
        "1 made 2": ["    return a + 2"],
    }


def test_every_pattern_of_mutated_files_matches_some() -> None:
    assert [each for each in TARGETS if not list(PACKAGE.glob(each))] == []
