"""A disk that fails as told, and that can lose its power.

Everything SQLite opens below one directory goes through a :class:`Disk`. The files are
real; beside them the disk knows what of each would outlive a loss of power, which is
what was written before its last sync. Shared memory (``-shm``) is not seen: it is
mapped, and worth nothing after a crash.
"""

import enum
import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
import attrs
from typing_extensions import Buffer, override

BASE: Final = "unix"
SECTOR: Final = 512


class Act(enum.Enum):
    """What SQLite does to a file."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"


ACTS: Final = frozenset(Act)
CHANGES: Final = frozenset({Act.WRITE, Act.SYNC, Act.TRUNCATE, Act.DELETE})


@attrs.frozen
class Operation:
    """One call of SQLite's.

    Attributes:
        act: What it is.
        file: The name of the file, without its directory.
    """

    act: Act
    file: str


Fault = Callable[[Operation], Exception | None]
"""Says with what an operation fails, if it does."""
Change = Callable[[bytearray], None]
Name = apsw.URIFilename | str | None


def _write(offset: int, data: bytes) -> Change:
    def apply(content: bytearray) -> None:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data

    return apply


def _truncate(size: int) -> Change:
    def apply(content: bytearray) -> None:
        content.extend(bytes(max(0, size - len(content))))
        del content[size:]

    return apply


@attrs.define
class Platter:
    """One file, as the power would leave it.

    Attributes:
        durable: What was there at the last sync.
        pending: What was done to it since, oldest first.
        is_lasting: Whether the file itself would be there.
    """

    durable: bytearray
    pending: list[tuple[Change, list[Change]]] = attrs.field(factory=list)
    is_lasting: bool = True

    def write(self, offset: int, data: bytes) -> None:
        """Note a write; torn, any of its sectors may be there without the others."""
        sectors: list[Change] = []
        at = 0
        while at < len(data):
            size = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
            sectors.append(_write(offset + at, data[at : at + size]))
            at += size
        self.pending.append((_write(offset, data), sectors))

    def truncate(self, size: int) -> None:
        """Note a change of size."""
        self.pending.append((_truncate(size), []))

    def sync(self) -> None:
        """Make all that was noted last."""
        for change, _ in self.pending:
            change(self.durable)
        self.pending.clear()
        self.is_lasting = True

    def lose(self) -> None:
        """Forget what was noted, as a kernel does whose sync has failed."""
        self.pending.clear()

    def after_cut(self, dice: random.Random) -> bytes | None:
        """Return what is there once the power is back; ``None`` is no file."""
        content = bytearray(self.durable)
        fate = dice.choice([_keep_none, _keep_all, _keep_some, _keep_first, _tear])
        fate(content, self.pending, dice)
        if not content and not self.is_lasting and dice.random() < 0.5:
            return None
        return bytes(content)


Pending = list[tuple[Change, list[Change]]]


def _keep_none(_content: bytearray, _pending: Pending, _dice: random.Random) -> None:
    pass


def _keep_all(content: bytearray, pending: Pending, _dice: random.Random) -> None:
    for change, _ in pending:
        change(content)


def _keep_some(content: bytearray, pending: Pending, dice: random.Random) -> None:
    for change, _ in pending:
        if dice.random() < 0.5:
            change(content)


def _keep_first(content: bytearray, pending: Pending, dice: random.Random) -> None:
    for change, _ in pending[: dice.randint(0, len(pending))]:
        change(content)


def _tear(content: bytearray, pending: Pending, dice: random.Random) -> None:
    for change, sectors in pending:
        if not sectors:
            change(content)
        for sector in sectors:
            if dice.random() < 0.7:
                sector(content)


@attrs.define(eq=False)
class Disk:
    """What stands between SQLite and a directory.

    Attributes:
        root: The directory.
        fault: Says which operations fail; ``None`` is a disk in order.
        watch: Called before each operation, in SQLite's thread.
        operations: What was done so far, where `is_counting`.
        is_forgetful: Whether a sync that fails loses what it should have kept, as
            Linux does: the next one succeeds without it.
        sync_seconds: How long a sync takes.
        is_garbled: Whether what is read is not what was written.
    """

    root: Path
    fault: Fault | None = None
    watch: Callable[[Operation], None] | None = None
    operations: list[Operation] = attrs.field(factory=list)
    is_counting: bool = False
    is_forgetful: bool = True
    sync_seconds: float = 0.0
    is_garbled: bool = False
    platters: dict[str, Platter] = attrs.field(factory=dict)

    def heal(self) -> None:
        """Let nothing fail from now on."""
        self.fault, self.sync_seconds, self.is_garbled = None, 0.0, False

    def begin(self, act: Act, file: str) -> None:
        """Note an operation, and fail it if it is to fail."""
        operation = Operation(act, file)
        if self.watch is not None:
            self.watch(operation)
        if self.is_counting:
            self.operations.append(operation)
        error = None if self.fault is None else self.fault(operation)
        if error is None:
            return
        if act is Act.SYNC and self.is_forgetful:
            self.platters[file].lose()
        raise error

    def cut_power(self, dice: random.Random) -> dict[str, bytes]:
        """Return each file as it would be if the power went now."""
        contents = {
            name: platter.after_cut(dice) for name, platter in self.platters.items()
        }
        return {name: each for name, each in contents.items() if each is not None}

    def covers(self, path: str) -> bool:
        """Tell whether a file is on this disk."""
        return Path(path).parent == self.root


def _plain(name: Name) -> str:
    """Return the path of a database, a journal or a file without a name."""
    return name.filename() if isinstance(name, apsw.URIFilename) else name or ""


class DiskFile(apsw.VFSFile):
    """A file on a disk."""

    def __init__(self, disk: Disk, path: Name, flags: list[int]) -> None:
        super().__init__(BASE, path, flags)
        self._disk = disk
        self._name = Path(_plain(path)).name
        platter = disk.platters.get(self._name)
        if platter is None:
            content = bytearray((disk.root / self._name).read_bytes())
            is_lasting = bool(content)
            disk.platters[self._name] = Platter(content, is_lasting=is_lasting)

    @property
    def _platter(self) -> Platter:
        return self._disk.platters[self._name]

    @override
    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.begin(Act.READ, self._name)
        content = super().xRead(amount, offset)
        return b"\xa5" * len(content) if self._disk.is_garbled else content

    @override
    def xWrite(self, data: Buffer, offset: int) -> None:
        content = bytes(data)
        self._disk.begin(Act.WRITE, self._name)
        super().xWrite(content, offset)
        self._platter.write(offset, content)

    @override
    def xTruncate(self, newsize: int) -> None:
        self._disk.begin(Act.TRUNCATE, self._name)
        super().xTruncate(newsize)
        self._platter.truncate(newsize)

    @override
    def xSync(self, flags: int) -> None:
        self._disk.begin(Act.SYNC, self._name)
        time.sleep(self._disk.sync_seconds)
        self._platter.sync()


class DiskVFS(apsw.VFS):
    """Sends what is opened in one directory through a disk, all else past it."""

    def __init__(self, disk: Disk) -> None:
        super().__init__("disk", BASE, makedefault=True)
        self._disk = disk

    @override
    def xOpen(self, name: Name, flags: list[int]) -> apsw.VFSFile:
        path = _plain(name)
        if not self._disk.covers(path):
            return apsw.VFSFile(BASE, name, flags)
        self._disk.begin(Act.OPEN, Path(path).name)
        return DiskFile(self._disk, name, flags)

    @override
    def xDelete(self, filename: str, syncdir: bool) -> None:
        if self._disk.covers(filename):
            self._disk.begin(Act.DELETE, Path(filename).name)
            self._disk.platters.pop(Path(filename).name, None)
        super().xDelete(filename, syncdir)


@contextmanager
def open_disk(root: Path) -> Iterator[Disk]:
    """Put a disk under `root`, which is made; every database there is on it.

    SQLite's default way to files is another one while the block runs: what is tested
    needs no knowledge of it.
    """
    root.mkdir(parents=True)
    disk = Disk(root)
    vfs = DiskVFS(disk)
    try:
        yield disk
    finally:
        vfs.unregister()


def fail_nth(
    number: int, error: Exception, acts: Collection[Act] = ACTS, times: int = 1
) -> Fault:
    """Fail the n-th operation of some kinds, counted from 1, and `times` in all."""
    seen = 0

    def fault(operation: Operation) -> Exception | None:
        nonlocal seen
        if operation.act not in acts:
            return None
        seen += 1
        return error if number <= seen < number + times else None

    return fault


def fail_always(error: Exception, acts: Collection[Act] = ACTS) -> Fault:
    """Fail every operation of some kinds."""
    return lambda operation: error if operation.act in acts else None


def fail_by_chance(share: float, error: Exception, dice: random.Random) -> Fault:
    """Fail some operations of all kinds."""
    return lambda _: error if dice.random() < share else None
