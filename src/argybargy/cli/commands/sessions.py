"""The commands that let the operator in by a browser, and out again."""

from collections.abc import Sequence
from typing import Annotated, Final, Self
from urllib.parse import quote, urlsplit

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import read_base_url, read_row
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.access_codes import SIGN_IN_PREFIX, is_well_formed

_DASHBOARD: Final = "/dashboard#code="
"""What stands between the address and the code of a link that signs in."""
_HEADS: Final = ("ID", "FROM", "SIGNED IN", "ENDS", "USED")
_QUIET_ZONE: Final = 4
"""Empty modules around a QR code; the standard asks for as many."""
_HALVES: Final = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_UNREACHABLE: Final = """\
A phone cannot reach {base}: that is this machine only.
Say how the relay is reached from outside, and start it again:
  ARGYBARGY_PUBLIC_URL=https://relay.example.com argybargy up"""


@attrs.frozen
class SignIn:
    """A one-time link.

    Attributes:
        code: What the link has in its fragment.
        url: The whole link.
        expires: Until when it works.
    """

    code: str = attrs.field(repr=False)
    url: str = attrs.field(repr=False)
    expires: str

    @classmethod
    def ask(cls, relay: LiveOperator) -> Self:
        """Ask a relay for a link.

        Raises:
            CliError: The relay refuses, or its answer is no link to a page.
        """
        found = read_row(cls, relay.call("POST", "/admin/sign-in"))
        base, _, code = found.url.partition(_DASHBOARD)
        try:
            url = read_base_url(base) + _DASHBOARD + code
        except ValueError:
            url = ""
        if not (url and code == found.code and is_well_formed(code, SIGN_IN_PREFIX)):
            raise CliError("The relay's link does not lead to its dashboard.")
        return attrs.evolve(found, url=url)

    @property
    def base(self) -> str:
        """The address that the link leads to, without the secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@attrs.frozen
class _Session:
    """A session, by its public half."""

    id: str
    address: str
    created: str
    expires: str
    seconds_since_used: float
    streams: int


@attrs.frozen
class _Sessions:
    sessions: list[object]


def open_dashboard(
    env: Environment,
    *,
    browser: Annotated[
        bool | None,
        Parameter(negative="--no-browser", help="Open the link, or do not."),
    ] = None,
) -> int:
    """Sign in to the dashboard: print a link that works once, and open it.

    The link is opened in a browser when this is typed at a terminal. It is good
    for ten minutes; who follows it is signed in for twelve hours.

    Example: argybargy open --no-browser

    Args:
        browser: Whether to open it.
    """
    out = env.output
    link = SignIn.ask(env.live())
    if out.is_json:
        out.write_json(attrs.asdict(link))
    else:
        until = env.machine.times.show(link.expires)
        out.say(f"This link signs in once, until {until}:")
        out.write(link.url)
    out.data.flush()
    is_wanted = browser
    if is_wanted is None:
        is_wanted = env.confirm is not None and not out.is_json
    if is_wanted and not env.browse(link.url):
        out.say("No browser could be started here. Open the link in one.")
    return Exit.OK


def qr(
    env: Environment,
    *,
    invert: Annotated[
        bool, Parameter(help="For dark letters on a light terminal.")
    ] = False,
) -> int:
    """Sign in on a phone: show a link that works once as a QR code.

    Example: argybargy qr

    Args:
        invert: Whether the terminal is light.
    """
    out = env.output
    link = SignIn.ask(env.live())
    if _is_of_this_machine(link.base):
        out.warn(_UNREACHABLE.format(base=link.base))
    if out.is_json:
        out.write_json(attrs.asdict(link))
        return Exit.OK
    out.write(draw_qr(qr_matrix(link.url), invert=invert))
    until = env.machine.times.show(link.expires)
    out.say(f"It signs in to {link.base} once, until {until}.")
    return Exit.OK


def sessions(
    env: Environment,
    *,
    revoke: Annotated[
        str | None, Parameter(help="End the session with this id.")
    ] = None,
    revoke_all: Annotated[
        bool, Parameter(help="End every session, and every sign-in link.")
    ] = False,
    yes: bool = False,
) -> int:
    """List who is signed in to the dashboard, or sign them out.

    It ends with exit code 3 if nobody is.

    Example: argybargy sessions

    Args:
        revoke: The id of a session to end.
        revoke_all: Whether to end them all.
        yes: Do not ask.
    """
    out = env.output
    if revoke is not None and revoke_all:
        text = "--revoke ends one session, --revoke-all every one: say which."
        raise CliError(text, code=Exit.USAGE)
    if revoke == "":
        text = "--revoke needs the id of a session."
        raise CliError(text, "List them: argybargy sessions", Exit.USAGE)
    if revoke is not None:
        return _revoke(env.live(), revoke, out)
    if not revoke_all:
        times = env.machine.times
        return _show_sessions(env.live(), out, times)
    if not env.agrees("Sign everybody out?", is_told=yes):
        raise CliError("Nobody was signed out.")
    return _revoke_all(env.live(), out)


def _is_of_this_machine(url: str) -> bool:
    from argybargy.system.network import is_loopback  # noqa: PLC0415 - not for every verb

    return is_loopback(urlsplit(url).hostname or "")


def _show_sessions(relay: LiveOperator, out: Output, times: LocalTimes) -> int:
    answer = relay.call("GET", "/admin/sessions")
    raw = read_row(_Sessions, answer).sessions
    sessions = [read_row(_Session, row) for row in raw]
    if out.is_json:
        out.write_json(raw)
    elif sessions:
        out.write_table(_HEADS, [_cells(session, times) for session in sessions])
    else:
        out.say("Nobody is signed in. A link that signs in: argybargy open")
    return Exit.OK if sessions else Exit.NOTHING


def _cells(session: _Session, times: LocalTimes) -> tuple[str, ...]:
    used = f"{session.seconds_since_used:.0f} s ago"
    return (
        session.id,
        session.address,
        times.show(session.created),
        times.show(session.expires),
        "now" if session.streams else used,
    )


def _revoke(relay: LiveOperator, session_id: str, out: Output) -> int:
    path = f"/admin/sessions/{quote(session_id, safe='')}"
    answer = relay.call("DELETE", path)
    return _show_revoked(answer, f"revoked {session_id}", out)


def _revoke_all(relay: LiveOperator, out: Output) -> int:
    answer = relay.call("DELETE", "/admin/sessions")
    return _show_revoked(answer, f"revoked {answer.get('revoked')} sessions", out)


def _show_revoked(answer: Json, text: str, out: Output) -> int:
    if out.is_json:
        out.write_json(answer)
    else:
        out.write(text)
    return Exit.OK


# -- QR codes -----------------------------------------------------------------------


def qr_matrix(text: str) -> list[list[int]]:
    """Return the modules of a QR code row by row; 1 is dark."""
    import segno  # noqa: PLC0415 - for one command only

    code = segno.make_qr(text, error="l")
    return [list(row) for row in code.matrix_iter(border=_QUIET_ZONE)]


def draw_qr(matrix: Sequence[Sequence[int]], *, invert: bool = False) -> str:
    """Return a QR code in half blocks, two rows on a line, light on dark.

    Args:
        matrix: Its modules, row by row; 1 is dark.
        invert: Whether the terminal is light.
    """
    lit = 1 if invert else 0
    rows = [[int(module == lit) for module in row] for row in matrix]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join(
        "".join(_HALVES[halves] for halves in zip(top, bottom, strict=True))
        for top, bottom in pairs
    )
