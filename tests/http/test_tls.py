"""HTTPS with a test certificate: service, orderly shutdown and isolation."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trustme
from hypercorn.config import Config

from argybargy.http.hypercorn.guard import HypercornServer
from argybargy.http.limits import ConnectionLimits
from argybargy.http.server import HttpServer, open_http_server
from argybargy.serve.listener import serve_app
from argybargy.serve.main import _make_config
from argybargy.serve.services import public_url
from argybargy.serve.startup_errors import CertificateError
from argybargy.settings.settings import Settings, parse_settings
from support.http_server import HELLO, WAKE_SECONDS, Client, Journal, PlainApp, render

CORES = pytest.mark.parametrize("core", ["ours", "hypercorn"])
NAME = "relay.example.com"
POST = b"POST /unread HTTP/1.1\r\nHost: relay\r\nContent-Length: 5000\r\n\r\n"
CLOSE = b"GET /close HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n"


@attrs.frozen
class Files:
    """A certificate, its key, and a context that trusts it."""

    certificate: Path
    key: Path
    authority: trustme.CA

    def settings(self, **more: str) -> Settings:
        environment = {
            "ARGYBARGY_TLS_CERT": str(self.certificate),
            "ARGYBARGY_TLS_KEY": str(self.key),
            "ARGYBARGY_DATA": str(self.key.parent),
            **more,
        }
        return parse_settings(environment)


def make_files(folder: Path) -> Files:
    authority = trustme.CA()
    issued = authority.issue_cert(NAME)
    files = Files(folder / "cert.pem", folder / "key.pem", authority)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(files.certificate, append=True)
    files.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(files.key)
    return files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("tls"))


@attrs.frozen
class Site:
    """A running server, and connections to it."""

    app: PlainApp
    server: HttpServer | HypercornServer
    journal: Journal
    port: int
    stop: trio.Event
    files: Files

    async def connect(self) -> Client:
        """Connect as a strict client: an end without close_notify is an error."""
        context = ssl.create_default_context()
        self.files.authority.configure_trust(context)
        context.set_alpn_protocols(["h2", "http/1.1"])
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        secure = trio.SSLStream(stream, context, server_hostname=NAME)
        await secure.do_handshake()
        return Client(secure)

    async def connect_plainly(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def wait_empty(self) -> None:
        with trio.fail_after(WAKE_SECONDS):
            while self.server.statistics().connections:  # noqa: ASYNC110 - a test
                await trio.sleep(0.01)


@asynccontextmanager
async def _open_core(
    core: str, app: PlainApp, config: Config, journal: Journal, limits: ConnectionLimits
) -> AsyncIterator[HttpServer | HypercornServer]:
    if core == "hypercorn":
        yield HypercornServer(app, config, render=render, log=journal, limits=limits)
        return
    async with open_http_server(
        app, render=render, log=journal, limits=limits
    ) as server:
        yield server


@asynccontextmanager
async def open_tls_site(
    core: str, files: Files, limits: ConnectionLimits | None = None
) -> AsyncIterator[Site]:
    config = _make_config(files.settings(ARGYBARGY_PORT="0"))
    config.graceful_timeout = 0.5
    app, journal, stop = PlainApp(), Journal(), trio.Event()

    async def serve(task_status: trio.TaskStatus[Site]) -> None:
        limits_here = limits or ConnectionLimits()
        async with (
            _open_core(core, app, config, journal, limits_here) as server,
            trio.open_nursery() as nursery,
        ):
            (url,) = await nursery.start(_serve_app, config, server, stop)
            assert url.startswith("https://127.0.0.1:")
            port = int(url.rpartition(":")[2])
            task_status.started(Site(app, server, journal, port, stop, files))

    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


async def _serve_app(
    config: Config,
    server: HttpServer | HypercornServer,
    stop: trio.Event,
    *,
    task_status: trio.TaskStatus[list[str]],
) -> None:
    await serve_app(
        PlainApp(),
        config,
        handler=server,
        shutdown_trigger=stop.wait,
        task_status=task_status,
    )


@CORES
async def test_requests_are_answered_over_tls(core: str, files: Files) -> None:
    async with open_tls_site(core, files) as site:
        client = await site.connect()
        assert isinstance(client.stream, trio.SSLStream)
        assert client.stream.selected_alpn_protocol() == "http/1.1"
        for _ in range(2):
            assert (await client.ask(HELLO)).body == b"hello"
        big = await client.ask(b"GET /big?300000 HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert len(big.body) == 300_000
        await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == []


@CORES
async def test_a_connection_ends_with_close_notify(core: str, files: Files) -> None:
    async with open_tls_site(core, files) as site:
        client = await site.connect()
        assert (await client.ask(CLOSE)).body == b"bye"
        assert await client.rest() == b""
        await client.stream.aclose()
        await site.wait_empty()


async def test_a_client_that_still_sends_gets_close_notify_at_once(
    files: Files,
) -> None:
    async with open_tls_site("ours", files) as site:
        client = await site.connect()
        with trio.fail_after(WAKE_SECONDS):
            reply = await client.ask(POST + b"x" * 1000)
            assert (reply.status, reply.fields["connection"]) == (401, "close")
            assert await client.rest() == b""
        await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == []


async def test_a_client_that_keeps_sending_gets_its_response(files: Files) -> None:
    async with open_tls_site("ours", files) as site:
        client = await site.connect()
        await client.send(POST)
        reply = await client.reply()
        assert reply.status == 401
        for _ in range(4):
            await client.send(b"x" * 1000)
        assert await client.rest() == b""
        await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == []


@CORES
async def test_a_stopping_server_ends_idle_connections_with_close_notify(
    core: str, files: Files
) -> None:
    async with open_tls_site(core, files) as site:
        client = await site.connect()
        assert (await client.ask(HELLO)).status == 200
        site.stop.set()
        with trio.fail_after(WAKE_SECONDS):
            assert await client.rest() == b""
        await client.stream.aclose()
        await site.wait_empty()


@CORES
@pytest.mark.parametrize("is_told", [True, False])
async def test_a_parked_client_that_leaves_is_noticed(
    core: str, is_told: bool, files: Files
) -> None:
    async with open_tls_site(core, files) as site:
        client = await site.connect()
        await client.send(b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n")
        await site.app.parked.wait()
        assert isinstance(client.stream, trio.SSLStream)
        await (client.stream if is_told else client.stream.transport_stream).aclose()
        with trio.fail_after(WAKE_SECONDS):
            await site.app.cancelled.wait()
        await site.wait_empty()
        assert site.journal.events == []


GARBAGE = {
    "plain HTTP": HELLO,
    "zeros": bytes(1000),
    "no such record": bytes(range(256)) * 8,
    "a hello cut short": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 40,
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a record too large": b"\x16\x03\x01\xff\xff" + b"A" * 20_000,
    "nothing": b"",
}


@CORES
@pytest.mark.parametrize("name", GARBAGE)
async def test_an_invalid_handshake_ends_only_its_connection(
    core: str, name: str, files: Files
) -> None:
    async with open_tls_site(core, files) as site:
        before = await site.connect()
        stream = await site.connect_plainly()
        async with stream:
            await stream.send_all(GARBAGE[name])
            await stream.send_eof()
            with trio.fail_after(WAKE_SECONDS):
                await _read_to_the_end(stream)
        assert (await before.ask(HELLO)).status == 200
        after = await site.connect()
        assert (await after.ask(HELLO)).status == 200
        for client in (before, after):
            await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == []


@CORES
async def test_invalid_tls_records_end_only_their_connection(
    core: str, files: Files
) -> None:
    async with open_tls_site(core, files) as site:
        client, other = await site.connect(), await site.connect()
        assert (await client.ask(HELLO)).status == 200
        assert isinstance(client.stream, trio.SSLStream)
        transport = client.stream.transport_stream
        await transport.send_all(b"\x17\x03\x03\x00\x20" + b"A" * 32)
        with trio.fail_after(WAKE_SECONDS):
            await _read_to_the_end(transport)
        assert (await other.ask(HELLO)).status == 200
        for each in (client, other):
            await trio.aclose_forcefully(each.stream)
        await site.wait_empty()
        assert site.journal.events == []


async def test_a_handshake_has_a_deadline(files: Files) -> None:
    limits = ConnectionLimits(head_seconds=0.1, linger_seconds=0.1)
    async with open_tls_site("ours", files, limits) as site:
        stream = await site.connect_plainly()
        async with stream:
            with trio.fail_after(WAKE_SECONDS):
                await _read_to_the_end(stream)
        await site.wait_empty()


@CORES
async def test_a_handshake_counts_as_a_connection(core: str, files: Files) -> None:
    limits = ConnectionLimits(connections=1)
    async with open_tls_site(core, files, limits) as site:
        async with await site.connect_plainly() as first:
            await first.send_all(b"\x16")
            while not site.server.statistics().connections:  # noqa: ASYNC110 - a test
                await trio.sleep(0.01)
            async with await site.connect_plainly() as second:
                with trio.fail_after(WAKE_SECONDS):
                    await _read_to_the_end(second)
            assert site.server.statistics().refused == {"busy": 1}
        await site.wait_empty()
        third = await site.connect()
        assert (await third.ask(HELLO)).status == 200
        await third.stream.aclose()


@CORES
async def test_stopping_does_not_wait_for_handshakes(core: str, files: Files) -> None:
    async with open_tls_site(core, files) as site:
        async with await site.connect_plainly() as stream:
            await stream.send_all(b"\x16")
            while not site.server.statistics().connections:  # noqa: ASYNC110 - a test
                await trio.sleep(0.01)
            site.server.drain()
            with trio.fail_after(WAKE_SECONDS):
                await _read_to_the_end(stream)
        await site.wait_empty()


async def _read_to_the_end(stream: trio.abc.Stream) -> None:
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        return  # a reset is an end too


# -- the files ----------------------------------------------------------------------


def test_a_key_of_another_certificate_is_reported(files: Files, tmp_path: Path) -> None:
    other = make_files(tmp_path)
    mixed = attrs.evolve(files, key=other.key)
    with pytest.raises(CertificateError) as caught:
        _make_config(mixed.settings())
    assert str(files.certificate) in str(caught.value)
    assert str(other.key) in str(caught.value)


def test_a_file_without_a_certificate_is_reported(files: Files) -> None:
    with pytest.raises(CertificateError):
        _make_config(attrs.evolve(files, certificate=files.key).settings())


def test_invitations_contain_an_https_url_with_tls(files: Files) -> None:
    assert public_url(files.settings()) == "https://127.0.0.1:8765"
