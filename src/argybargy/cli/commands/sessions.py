"""Commands that sign the operator in to the dashboard, and out."""

from collections.abc import Sequence
from typing import Annotated, Final, Self
from urllib.parse import quote, urlsplit

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import read_base_url, read_row
from argybargy.cli.client.protocol import Json, LiveOperator, Operator
from argybargy.cli.commands.message_line import age
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.access_codes import SIGN_IN_PREFIX, is_well_formed
from argybargy.system.values import frozen

_DASHBOARD: Final = "/dashboard#code="
"""Part of a sign-in link between the relay's address and the code."""
_HEADS: Final = ("ID", "DEVICE", "FROM", "SIGNED IN", "ENDS", "USED")
_QUIET_ZONE: Final = 4
"""Empty modules around a QR code, as ISO/IEC 18004 requires."""
_HALVES: Final = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
REACHABLE: Final = """\
Restart the relay with an address that the phone can reach. Through a tunnel:
  argybargy up --tunnel
In your own network, with the address of this machine there:
  ARGYBARGY_PUBLIC_URL=http://192.168.1.20:8765 argybargy up --host 0.0.0.0"""


@frozen
class SignIn:
    """Sign-in link that works once.

    Attributes:
        code: Code in the fragment of the link.
        url: The whole link.
        expires: Timestamp at which the link expires.
    """

    code: str = attrs.field(repr=False)
    url: str = attrs.field(repr=False)
    expires: str

    @classmethod
    def ask(cls, relay: LiveOperator) -> Self:
        """Request a link from a relay.

        Raises:
            CliError: The relay refuses, or its answer is not a link to its dashboard.
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
        """Address of the relay in the link, without the secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@frozen
class _Session:
    """Session as listed by the relay; the id is not a secret."""

    id: str
    address: str
    created: str
    expires: str
    seconds_since_used: float
    streams: int
    device: str


@frozen
class _Sessions:
    sessions: list[object]


def open_dashboard(
    env: Environment,
    *,
    browser: Annotated[
        bool | None,
        Parameter(negative="--no-browser", help="Open the link in a browser, or not."),
    ] = None,
) -> int:
    """Sign in to the dashboard: print a link that works once, and open it.

    On a terminal, the link opens in a browser. It expires after ten minutes; the
    session lasts thirty days in that browser.

    Example: argybargy open --no-browser

    Args:
        browser: Whether to open the link in a browser.
    """
    out = env.output
    link = SignIn.ask(env.live())
    if out.is_json:
        out.write_json(attrs.asdict(link))
    else:
        until = env.machine.times.show(link.expires)
        out.say(f"This link signs in once and expires at {until}:")
        out.write(link.url)
    out.data.flush()
    is_wanted = browser
    if is_wanted is None:
        is_wanted = env.confirm is not None and not out.is_json
    if is_wanted and not env.browse(link.url):
        out.say("No browser could be started. Open the link in a browser.")
    return Exit.OK


def qr(
    env: Environment,
    *,
    invert: Annotated[
        bool, Parameter(help="For a light terminal with dark letters.")
    ] = False,
) -> int:
    """Show a sign-in link for a phone as a QR code; it works once.

    The phone must be able to reach the relay: no QR code is shown for an address of
    this machine only.

    Example: argybargy qr

    Args:
        invert: Whether the terminal is light.
    """
    out = env.output
    link = SignIn.ask(env.live())
    if is_of_this_machine(link.base):
        raise CliError(no_phone(link.base), REACHABLE)
    if out.is_json:
        out.write_json(attrs.asdict(link))
        return Exit.OK
    out.write(draw_qr(qr_matrix(link.url), invert=invert))
    until = env.machine.times.show(link.expires)
    out.say(f"It signs in to {link.base} once and expires at {until}.")
    return Exit.OK


def sessions(
    env: Environment,
    *,
    revoke: Annotated[
        str | None, Parameter(help="End the session with this id.")
    ] = None,
    revoke_all: Annotated[
        bool, Parameter(help="End all sessions, and cancel all sign-in links.")
    ] = False,
    yes: bool = False,
) -> int:
    """List the sessions of the dashboard, or end them; the relay may be stopped.

    Exit code 3 if there are none.

    Example: argybargy sessions

    Args:
        revoke: Id of a session to end.
        revoke_all: Whether to end all sessions.
        yes: Do not ask for confirmation.
    """
    out = env.output
    if revoke is not None and revoke_all:
        text = "--revoke ends one session, --revoke-all all of them: choose one."
        raise CliError(text, code=Exit.USAGE)
    if revoke == "":
        text = "--revoke needs the id of a session."
        raise CliError(text, "List them: argybargy sessions", Exit.USAGE)
    if revoke_all and not env.agrees("Sign everybody out?", is_told=yes):
        raise CliError("Nobody was signed out.")

    def work(operator: Operator) -> int:
        if revoke is not None:
            return _revoke(operator, revoke, out)
        if revoke_all:
            return _revoke_all(operator, out)
        return _show_sessions(operator, out, env.machine.times)

    return env.work(work)


def no_phone(url: str) -> str:
    """Say that a phone cannot reach an address of this machine."""
    return f"A phone cannot reach {url}: that address is this machine only."


def is_of_this_machine(url: str) -> bool:
    """Tell whether a URL leads to the machine that opens it."""
    from argybargy.system.network import is_loopback  # noqa: PLC0415 - not for every verb

    return is_loopback(urlsplit(url).hostname or "")


def _show_sessions(relay: Operator, out: Output, times: LocalTimes) -> int:
    answer = relay.call("GET", "/admin/sessions")
    raw = read_row(_Sessions, answer).sessions
    sessions = [read_row(_Session, row) for row in raw]
    if out.is_json:
        out.write_json(raw)
    elif sessions:
        out.write_table(_HEADS, [_cells(session, times) for session in sessions])
    else:
        out.say("Nobody is signed in. To sign in: argybargy open")
    return Exit.OK if sessions else Exit.NOTHING


def _cells(session: _Session, times: LocalTimes) -> tuple[str, ...]:
    used = f"{age(session.seconds_since_used)} ago"
    return (
        session.id,
        session.device or "-",
        session.address,
        times.show(session.created),
        times.show(session.expires),
        "now" if session.streams else used,
    )


def _revoke(relay: Operator, session_id: str, out: Output) -> int:
    path = f"/admin/sessions/{quote(session_id, safe='')}"
    answer = relay.call("DELETE", path)
    return _show_revoked(answer, f"revoked {session_id}", out)


def _revoke_all(relay: Operator, out: Output) -> int:
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
    """Return the modules of a QR code, row by row; 1 is dark."""
    import segno  # noqa: PLC0415 - for one command only

    code = segno.make_qr(text, error="l")
    return [list(row) for row in code.matrix_iter(border=_QUIET_ZONE)]


def draw_qr(matrix: Sequence[Sequence[int]], *, invert: bool = False) -> str:
    """Draw a QR code in half blocks, two rows of modules per line.

    Args:
        matrix: Modules, row by row; 1 is dark.
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
