"""The lines of an export, which are those of an import; one JSON object on each.

They are the whole of the file format: see ``docs/how-to/back-up.md``.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

FORMAT: Final = 1
"""Changes when an older relay could not read the lines any more."""


class HeaderLine(Struct, frozen=True, tag_field="type", tag="header"):
    """The first line: what this is."""

    format: int
    relay_version: str
    exported: str


class RoomLine(Struct, frozen=True, tag_field="type", tag="room"):
    """A room; its messages follow."""

    room: str
    status: Literal["open", "closed"] = "open"
    closed_at: str | None = None
    closed_by: str | None = None
    created: str | None = None


class MessageLine(
    Struct,
    frozen=True,
    tag_field="type",
    tag="message",
    rename={"from_": "from", "is_open": "open"},
):
    """A message, with what became of it."""

    room: str
    seq: int
    ts: str
    from_: str
    to: list[str]
    text: str
    expects_reply: str = "none"
    reply_to: int | None = None
    from_kind: Literal["agent", "operator", "system"] = "agent"
    event: str | None = None
    claimed_by: str | None = None
    settled: bool = False
    is_open: bool = False


class CodeLine(Struct, frozen=True, tag_field="type", tag="code"):
    """An access code, by the SHA-256 of it; nobody can enter with that."""

    digest: str
    room: str
    name: str
    capabilities: str = ""
    created: str | None = None
    expires: str | None = None


class AuditLine(Struct, frozen=True, tag_field="type", tag="audit"):
    """A row of an audit log; `key` tells it from all others there are."""

    key: str
    ts: str
    action: str
    actor: str = ""
    room: str = ""
    detail: str = ""


class EndLine(Struct, frozen=True, tag_field="type", tag="end"):
    """The last line: how much there was, so that a cut file is noticed."""

    rooms: int
    messages: int


Line = HeaderLine | RoomLine | MessageLine | CodeLine | AuditLine | EndLine


# Whoever misspells the one key there is would be handed every room.
class ExportRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which room to export; all of them without. Other keys are refused."""

    room: str | None = None


class BackupFile(Struct, frozen=True):
    """No JSON: an SQLite database, ``application/vnd.sqlite3``."""


class ImportQuery(Struct, frozen=True):
    """Whether to look only, with ``check=1``."""

    check: int = 0


class ImportedMessages(Struct, frozen=True):
    """How many messages are new, there already, or given up by the room."""

    new: int = 0
    same: int = 0
    passed: int = 0


class ImportedRows(Struct, frozen=True):
    """How many are new, and how many were there already."""

    new: int = 0
    same: int = 0


class ImportBody(Struct, frozen=True):
    """What became of the lines."""

    messages: ImportedMessages
    codes: ImportedRows
    audit: ImportedRows
    ignored: list[str] | UnsetType = UNSET
