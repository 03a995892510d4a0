"""What the archives of a release hold, and what they must not."""

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

_NEVER: Final = {"__pycache__", ".git", ".venv", ".nox", ".hypothesis", "node_modules"}
_NEVER_NAMES: Final = {"uv.lock", "package-lock.json", ".env"}
_NEVER_SUFFIXES: Final = {".pyc", ".db", ".log", ".token"}
_OF_THE_SDIST: Final = (
    *("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "noxfile.py"),
    *("src/argybargy/__init__.py", "tests/conftest.py", "docs/conf.py"),
)


def find_faults_of_wheel(names: Iterable[str], source: Iterable[str]) -> list[str]:
    """Return what is wrong with the files of a wheel.

    Args:
        names: Paths in the wheel.
        source: Paths of the package's files below ``src``.
    """
    inside = set(names)
    info = sorted(name for name in inside if ".dist-info/" in name)
    package = inside.difference(info)
    wanted = {name for name in source if not _is_left_over(name)}
    faults = [f"missing: {name}" for name in sorted(wanted - package)]
    faults += [f"does not belong there: {name}" for name in sorted(package - wanted)]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in info):
        faults.append("missing: the licence")
    if not any(name.endswith(".dist-info/entry_points.txt") for name in info):
        faults.append("missing: the programs")
    return faults


def find_faults_of_sdist(names: Iterable[str]) -> list[str]:
    """Return what is wrong with the files of a source archive."""
    inside = {name.partition("/")[2] for name in names}
    faults = [f"missing: {name}" for name in _OF_THE_SDIST if name not in inside]
    return faults + [
        f"does not belong there: {name}"
        for name in sorted(inside)
        if _is_left_over(name)
    ]


def _is_left_over(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(
        _NEVER.intersection(path.parts)
        or path.name in _NEVER_NAMES
        or path.suffix in _NEVER_SUFFIXES
    )


def files_of_package(root: Path) -> list[str]:
    """Return the paths of the package's files below ``src``."""
    source = root / "src"
    found = (source / "argybargy").rglob("*")
    return [each.relative_to(source).as_posix() for each in found if each.is_file()]


def names_in(archive: Path) -> list[str]:
    """Return the paths of the files in a wheel or a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.namelist()
    with tarfile.open(archive) as sdist:
        return [member.name for member in sdist if member.isfile()]
