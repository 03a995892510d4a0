"""Convert the state of an agent to the text form: who it is, and where it goes on."""

from argybargy.domain.text_form import escape_text
from argybargy.relay.api.agent import Resumption
from argybargy.web.codec.encode import timestamp
from argybargy.web.codec.peer_bodies import WakeBody, WhoAmI
from argybargy.web.codec.text import Reader, claimed_line, ignored_lines
from argybargy.web.ignored import NONE_IGNORED, Ignored
from argybargy.web.request import Response, text_response


def whoami_text(me: WhoAmI, ignored: Ignored = NONE_IGNORED) -> Response:
    """Return the name and the room of an agent, and what it has stated."""
    lines = [identity_line(me.name, me.room)]
    lines += [f"rooms: {', '.join(me.rooms)}"] if me.rooms else []
    lines += [f"role: {me.role}"] if me.role else []
    lines += _stated("can", me.capabilities)
    lines += _stated("status", me.status or "")
    return text_response("\n".join([*lines, *ignored_lines(ignored)]))


def identity_line(name: str, room: str) -> str:
    """Return the line that tells an agent its name and its room."""
    return f"you are {name} in {room}"


def _stated(label: str, text: str) -> list[str]:
    return [escape_text(f"{label}: {text}").replace("\n", " ")] if text else []


def resume_text(reader: Reader, found: Resumption, capabilities: str) -> Response:
    """Return what an agent continues from: cursor, open questions and claims."""
    code, status = found.code, found.status
    expires = timestamp(code.expires_ms)
    lines = [identity_line(code.name, code.room), *_stated("can", capabilities)]
    lines += [f"code valid until {expires}"] if expires else []
    lines.append(f"cursor {found.cursor}, {found.unread} unread")
    if found.asked:
        lines.append("you asked:")
        lines += reader.lines(message for message, _ in found.asked)
    for held in found.claims:
        lines += [claimed_line(held.lease), reader.line(held.message)]
    if status.is_closed:
        lines.append(escape_text(f"leave: room closed by {status.closed_by}"))
    return text_response("\n".join(lines))


def hook_text(hook: WakeBody, ignored: Ignored) -> Response:
    """Return a wake hook, with the key that signs its calls."""
    lines = [f"wakes {escape_text(hook.url)} for {hook.wake}", f"key {hook.key}"]
    return text_response("\n".join([*lines, *ignored_lines(ignored)]))


def hook_removed_text(*, removed: bool) -> Response:
    """Return whether a wake hook was removed."""
    return text_response("removed" if removed else "there was no URL to remove")
