"""Programs of a cluster: where they are, and how to install those that are missing."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from argybargy.system.values import frozen

_FOLDERS: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
_USERS: Final = ("postgres", "nobody")
"""Users that PostgreSQL runs as if root starts it, which it refuses to run as."""
BALANCERS: Final = ("nginx", "caddy")
"""The balancers. nginx comes first: it repeats a post at another relay, and Caddy
leaves that to the client."""
_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Folders that hold a balancer and may not be in a user's PATH."""


class MissingProgramsError(Exception):
    """Programs are missing.

    Attributes:
        sentences: What is missing, each with how to install it.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@frozen
class Account:
    """User that PostgreSQL runs as.

    Attributes:
        user: Its id.
        group: The id of its group.
        name: Its name.
    """

    user: int
    group: int
    name: str


@frozen
class Programs:
    """Programs of a cluster.

    Attributes:
        postgres: Folder of PostgreSQL's programs.
        account: User to run them as; ``None`` is the user of this process.
        balancer: Path of nginx or Caddy.
    """

    postgres: Path
    account: Account | None
    balancer: str

    @property
    def balancer_name(self) -> str:
        """File name of the balancer."""
        return Path(self.balancer).name


def find_programs(wanted: str | None = None) -> Programs:
    """Find the programs of a cluster.

    Args:
        wanted: The balancer, one of `BALANCERS`; ``None`` takes the first there is.

    Raises:
        MissingProgramsError: Some are missing; it names all of them.
    """
    names = BALANCERS if wanted is None else (wanted,)
    postgres, balancer = _find_postgres(), _find_balancer(names)
    account = _find_account()
    missing = list(_missing(postgres, balancer, names))
    if missing or postgres is None or balancer is None:
        raise MissingProgramsError(missing)
    return Programs(postgres, account, balancer)


def _missing(
    postgres: Path | None, balancer: str | None, names: Sequence[str]
) -> Iterator[str]:
    if postgres is None:
        yield "PostgreSQL 15 or newer is missing: apt-get install postgresql"
    if importlib.util.find_spec("psycopg") is None:
        yield "psycopg is missing: pip install 'argybargy[postgres]'"
    if balancer is None:
        yield f"{' or '.join(names)} is missing: apt-get install {names[0]}"
    if sys.platform == "win32":
        yield "Linux or macOS is missing: a cluster needs sockets and users of Unix."
    elif os.geteuid() == 0 and _find_account() is None:
        yield "A user to run PostgreSQL as is missing: useradd --system postgres"


def _find_postgres() -> Path | None:
    """Return the folder of the newest PostgreSQL."""
    found = [
        path.parent
        for folder in _FOLDERS
        for path in Path("/").glob(f"{folder[1:]}/initdb")
    ]
    if found:
        return max(found, key=lambda folder: _number(folder.parent.name))
    usual = shutil.which("initdb")
    return Path(usual).resolve().parent if usual else None


def _number(name: str) -> int:
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _find_balancer(names: Sequence[str]) -> str | None:
    path = os.pathsep.join((os.defpath, _PATH))
    found = (shutil.which(name) or shutil.which(name, path=path) for name in names)
    return next((each for each in found if each), None)


def _find_account() -> Account | None:
    """Return the user that root runs PostgreSQL as; ``None`` for other users."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - Windows has none

    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    return None
