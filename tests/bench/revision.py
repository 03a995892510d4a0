"""Check out another commit of this repository, with an environment of its own."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class NoSuchRevision(Exception):
    """The commit cannot be checked out or installed; the text says why."""


@contextmanager
def checked_out(
    revision: str, install: Callable[[Path], None], root: Path = ROOT
) -> Iterator[Path]:
    """Yield a temporary worktree of a commit; remove it at the end.

    Args:
        revision: Its name, as git understands it.
        install: Makes the program in the worktree runnable.
        root: The repository, or any worktree of it.

    Raises:
        NoSuchRevision: There is no such commit.
    """
    commit = _git(
        root,
        *("rev-parse", "--verify", "--quiet", "--end-of-options"),
        f"{revision}^{{commit}}",
        told=f"no commit {revision} in {root}",
    )
    with tempfile.TemporaryDirectory(prefix="bench-revision-") as name:
        tree = Path(name) / "tree"
        _git(root, "worktree", "add", "--detach", str(tree), commit)
        try:
            install(tree)
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def install_with_uv(tree: Path) -> None:
    """Install what a worktree pins into its folder ``.venv``, and compile it.

    Raises:
        NoSuchRevision: uv is missing, or failed.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise NoSuchRevision("uv is not on the path: install it to compare commits")
    # The folder is .venv of the worktree, whatever the caller's environment is.
    plain = ["env", "-u", "UV_PROJECT_ENVIRONMENT", "-u", "VIRTUAL_ENV"]
    sync = [*plain, uv, "sync", "--quiet", "--no-dev", "--compile-bytecode"]
    if (tree / "uv.lock").exists():
        sync.append("--frozen")
    # The same Python as ours, so that only the programs differ.
    _run(tree, *sync, f"--python={Path(sys.executable).resolve()}")
    # Bytecode of an installed program is there at its first start, too.
    python = tree / ".venv" / "bin" / "python"
    _run(tree, str(python), "-m", "compileall", "-q", "src")


def server_in(tree: Path) -> str:
    """Return the command of the server of a worktree."""
    return f"{tree / '.venv' / 'bin' / 'argybargy'} serve"


def _git(root: Path, *words: str, told: str = "") -> str:
    return _run(root, "git", *words, told=told).strip()


def _run(folder: Path, *command: str, told: str = "") -> str:
    """Run a program and return its output.

    Raises:
        NoSuchRevision: It failed; the text is `told`, or what the program said.
    """
    done = subprocess.run(  # noqa: PLW1510  # its text is needed
        command, cwd=folder, capture_output=True, text=True
    )
    if done.returncode != 0:
        said = done.stderr.strip()[-400:]
        raise NoSuchRevision(told or f"{' '.join(command)} failed: {said}")
    return done.stdout
