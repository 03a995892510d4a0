"""Atomic replacement of private files."""

import os
import sys
from pathlib import Path

import pytest

from argybargy.system.files import write_private_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes of POSIX")


def test_a_written_file_is_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "secret"
    other.write_text("untouched")
    path.symlink_to(other)
    write_private_file(path, b"new")
    assert not path.is_symlink()
    assert other.read_text() == "untouched"


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("no space")

    path = tmp_path / "secret"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_private_file(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
