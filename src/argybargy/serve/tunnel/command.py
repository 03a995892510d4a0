"""How a tunnel is started, and what of its output is the URL it leads from."""

import re
import shlex
import shutil
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

from argybargy.settings.parsers import parse_base_url

QUICK_PROGRAM: Final = "cloudflared"
_URL: Final = re.compile(r"https://[^\s\"'<>|,)\]}]+")
_QUICK_HOST: Final = re.compile(r"(?!api\.)[a-z0-9][a-z0-9-]*\.trycloudflare\.com")
"""The hosts of quick tunnels. ``api`` is where they are asked for, and what
cloudflared prints when it does not get one."""


@attrs.frozen
class TunnelCommand:
    """A program that lets the outside in.

    Attributes:
        arguments: The program and what it is given; ``{url}`` and ``{port}`` in it
            are the relay's own.
        is_quick: Whether it is a quick tunnel of cloudflared's.
        needs_url: Whether it is of no use before it has said where it leads from.
    """

    arguments: tuple[str, ...]
    is_quick: bool
    needs_url: bool = True

    @classmethod
    def find_quick(cls, *, is_tls: bool) -> Self | None:
        """Return the command for a quick tunnel, if cloudflared is installed.

        It checks no certificate of the relay's own: it goes to this machine alone,
        by an address that no certificate has.
        """
        program = shutil.which(QUICK_PROGRAM)
        if program is None:
            return None
        unchecked = ("--no-tls-verify",) if is_tls else ()
        arguments = (program, "tunnel", "--no-autoupdate", "--url", "{url}", *unchecked)
        return cls(arguments, is_quick=True)

    @classmethod
    def parse(cls, text: str, *, needs_url: bool) -> Self:
        """Read a command line. Nothing of it is given to a shell.

        Raises:
            ValueError: It cannot be read, or there is no such program.
        """
        words = shlex.split(text)
        program = shutil.which(words[0]) if words else None
        if program is None:
            raise ValueError(f"there is no program '{''.join(words[:1])}' here")
        return cls((program, *words[1:]), is_quick=False, needs_url=needs_url)

    def leading_to(self, local_url: str) -> Self:
        """Return the command with the place of the relay in it."""
        port = str(urlsplit(local_url).port)
        filled = (
            word.replace("{url}", local_url).replace("{port}", port)
            for word in self.arguments
        )
        return attrs.evolve(self, arguments=tuple(filled))

    @property
    def name(self) -> str:
        """What the program is called."""
        return re.split(r"[/\\]", self.arguments[0])[-1]

    def find_url(self, line: str) -> str | None:
        """Return the URL of the tunnel, if a line of the output says it.

        It is https, names a server and nothing below it, and is, of a quick tunnel,
        where those are.
        """
        for found in _URL.findall(line):
            try:
                url = parse_base_url(found.rstrip(".;:"))
            except ValueError:
                continue
            if not self.is_quick or _QUICK_HOST.fullmatch(urlsplit(url).netloc):
                return url
        return None
