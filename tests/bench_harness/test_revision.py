"""Another commit in a folder of its own, and nothing left of it."""

import subprocess
from pathlib import Path

import pytest

from bench.revision import NoSuchRevision, checked_out, server_in


def git(root: Path, *words: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *author, *words], cwd=root, capture_output=True, check=True, text=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose file has another text at each of two commits."""
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "--quiet")
    for text in ("old", "new"):
        (root / "file").write_text(text)
        git(root, "add", "file")
        git(root, "commit", "--quiet", "-m", text)
    return root


def worktrees(root: Path) -> int:
    return len(git(root, "worktree", "list").splitlines())


def test_another_commit_is_there_while_it_is_measured(repository: Path) -> None:
    installed: list[Path] = []
    (repository / "file").write_text("changed, not committed")
    with checked_out("HEAD~1", installed.append, repository) as tree:
        assert (tree / "file").read_text() == "old"
        assert worktrees(repository) == 2
    assert installed == [tree]
    assert not tree.exists()
    assert worktrees(repository) == 1
    assert (repository / "file").read_text() == "changed, not committed"


def test_nothing_is_left_when_it_cannot_be_installed(repository: Path) -> None:
    def fail(tree: Path) -> None:
        (tree / "half").write_text("done")
        raise NoSuchRevision("no network")

    with (
        pytest.raises(NoSuchRevision, match="no network"),
        checked_out("HEAD", fail, repository),
    ):
        pass
    assert worktrees(repository) == 1


@pytest.mark.parametrize("name", ["HEAD~9", "no-such", "--all", "HEAD:file"])
def test_what_is_no_commit_is_named(repository: Path, name: str) -> None:
    with (
        pytest.raises(NoSuchRevision, match=f"no commit {name} in "),
        checked_out(name, lambda _: None, repository),
    ):
        pass


def test_the_server_of_a_worktree_is_that_of_its_environment() -> None:
    assert server_in(Path("/a")) == "/a/.venv/bin/argybargy serve"
