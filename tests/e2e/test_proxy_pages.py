"""The proxies' configurations of the how-to page, in front of a relay."""

import json
import os
import re
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trustme

from support.debian import alone, unpack
from support.relay_process import RealServer, free_port, open_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is of Linux"),
]
NAME = "relay.example.com"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reverse-proxy.md"
WAIT_SECONDS = 20


def configuration(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def nginx(folder: Path, port: int, relay: int, certificate: Path) -> list[str]:
    text = configuration("nginx")
    for before, after in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8765", f"127.0.0.1:{relay}"),
        ("/etc/letsencrypt/live/relay.example.com/fullchain.pem", str(certificate)),
        ("/etc/letsencrypt/live/relay.example.com/privkey.pem", str(certificate)),
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    )
    return ["-e", "stderr", "-p", str(folder), "-c", str(file)]


def caddy(folder: Path, port: int, relay: int, certificate: Path) -> list[str]:
    text = configuration("caddy")
    assert text.count("127.0.0.1:8765") == text.count(f"{NAME} {{") == 1
    text = text.replace("127.0.0.1:8765", f"127.0.0.1:{relay}").replace(
        f"{NAME} {{", f"https://{NAME}:{port} {{\n\ttls {certificate} {certificate}"
    )
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{text}")
    return ["run", "--adapter", "caddyfile", "--config", str(file)]


PROXIES = {"nginx": nginx, "caddy": caddy}


@attrs.frozen
class Front:
    """The relay as it is reached through a proxy."""

    server: RealServer
    port: int
    trust: ssl.SSLContext

    async def connect(self) -> trio.SSLStream[trio.SocketStream]:
        # From an address that is no trusted proxy's.
        plain = await trio.open_tcp_stream(
            "127.0.0.1", self.port, local_address="127.0.0.2"
        )
        stream = trio.SSLStream(
            plain, self.trust, server_hostname=NAME, https_compatible=True
        )
        await stream.do_handshake()
        return stream

    async def ask(
        self, method: str, target: str, body: object = None, **fields: str
    ) -> tuple[int, Any]:
        """Make a request to its end."""
        async with await self.connect() as stream:
            await stream.send_all(request(method, target, body, **fields))
            answer = b"".join([part async for part in stream])
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(content)


def request(method: str, target: str, body: object = None, **fields: str) -> bytes:
    # The old version, so that the answer is not in chunks.
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {target} HTTP/1.0",
        f"Host: {NAME}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _kill(process: trio.Process) -> None:
    """End a proxy that would wait for the streams that go through it."""
    process.kill()


@pytest.fixture(scope="session", params=PROXIES)
def program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Find a proxy, or fetch Debian's."""
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    with alone():
        found = shutil.which(name)
        if found is None and unpack(name, folder):
            found = shutil.which(name, path=f"{folder}/usr/bin:{folder}/usr/sbin")
    # Only the example of a page hangs on it, and no code of ours: where neither the
    # proxy nor Debian's packages are at hand, the rest can be tested all the same.
    return found or pytest.skip(f"{name} is not installed and cannot be fetched")


@asynccontextmanager
async def open_front(program: str, folder: Path) -> AsyncIterator[Front]:
    authority, port = trustme.CA(), free_port()
    certificate = folder / "certificate.pem"
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(certificate)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    settings = {
        "ARGYBARGY_PUBLIC_URL": f"https://{NAME}",
        "ARGYBARGY_TRUSTED_PROXIES": "127.0.0.1",
    }
    async with (
        open_server(folder / "data", **settings) as server,
        trio.open_nursery() as nursery,
    ):
        configure = PROXIES[Path(program).name]
        arguments = configure(folder, port, server.address.port, certificate)
        environment = {**os.environ, "HOME": str(folder)}  # noqa: TID251
        run = partial(
            trio.run_process,
            [program, *arguments],
            stderr=sys.stderr,
            check=False,
            deliver_cancel=_kill,
            env=environment,
        )
        await nursery.start(run)
        with trio.fail_after(WAIT_SECONDS):
            while True:
                try:
                    await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await trio.sleep(0.05)  # another process begins to listen
        yield Front(server, port, trust)
        nursery.cancel_scope.cancel()


async def test_a_poll_and_a_stream_come_through_a_proxy_at_once(
    tmp_path: Path, program: str
) -> None:
    async with open_front(program, tmp_path) as front:
        server = front.server
        token = {"x_admin_token": server.token()}
        status, made = await front.ask("POST", "/admin/invite", {"name": "a"}, **token)
        assert (status, made["url"]) == (200, f"https://{NAME}")
        alice = {"authorization": f"Bearer {made['code']}"}
        stream = await front.connect()
        await stream.send_all(request("POST", "/admin/stream", {}, **token))
        with trio.fail_after(WAIT_SECONDS):
            seen = b""
            while b'"type":"snapshot"' not in seen:
                seen += await stream.receive_some()
            async with trio.open_nursery() as nursery:
                answers: list[Any] = []

                async def poll() -> None:
                    answers.append(
                        await front.ask("GET", "/messages?since=0&wait=25", **alice)
                    )

                nursery.start_soon(poll)
                await server.wait_parked(1)
                bob = await server.guest("bob", made["room"])
                await bob.post("good morning")
                while b"good morning" not in seen:
                    seen += await stream.receive_some()
            ((status, found),) = answers
        assert (status, found["messages"][0]["text"]) == (200, "good morning")
        await trio.aclose_forcefully(stream)


async def test_a_proxy_says_for_whom_it_asks_and_cannot_be_told_what_to_say(
    tmp_path: Path, program: str
) -> None:
    async with open_front(program, tmp_path) as front:
        claimed = {"x_admin_token": "wrong", "x_forwarded_for": "192.0.2.77"}
        status, _ = await front.ask("GET", "/admin/state", **claimed)
        assert status == 401
        audit = (await front.server.admin("GET", "/admin/audit")).json
        (failed,) = [
            row for row in audit["events"] if row["action"] == "admin_auth_failed"
        ]
        assert failed["detail"] == "1 from 127.0.0.2"
