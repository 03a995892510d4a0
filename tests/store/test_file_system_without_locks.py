"""The error for a file system without locks names it."""

import errno
import os
import sys
from pathlib import Path

import pytest

from argybargy.store.data_directory import find_server_address, hold_lock, is_held
from argybargy.store.errors import Refused
from support.real_commands import Desk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
CODES = [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS]


@pytest.fixture(params=CODES, ids=lambda code: errno.errorcode[code])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    why = os.strerror(request.param)

    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(request.param, why)

    monkeypatch.setattr("fcntl.flock", flock)
    return why


def test_the_error_of_a_failed_lock_names_the_directory(
    tmp_path: Path, no_locks: str
) -> None:
    (tmp_path / "relay.lock").touch()
    for use in (hold_lock(tmp_path).__enter__, lambda: is_held(tmp_path)):
        with pytest.raises(Refused, match=no_locks) as raised:
            use()
        assert str(tmp_path) in str(raised.value)
        assert "Choose a directory on a local disk with --data" in str(raised.value)
    with pytest.raises(Refused, match=no_locks):
        find_server_address(tmp_path)


def test_a_command_does_not_blame_its_output(tmp_path: Path, no_locks: str) -> None:
    desk = Desk(tmp_path / "data")
    desk.data.mkdir()
    (desk.data / "relay.lock").touch()
    (desk.data / "relay.db").touch()
    result = desk.type("rooms")
    assert result.code == 1
    assert "output" not in result.talk
    assert f"{desk.data} cannot be locked" in result.talk
    assert no_locks in result.talk
