"""Types of the lines of exports and imports, one JSON object a line.

They define the file format: see ``docs/how-to/back-up.md``.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

FORMAT: Final = 1
"""Version of the format; raised when older relays could not read the lines."""


class HeaderLine(Struct, frozen=True, tag_field="type", tag="header"):
    """First line: format and origin of the file."""

    format: int
    relay_version: str
    exported: str


class RoomLine(Struct, frozen=True, tag_field="type", tag="room"):
    """A room, followed by its messages."""

    room: str
    status: Literal["open", "closed"] = "open"
    closed_at: str | None = None
    closed_by: str | None = None
    created: str | None = None


class ResolutionLine(Struct, frozen=True):
    """The end of a question."""

    kind: Literal["answered", "withdrawn"]
    by: str
    ts: str
    seq: int | None = None
    reason: str = ""


class MessageLine(
    Struct,
    frozen=True,
    tag_field="type",
    tag="message",
    rename={"from_": "from", "is_open": "open"},
):
    """A message, with its claim; `open` marks an unanswered question.

    `choices` and `choice` are given with messages that have them.
    """

    room: str
    seq: int
    ts: str
    from_: str
    to: list[str]
    text: str
    expects_reply: str = "none"
    reply_to: int | None = None
    from_kind: Literal["agent", "operator", "system", "person"] = "agent"
    event: str | None = None
    claimed_by: str | None = None
    settled: bool = False
    is_open: bool = False
    resolution: ResolutionLine | None = None
    choices: list[str] | UnsetType = UNSET
    choice: str | UnsetType = UNSET


class CodeLine(Struct, frozen=True, tag_field="type", tag="code"):
    """An access code as its SHA-256 digest, which cannot be used to sign in."""

    digest: str
    room: str
    name: str
    capabilities: str = ""
    created: str | None = None
    expires: str | None = None


class AuditLine(Struct, frozen=True, tag_field="type", tag="audit"):
    """A row of an audit log; `key` identifies it, so that it is imported once."""

    key: str
    ts: str
    action: str
    actor: str = ""
    room: str = ""
    detail: str = ""


class EndLine(Struct, frozen=True, tag_field="type", tag="end"):
    """Last line: numbers of rooms and messages, to detect a truncated file."""

    rooms: int
    messages: int


Line = HeaderLine | RoomLine | MessageLine | CodeLine | AuditLine | EndLine


# Unknown fields are refused: a misspelt `room` would otherwise export every room.
class ExportRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Room to export. Default: all rooms. Unknown fields are refused."""

    room: str | None = None


class BackupFile(Struct, frozen=True):
    """Not JSON: an SQLite database, ``application/vnd.sqlite3``."""


class ImportQuery(Struct, frozen=True):
    """``check=1`` validates and counts without importing."""

    check: int = 0


class ImportedMessages(Struct, frozen=True):
    """Messages that are new, present already, or deleted by the room's retention."""

    new: int = 0
    same: int = 0
    passed: int = 0


class ImportedRows(Struct, frozen=True):
    """Rows that are new, and rows that were present already."""

    new: int = 0
    same: int = 0


class ImportBody(Struct, frozen=True):
    """Numbers of imported messages, access codes and audit rows."""

    messages: ImportedMessages
    codes: ImportedRows
    audit: ImportedRows
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET
