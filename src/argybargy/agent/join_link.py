"""The link of an invitation: the address of the relay, and the secret in it. Pure."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from argybargy.agent.errors import AgentError, Exit

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{8,200}")
_DOOR: Final = "join"


class Invitation(NamedTuple):
    """An invitation.

    Attributes:
        base: Address of the relay, without a slash at its end.
        secret: The secret that is traded once for a code.
    """

    base: str
    secret: str


def parse_link(link: str) -> Invitation:
    """Parse a link such as ``http://127.0.0.1:8765/join#SECRET``.

    The secret may also follow as ``/SECRET`` or ``?invite=SECRET``.

    Raises:
        AgentError: It is not such a link.
    """
    try:
        parts = urlsplit(link.strip())
        base_parts = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise _invalid() from None
    if base_parts[0] not in {"http", "https"} or not base_parts[1] or "@" in link:
        raise _invalid()
    segments = [each for each in parts.path.split("/") if each]
    secret = parts.fragment or parse_qs(parts.query).get("invite", [""])[-1]
    if not secret and segments:
        secret = segments.pop()
    if segments[-1:] == [_DOOR]:
        segments.pop()
    if not _SECRET.fullmatch(secret):
        raise _invalid()
    path = "".join(f"/{each}" for each in segments)
    return Invitation(check_base(f"{parts.scheme}://{parts.netloc}{path}"), secret)


def check_base(address: str) -> str:
    """Return the address of a relay without a slash at its end.

    Raises:
        AgentError: It is not an address that requests can be sent to.
    """
    try:
        parts = urlsplit(address)
        is_valid = parts.scheme in {"http", "https"} and parts.hostname is not None
        is_valid = is_valid and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or not address.isascii() or not address.isprintable():
        raise _invalid()
    if " " in address or set(address) & set("?#@\\"):
        raise _invalid()
    return address.rstrip("/")


def _invalid() -> AgentError:
    # The link may hold a secret, so it is not repeated.
    hint = "It looks like http://127.0.0.1:8765/join#argy_i1_...; ask for a new one."
    return AgentError("This is not the link of an invitation.", hint, Exit.USAGE)
