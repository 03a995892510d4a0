"""An SQLite VFS with injected faults and simulated power cuts.

Every file that SQLite opens below one directory goes through a :class:`Disk`. The files
are real; the disk also tracks the content that would survive a power cut: the writes
before the last sync. Shared memory (``-shm``) bypasses the VFS: it is mapped, and
rebuilt after a crash.
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
    """Kind of a file operation of SQLite."""

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
    """One file operation of SQLite.

    Attributes:
        act: Its kind.
        file: The name of the file, without its directory.
    """

    act: Act
    file: str


Fault = Callable[[Operation], Exception | None]
"""Returns the error to inject into an operation, or ``None``."""
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
    """State of one file with respect to a power cut.

    Attributes:
        durable: Content at the last sync.
        pending: Changes since, oldest first, each also as separate sectors.
        is_lasting: Whether the directory entry would survive.
    """

    durable: bytearray
    pending: list[tuple[Change, list[Change]]] = attrs.field(factory=list)
    is_lasting: bool = True

    def write(self, offset: int, data: bytes) -> None:
        """Record a write; a power cut may keep any subset of its sectors."""
        sectors: list[Change] = []
        at = 0
        while at < len(data):
            size = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
            sectors.append(_write(offset + at, data[at : at + size]))
            at += size
        self.pending.append((_write(offset, data), sectors))

    def truncate(self, size: int) -> None:
        """Record a change of size."""
        self.pending.append((_truncate(size), []))

    def sync(self) -> None:
        """Make all recorded changes durable."""
        for change, _ in self.pending:
            change(self.durable)
        self.pending.clear()
        self.is_lasting = True

    def lose(self) -> None:
        """Drop the recorded changes, as a kernel does after a failed sync."""
        self.pending.clear()

    def after_cut(self, dice: random.Random) -> bytes | None:
        """Return a possible content after a power cut; ``None`` for no file."""
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
    """A simulated disk under one directory.

    Attributes:
        root: The directory.
        fault: Selects the operations that fail; ``None`` for a working disk.
        watch: Called before each operation, in SQLite's thread.
        operations: The operations so far, if `is_counting`.
        is_forgetful: Whether a failed sync drops the pending writes, as on Linux; the
            next sync then succeeds without them.
        sync_seconds: Duration of a sync.
        is_garbled: Whether reads return garbage.
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
    """Routes files of one directory through a disk, and others to the real VFS."""

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
    """Create `root` and simulate a disk under it while the block runs.

    The disk becomes SQLite's default VFS: the code under test opens files as usual.
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
    """Fail `times` operations of some kinds, from the n-th on, counted from 1."""
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
