"""Commands in hints, as they have to be typed in this shell.

Texts name a command as ``argybargy VERB …``. Before such a text is printed, here and
nowhere else, the program becomes one that this shell can run (such as ``uv run
argybargy``), and the verb is followed by the options that lead to the same relay.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import attrs

from argybargy.system.values import frozen

PROGRAM: Final = "argybargy"
_UV_PROGRAM: Final = f"uv run {PROGRAM}"
_HELP: Final = "--help"
_UV_RUN: Final = "UV_RUN_RECURSION_DEPTH"
"""Variable that ``uv run`` sets for its command."""
_PROJECT: Final = "pyproject.toml"
_END: Final = re.compile(r"['\n,;]|\. |$")
"""Latest end of a command in a sentence."""


@frozen
class NextCommands:
    """Rewrites the commands in a text.

    Attributes:
        program: What starts this program in this shell.
        anywhere: What starts it in any directory; empty if `program` does.
        options: Options for each command, as pairs of name and value: a command that
            has an option of that name already keeps its own.
    """

    program: str = PROGRAM
    options: Mapping[str, tuple[tuple[str, str], ...]] = attrs.field(factory=dict)
    anywhere: str = ""

    @property
    def in_any_directory(self) -> "NextCommands":
        """The same commands, as they can be typed in any directory."""
        return attrs.evolve(self, program=self.anywhere or self.program)

    def with_variable(self, name: str, value: str) -> "NextCommands":
        """Return the same commands, with a variable of the environment before them."""
        before = f"{name}={shlex.quote(value)} "
        anywhere = self.anywhere and before + self.anywhere
        return attrs.evolve(self, program=before + self.program, anywhere=anywhere)

    def typed(self, text: str) -> str:
        """Return a text with its commands as they have to be typed."""
        if PROGRAM not in text:
            return text
        return _command(tuple(self.options)).sub(self._typed, text)

    def _typed(self, found: re.Match[str]) -> str:
        verb, rest = found["verb"], found.string[found.end() :]
        end = _END.search(rest)
        given = rest[: end.start() if end else len(rest)].split()
        words = [
            word
            for name, value in self.options.get(verb, ())
            if name not in given
            for word in (name, value)
        ]
        more = f" {shlex.join(words)}" if words else ""
        return f"{self.program} {verb}{more}"


def _command(verbs: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of a command: longer verbs, such as ``room delete``, first."""
    longest_first = sorted((*verbs, _HELP), key=len, reverse=True)
    names = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![\w./-]){PROGRAM} (?P<verb>{names})(?![\w-])")


def find_program(
    script: str, environment: Mapping[str, str], directory: Path, prefix: Path
) -> str:
    """Return what starts this program in the user's shell.

    Args:
        script: The first word of the command line of this process.
        environment: Variables of this process.
        directory: Its working directory.
        prefix: Directory of its Python environment.

    Returns:
        Under ``uv run``, which puts the program on the path of its command alone,
        ``uv run argybargy`` in the project and with ``--project`` elsewhere. Else
        ``argybargy`` if the shell finds this program, or the path of the program.
    """
    path = environment.get("PATH", os.defpath)
    if _UV_RUN in environment and shutil.which("uv", path=path) is not None:
        project = _project_of(directory)
        if project is not None and _has_program(project, prefix):
            return _UV_PROGRAM
        if (prefix.parent / _PROJECT).is_file():
            return _uv_program_of(prefix.parent)
    place = _place_of(script, prefix)
    on_path = None if _UV_RUN in environment else shutil.which(PROGRAM, path=path)
    if place is None:
        python = shlex.quote(str(prefix / "bin" / "python"))
        return PROGRAM if on_path else f"{python} -m {PROGRAM}"
    if on_path is not None and Path(on_path).resolve() == place.resolve():
        return PROGRAM
    if place.is_relative_to(directory):
        return shlex.quote(str(place.relative_to(directory)))
    return shlex.quote(str(place))


def find_program_anywhere(program: str, directory: Path) -> str:
    """Return what starts a program in any directory.

    Args:
        program: What starts it in `directory`, as :func:`find_program` returns it.
        directory: The working directory.
    """
    if program == _UV_PROGRAM:
        project = _project_of(directory)
        return program if project is None else _uv_program_of(project)
    first, *rest = shlex.split(program)
    if "/" not in first or Path(first).is_absolute():
        return program
    return shlex.join([str(directory / first), *rest])


def _uv_program_of(project: Path) -> str:
    return f"uv run --project {shlex.quote(str(project))} {PROGRAM}"


def _project_of(directory: Path) -> Path | None:
    """Return the nearest directory upwards with a Python project."""
    for folder in (directory, *directory.parents):
        if (folder / _PROJECT).is_file():
            return folder
    return None


def _has_program(project: Path, prefix: Path) -> bool:
    """Return whether ``uv run`` finds this program in the environment of a project.

    It does if the environment is there, or if the project is this program's own: then
    the environment may be elsewhere.
    """
    if prefix.parent.resolve() == project.resolve():
        return True
    import tomllib  # noqa: PLC0415 - hardly a command needs it

    try:
        table = tomllib.loads((project / _PROJECT).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    about = table.get("project")
    return isinstance(about, dict) and about.get("name") == PROGRAM


def _place_of(script: str, prefix: Path) -> Path | None:
    """Return the path of the program's script; ``None`` if there is none.

    ``python -m argybargy`` names a module, beside which there may be a script.
    """
    for path in (
        Path(script),
        *(prefix / each / PROGRAM for each in ("bin", "Scripts")),
    ):
        if path.stem == PROGRAM and path.is_file():
            return path.absolute()
    return None


def programs_of_this_process() -> tuple[str, str]:
    """Return what starts this program in the shell that has started this process.

    Returns:
        Words for this directory, and words for any directory.
    """
    environment = os.environ  # noqa: TID251 - the path, and what uv sets
    try:
        directory = Path.cwd()
    except OSError:  # the directory is deleted
        directory = Path("/")
    here = find_program(sys.argv[0], environment, directory, Path(sys.prefix))
    return here, find_program_anywhere(here, directory)
