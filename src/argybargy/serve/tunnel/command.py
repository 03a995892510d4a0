"""Command line of a tunnel program, and the public URL in its output."""

import re
import shlex
import shutil
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

from argybargy.settings.parsers import parse_base_url
from argybargy.system.values import frozen

QUICK_PROGRAM: Final = "cloudflared"
_URL: Final = re.compile(r"https://[^\s\"'<>|,)\]}]+")
_QUICK_HOST: Final = re.compile(r"(?!api\.)[a-z0-9][a-z0-9-]*\.trycloudflare\.com")
"""Hosts of quick tunnels. ``api`` is the host that cloudflared requests them from, and
prints when a request fails."""


@frozen
class TunnelCommand:
    """Command that opens a tunnel to the relay.

    Attributes:
        arguments: Program and arguments, with ``{url}`` and ``{port}`` of the relay.
        is_quick: Whether it is a quick tunnel of cloudflared.
        needs_url: Whether the tunnel counts as failed until it has printed its URL;
            false if the operator has configured the URL.
    """

    arguments: tuple[str, ...]
    is_quick: bool
    needs_url: bool = True

    @classmethod
    def find_quick(cls, *, is_tls: bool) -> Self | None:
        """Return the command for a quick tunnel, or None without cloudflared.

        It does not verify the relay's certificate: it connects to this machine, by an
        address that certificates do not contain.
        """
        program = shutil.which(QUICK_PROGRAM)
        if program is None:
            return None
        unchecked = ("--no-tls-verify",) if is_tls else ()
        arguments = (program, "tunnel", "--no-autoupdate", "--url", "{url}", *unchecked)
        return cls(arguments, is_quick=True)

    @classmethod
    def parse(cls, text: str, *, needs_url: bool) -> Self:
        """Parse a command line by shell rules, without running a shell.

        Raises:
            ValueError: Quotes do not match, or the program is not installed.
        """
        words = shlex.split(text)
        program = shutil.which(words[0]) if words else None
        if program is None:
            raise ValueError(f"there is no program '{''.join(words[:1])}' here")
        return cls((program, *words[1:]), is_quick=False, needs_url=needs_url)

    def leading_to(self, local_url: str) -> Self:
        """Return the command with ``{url}`` and ``{port}`` filled in."""
        port = str(urlsplit(local_url).port)
        filled = (
            word.replace("{url}", local_url).replace("{port}", port)
            for word in self.arguments
        )
        return attrs.evolve(self, arguments=tuple(filled))

    @property
    def name(self) -> str:
        """File name of the program."""
        return re.split(r"[/\\]", self.arguments[0])[-1]

    def find_url(self, line: str) -> str | None:
        """Return the tunnel's URL if a line of the output contains it.

        Only https URLs without a path count; for a quick tunnel, only those below
        ``trycloudflare.com``.
        """
        for found in _URL.findall(line):
            try:
                url = parse_base_url(found.rstrip(".;:"))
            except ValueError:
                continue
            if not self.is_quick or _QUICK_HOST.fullmatch(urlsplit(url).netloc):
                return url
        return None
