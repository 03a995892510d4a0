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

PROGRAM: Final = "argybargy"
_UV_PROGRAM: Final = f"uv run {PROGRAM}"
_HELP: Final = "--help"
_UV_RUN: Final = "UV_RUN_RECURSION_DEPTH"
"""Variable that ``uv run`` sets for its command."""
_PROJECT: Final = "pyproject.toml"
_END: Final = re.compile(r"['\n,;]|\. |$")
"""Latest end of a command in a sentence."""


@attrs.frozen
class NextCommands:
    """Rewrites the commands in a text.

    Attributes:
        program: What starts this program in this shell.
        options: Options for each command, as pairs of name and value: a command that
            has an option of that name already keeps its own.
    """

    program: str = PROGRAM
    options: Mapping[str, tuple[tuple[str, str], ...]] = attrs.field(factory=dict)

    @property
    def is_for_any_directory(self) -> bool:
        """Whether the commands can be typed in any directory."""
        if _UV_PROGRAM in self.program:
            return False
        words = [word for word in shlex.split(self.program) if "=" not in word]
        return words[0] == PROGRAM or Path(words[0]).is_absolute()

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
        ``argybargy`` if that is this program, ``uv run argybargy`` in a project under
        ``uv run`` (which puts the program on the path of its command alone), else the
        path of the program.
    """
    is_in_project = any(
        (parent / _PROJECT).is_file() for parent in (directory, *directory.parents)
    )
    if _UV_RUN in environment and is_in_project:
        return _UV_PROGRAM
    place = _place_of(script, prefix)
    on_path = shutil.which(PROGRAM, path=environment.get("PATH", os.defpath))
    if place is None:
        python = shlex.quote(str(prefix / "bin" / "python"))
        return PROGRAM if on_path else f"{python} -m {PROGRAM}"
    if on_path is not None and Path(on_path).resolve() == place.resolve():
        return PROGRAM
    if place.is_relative_to(directory):
        return shlex.quote(str(place.relative_to(directory)))
    return shlex.quote(str(place))


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


def program_of_this_process() -> str:
    """Return what starts this program in the shell that has started this process."""
    environment = os.environ  # noqa: TID251 - the path, and what uv sets
    try:
        directory = Path.cwd()
    except OSError:  # the directory is deleted
        directory = Path("/")
    return find_program(sys.argv[0], environment, directory, Path(sys.prefix))
