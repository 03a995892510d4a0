"""Seats on this machine: choose one, and its directory with code and state.

Each seat has a directory of its own, for its owner alone::

    <state>/argybargy/seats/<relay>/<room>/<name>.seat/
        header       the access code, as a header for HTTP
        seat.json    address, room, name and program: no secret
        state.json   the messages that were handed over, see SeatState
        spool        messages that are about to be handed over
        lock         held while state or spool change
        ear.lock     held while an ear runs

A project names its seats in ``.argybargy``, which has no secret and may be shared.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.process import Process
from argybargy.agent.seat_name import (
    PROJECT_FILE,
    SeatName,
    only_one,
    parse_project_file,
    parse_seat_name,
)
from argybargy.domain.names import is_name
from argybargy.system.files import lock_nowait, write_private_file

SEAT_VARIABLE: Final = "ARGYBARGY_SEAT"
SESSION_VARIABLE: Final = "ARGYBARGY_SESSION"
LOCK_SECONDS: Final = 10.0
"""Time to wait for another command of the same seat."""
MOST_SEEN: Final = 32
"""Answers that are remembered as read; an older one is handed over once more."""
_LOCK_PAUSE_SECONDS: Final = 0.02
_MOST_FILE_BYTES: Final = 64 * 1024
_PRIVATE: Final = 0o700
_FOLDER: Final = ".seat"
_BEARER: Final = "Authorization: Bearer "


class SeatFacts(NamedTuple):
    """Facts about a seat that are no secret.

    Attributes:
        base: Address of the relay.
        room: Room, as spelled.
        name: Name in the room, as spelled.
        program: Program that the agent runs in; empty if unknown.
        session: Session of ears whose program has none: one for each machine.
    """

    base: str
    room: str
    name: str
    program: str = ""
    session: str = ""


class SeatState(NamedTuple):
    """The messages that were handed over.

    Attributes:
        told: All messages up to this number were handed over; ``None`` before the
            first one.
        handed: All messages up to this number were given to a program that has not
            confirmed them yet.
        handed_to: The thread of that program.
        has_left: Whether the agent was told that the room is closed.
        seen: Later messages that the agent has read already, as answers of `ask`.
    """

    told: int | None = None
    handed: int = 0
    handed_to: str = ""
    has_left: bool = False
    seen: tuple[int, ...] = ()

    def saw(self, numbers: Iterable[int]) -> "SeatState":
        """Return the state with further messages read, the newest ones."""
        seen = sorted({*self.seen, *numbers})
        kept = tuple(number for number in seen if number > (self.told or 0))
        return self._replace(seen=kept[-MOST_SEEN:])


class Seat(NamedTuple):
    """A seat of this machine.

    Attributes:
        seat_name: Its full name.
        folder: Its directory.
    """

    seat_name: SeatName
    folder: Path

    def __str__(self) -> str:
        return str(self.seat_name)

    @property
    def header_path(self) -> Path:
        """File with the code, as a header for HTTP."""
        return self.folder / "header"

    @property
    def spool_path(self) -> Path:
        """File with messages that are about to be handed over."""
        return self.folder / "spool"

    @property
    def ear_lock_path(self) -> Path:
        """File that an ear holds locked."""
        return self.folder / "ear.lock"

    def facts(self) -> SeatFacts:
        """Read the facts.

        Raises:
            AgentError: There is no such seat, or the file is damaged.
        """
        read = _read_json(self.folder / "seat.json")
        try:
            facts = SeatFacts(*(str(read[key]) for key in SeatFacts._fields))
        except KeyError:
            raise self._missing() from None
        if not is_name(facts.room) or not is_name(facts.name):
            raise self._missing()
        return facts

    def code(self) -> str:
        """Read the access code.

        Raises:
            AgentError: There is none.
        """
        try:
            return parse_header(self.header_path.read_text("utf-8"))
        except (OSError, ValueError):
            raise self._missing() from None

    def _missing(self) -> AgentError:
        text = f"This machine has no seat {self}, or its files are damaged."
        return AgentError(text, "Join the room again: argy join LINK", Exit.NOT_FOUND)

    def state(self) -> SeatState:
        """Read the state; a missing or damaged file is that of a new seat.

        Then messages that were not acknowledged are handed over once more.
        """
        read = _read_json(self.folder / "state.json")
        told, handed = read.get("told"), read.get("handed")
        return SeatState(
            told if isinstance(told, int) else None,
            handed if isinstance(handed, int) else 0,
            str(read.get("handed_to") or ""),
            read.get("has_left") is True,
            _numbers(read.get("seen")),
        )

    def save_state(self, state: SeatState) -> None:
        """Write the state durably. The caller holds the lock."""
        content = json.dumps(state.saw(())._asdict()).encode()
        write_private_file(self.folder / "state.json", content)

    def store(self, facts: SeatFacts, code: str) -> None:
        """Create the directory, and write code and facts over older ones.

        Raises:
            AgentError: They cannot be written.
        """
        room_folder = self.folder.parent
        try:
            room_folder.parents[2].mkdir(parents=True, exist_ok=True)
            for each in (*reversed(self.folder.parents[:3]), self.folder):
                each.mkdir(mode=_PRIVATE, exist_ok=True)
            # Numbers of another relay at this address mean nothing.
            for stale in ("state.json", "spool"):
                (self.folder / stale).unlink(missing_ok=True)
            header = f"{_BEARER}{code}\n".encode()
            write_private_file(self.header_path, header)
            facts_text = json.dumps(facts._asdict(), ensure_ascii=False)
            write_private_file(self.folder / "seat.json", facts_text.encode())
        except OSError as error:
            text = f"The seat cannot be stored in {self.folder}: {error.strerror}."
            hint = "Set XDG_STATE_HOME to a directory where you may write."
            raise AgentError(text, hint) from None

    def remove(self) -> None:
        """Delete the code and all other files."""
        # The code first: without it the rest is of no use.
        names = ("header", "seat.json", "state.json", "spool", "ear.lock", "lock")
        for name in names:
            with suppress(FileNotFoundError):
                (self.folder / name).unlink()
        with suppress(OSError):
            self.folder.rmdir()

    @contextmanager
    def locked(self, process: Process) -> Iterator[None]:
        """Keep other commands of the seat from changing state and spool meanwhile.

        Raises:
            AgentError: Another command held the lock for `LOCK_SECONDS`.
        """
        deadline = process.now() + LOCK_SECONDS
        with _open_lock(self.folder / "lock") as descriptor:
            while not lock_nowait(descriptor):
                if process.now() > deadline:
                    text = f"Another command of the seat {self} does not end."
                    raise AgentError(text, "Try again.")
                process.sleep(_LOCK_PAUSE_SECONDS)
            yield


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        text = f"The seat cannot be used: {path}: {error.strerror}."
        raise AgentError(text, "Join the room again: argy join LINK") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def parse_header(text: str) -> str:
    """Return the code in the text of a header file.

    Raises:
        ValueError: It has none.
    """
    code = text.strip().removeprefix(_BEARER).strip()
    if not code or not code.isascii() or not code.isprintable() or " " in code:
        raise ValueError("no code")
    return code


def seats_folder(environment: Mapping[str, str]) -> Path:
    """Return the directory of all seats: the one in which `connect` keeps codes.

    On Linux it is found without platformdirs, whose import takes as long as a request.
    """
    if not sys.platform.startswith("linux"):
        import platformdirs  # noqa: PLC0415 - see above

        return platformdirs.user_state_path("argybargy", appauthor=False) / "seats"
    state = environment.get("XDG_STATE_HOME", "")
    home = environment.get("HOME") or str(Path("~").expanduser())
    root = Path(state) if Path(state).is_absolute() else Path(home, ".local", "state")
    return root / "argybargy" / "seats"


def seat_at(environment: Mapping[str, str], name: SeatName) -> Seat:
    """Return the seat of a full name; its directory need not exist."""
    root = seats_folder(environment)
    return Seat(name, root / name.relay / name.room / f"{name.name}{_FOLDER}")


def seats(environment: Mapping[str, str]) -> list[SeatName]:
    """Return the names of all seats of this machine."""
    found = seats_folder(environment).glob(f"*/*/*{_FOLDER}/seat.json")
    return sorted(
        SeatName(each.parts[-3], each.parts[-2].removesuffix(_FOLDER), each.parts[-4])
        for each in found
    )


def choose_seat(process: Process, given: str | None) -> Seat:
    """Choose the seat of a command.

    It is the one of ``--seat``, else of the environment, else the one bound to the
    session of the program, else the one in the nearest ``.argybargy`` upwards.

    Raises:
        AgentError: There is none, or several fit.
    """
    environment = process.environment
    named = given or environment.get(SEAT_VARIABLE) or _bound(environment)
    if named:
        return _existing(environment, parse_seat_name(named))
    path = find_project_file(process.directory)
    if path is None:
        # A machine with a single seat needs no file.
        only = only_one(seats(environment), "on this machine")
        return seat_at(environment, only)
    # A shared file may also name seats of other machines.
    named_there, here = read_project_file(path), seats(environment)
    found = [each for each in here if any(name.fits(each) for name in named_there)]
    where = f"both in {path} and on this machine"
    return seat_at(environment, only_one(found, where))


def _existing(environment: Mapping[str, str], name: SeatName) -> Seat:
    """Return the seat of a name that may lack its relay."""
    fitting = [each for each in seats(environment) if name.fits(each)]
    return seat_at(environment, only_one(fitting, f"called {name} on this machine"))


def _session_path(environment: Mapping[str, str], session: str) -> Path | None:
    """Return the file that binds a session; ``None`` for a session without a name."""
    return (
        seats_folder(environment) / "sessions" / session if is_name(session) else None
    )


def bind_session(environment: Mapping[str, str], session: str, seat: Seat) -> None:
    """Bind a session of a program to a seat, for commands that it will run."""
    path = _session_path(environment, session)
    if path is not None:
        path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        write_private_file(path, f"{seat}\n".encode())


def _bound(environment: Mapping[str, str]) -> str:
    path = _session_path(environment, environment.get(SESSION_VARIABLE, ""))
    try:
        return "" if path is None else path.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""


def find_project_file(directory: Path) -> Path | None:
    """Return the nearest ``.argybargy`` in a directory or above it."""
    for each in (directory, *directory.parents):
        path = each / PROJECT_FILE
        if path.is_symlink() or path.is_file():
            return path
    return None


def read_project_file(path: Path) -> list[SeatName]:
    """Read the seats that a project names.

    Raises:
        AgentError: The file leads out of the project, is damaged or cannot be read.
    """
    try:
        if not path.resolve().is_relative_to(path.parent.resolve()):
            raise _unusable(path, "it leads out of its directory")
        return parse_project_file(_read_bounded(path).decode())
    except (OSError, ValueError, RuntimeError):
        raise _unusable(path, "it cannot be read") from None


def _unusable(path: Path, why: str) -> AgentError:
    text = f"{path} is not used: {why}."
    return AgentError(text, "Name the seat: --seat SEAT", Exit.USAGE)


def _read_bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_FILE_BYTES + 1)
    if len(content) > _MOST_FILE_BYTES:
        raise ValueError("too long")
    return content


def _numbers(value: object) -> tuple[int, ...]:
    numbers = value if isinstance(value, list) else []
    return tuple(each for each in numbers if isinstance(each, int))


def _read_json(path: Path) -> dict[str, object]:
    try:
        read = json.loads(_read_bounded(path))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
