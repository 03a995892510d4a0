"""Put our part into the content of a file, and take it out again. Pure.

There is a pair of functions for each :class:`Form`. A `Share` records our part, so that
taking it out gives the same bytes again as long as nobody changed it.
"""

import hashlib
import json
import tomllib
from collections.abc import Sequence
from typing import Any, Final

from argybargy.agent.seat_name import parse_seat_name, with_seat, without_seat
from argybargy.cli.agent_files.json_edit import Addition, merge, parse, take_out
from argybargy.cli.agent_files.programs.setup import Form
from argybargy.cli.agent_files.text_block import Marks, insert_block, take_out_block
from argybargy.system.values import frozen


@frozen
class Share:
    """Our part of a file.

    Attributes:
        form: How the file is shared.
        name: Name of the block, or of the seat.
        is_new: Whether there was no file before.
        additions: Values that were put into a JSON document.
        inserted: Text that was inserted.
        digest: SHA-256 of a file that is ours alone, as hexadecimal digits.
    """

    form: Form
    name: str
    is_new: bool
    additions: tuple[Addition, ...] = ()
    inserted: str = ""
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as a value for a file."""
        return {
            "form": self.form.value,
            "name": self.name,
            "is_new": self.is_new,
            "additions": [each.to_json() for each in self.additions],
            "inserted": self.inserted,
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, read: Any) -> "Share":  # noqa: ANN401 - JSON
        """Return what `to_json` made.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(
                Form(read["form"]),
                str(read["name"]),
                bool(read["is_new"]),
                tuple(map(Addition.from_json, read["additions"])),
                str(read["inserted"]),
                str(read["digest"]),
            )
        except (KeyError, TypeError):
            raise ValueError("not the record of a file") from None


def put_in(
    form: Form,
    name: str,
    there: bytes | None,
    ours: Any,  # noqa: ANN401 - JSON or text, as the form wants it
) -> tuple[bytes, Share]:
    """Return the content of a file with our part, and the record of it.

    Args:
        form: How the file is shared.
        name: Name of the block.
        there: Content without our part; ``None`` without a file.
        ours: Our part: an object for `Form.JSON`, else a text.

    Raises:
        ValueError: The content is not what the form expects.
    """
    is_new = there is None
    if form is Form.OWN:
        if there is not None:
            raise ValueError("it exists, and was not made by this command")
        content = str(ours).encode()
        return content, Share(form, name, is_new, digest=digest_of(content))
    text = _decode(there or b"")
    if form is Form.JSON:
        merged, additions = merge("{}\n" if is_new else text, ours)
        return merged.encode(), Share(form, name, is_new, additions)
    if form is Form.SEATS:
        merged = with_seat(text, parse_seat_name(str(ours)))
        inserted = merged.removeprefix(text)
        return merged.encode(), Share(form, name, is_new, inserted=inserted)
    if form is Form.TOML:
        _check_toml(text)
    merged, inserted = insert_block(text, marks_of(form, name), str(ours))
    if form is Form.TOML:
        _check_toml(merged)
    return merged.encode(), Share(form, name, is_new, inserted=inserted)


def take_back(
    there: bytes | None, share: Share, digests: Sequence[str] = ()
) -> bytes | None:
    """Return the content of a file without our part; ``None`` if none is left.

    Args:
        there: The content now.
        share: The record of our part.
        digests: Further digests of a file that is ours alone and has several users.

    Raises:
        ValueError: The content is not what the form expects.
    """
    if there is None:
        return None
    if share.form is Form.OWN:
        if digest_of(there) not in {share.digest, *digests}:
            raise ValueError("somebody has changed it since")
        return None
    text = _decode(there)
    if share.form is Form.JSON:
        left = take_out(text, share.additions)
        return None if share.is_new and parse(left) == {} else left.encode()
    if share.form is Form.SEATS:
        if not share.inserted:
            return there  # the seat was there before
        left = without_seat(text, parse_seat_name(share.name))
        if left and text.endswith(share.inserted):
            left = text.removesuffix(share.inserted)
        # Without a seat the file has no use, whichever connection made it.
        return left.encode() if left.strip() else None
    left = take_out_block(text, marks_of(share.form, share.name), share.inserted)
    return None if share.is_new and not left.strip() else left.encode()


def marks_of(form: Form, name: str) -> Marks:
    """Return the marks of a block."""
    if form is Form.TOML:
        return Marks.comment(name, "#")
    return Marks.comment(name, "<!--", "-->")


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


_TOML_ERROR: Final = "it is not valid TOML, or has a table of that name"


def _check_toml(text: str) -> None:
    try:
        tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        raise ValueError(_TOML_ERROR) from None


def dump(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Encode a value as the content of a file of our own."""
    return (json.dumps(value, indent=1) + "\n").encode()
