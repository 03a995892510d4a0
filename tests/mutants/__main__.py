"""Mutation tests: ``python tests/mutants``.

Each mutant is one small change to one file: a comparison inverted, a constant changed
by one, a statement removed. The tests of the file run on a copy of the source with the
mutant. A surviving mutant shows behaviour that no test checks, unless it is equivalent
to the original.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

if __name__ == "__main__" and not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mutants.changes import Mutant, mutants_of

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "argybargy"
TARGETS: Final = {
    "domain/**/*.py": "tests/domain",
    "relay/room/*.py": "tests/relay",
    "relay/api/poll.py": "tests/relay",
    "relay/api/claim_renewal.py": "tests/relay",
    "relay/housekeeping.py": "tests/relay",
}
"""Mutated files, as patterns, and the directory of their tests."""
SECONDS: Final = 600
"""Time limit of the tests of one mutant, which may make them hang."""
SURVIVED: Final = "SURVIVED"


def all_mutants(patterns: Sequence[str]) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant of the matching files, with the directory of its tests."""
    for pattern, tests in TARGETS.items():
        for path in sorted(PACKAGE.glob(pattern)):
            name = path.relative_to(PACKAGE).as_posix()
            if not patterns or any(each in name for each in patterns):
                for mutant in mutants_of(name, path.read_text()):
                    yield mutant, tests


def fate_of(mutant: Mutant, tests: str) -> str:
    """Run tests on a copy of the source with a mutant; return the outcome."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "src"
        shutil.copytree(PACKAGE, source / "argybargy")
        (source / "argybargy" / mutant.file).write_text(mutant.source)
        # Shadows the installed package, and leaves no bytecode to the next mutant.
        environment = f"PYTHONPATH={source}", "PYTHONDONTWRITEBYTECODE=1"
        pytest = sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"
        command = ["env", *environment, *pytest, *_nearest_first(mutant, tests)]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                timeout=SECONDS,
                check=False,
                capture_output=True,
            )
        except subprocess.TimeoutExpired:
            return "timed out"
        return "killed" if done.returncode else SURVIVED


def _nearest_first(mutant: Mutant, tests: str) -> Sequence[str]:
    """Return the test files of a directory, those named like the mutated file first."""
    stem = Path(mutant.file).stem
    paths = sorted((ROOT / tests).rglob("test_*.py"))
    return sorted(map(str, paths), key=lambda path: stem not in Path(path).stem)


def main() -> int:
    """Test a sample of the mutants; report the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", help="parts of file names")
    parser.add_argument(
        "--sample", type=int, default=0, help="number of mutants; 0 for all"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    chosen = parser.parse_args()
    found = list(all_mutants(chosen.files))
    if 0 < chosen.sample < len(found):
        found = random.Random(chosen.seed).sample(found, chosen.sample)
    survivors = []
    for number, (mutant, tests) in enumerate(found, 1):
        fate = fate_of(mutant, tests)
        survivors += [mutant] if fate == SURVIVED else []
        print(f"{number}/{len(found)} {fate} {mutant}", flush=True)  # noqa: T201
    print(f"{len(survivors)} of {len(found)} survived.")  # noqa: T201
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
