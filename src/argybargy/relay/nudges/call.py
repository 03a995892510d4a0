"""One call of a wake hook: resolve, check the address, POST, read the status.

The request is written with h11, which the relay depends on anyway; it is imported for
the first call. A whole client library would resolve the name a second time, follow
redirects and obey proxies of the environment: what must not happen here.
"""

import ssl
from collections.abc import Sequence
from typing import Final, Protocol

import attrs
import trio

from argybargy.domain.wake_hooks import WakeHosts, WakeUrl
from argybargy.system.values import define, frozen

CALL_SECONDS: Final = 10.0
"""Deadline of a call, from the look-up of the name to the status of the answer."""
ANSWER_BYTES: Final = 16 * 1024
"""Longest head of an answer; its body is not read."""
MAX_ADDRESSES: Final = 4
"""Maximum addresses of a host that are tried."""
_RECEIVE_BYTES: Final = 4096
_OK: Final = range(200, 300)

Headers = Sequence[tuple[str, str]]


class CallFailedError(Exception):
    """The hook was not called, or has not accepted the call."""


class CallableHosts(Protocol):
    """The hosts that may be called."""

    def allows(self, host: str) -> bool:
        """Tell whether a host may be called."""
        ...

    def allows_address(self, host: str, text: str) -> bool:
        """Tell whether a host may be called at an address."""
        ...


@frozen
class EveryHost:
    """All hosts, those of this machine and its network too."""

    def allows(self, host: str) -> bool:
        """Allow every host."""
        return bool(host)

    def allows_address(self, host: str, text: str) -> bool:
        """Allow every address."""
        return bool(host and text)


EVERY_HOST: Final = EveryHost()
"""For URLs that the operator has set: no agent leads the relay anywhere by them."""


class Caller(Protocol):
    """A way to call hooks.

    Attributes:
        hosts: The hosts that may be called.
    """

    hosts: CallableHosts

    async def post(self, url: WakeUrl, headers: Headers, body: bytes) -> None:
        """Send a POST request.

        Raises:
            CallFailedError: The hook was not reached, or has not accepted the call.
        """
        ...


@define
class HookCaller:
    """Calls hooks over the network.

    Mutable state: the TLS context, made for the first call that needs it.

    Attributes:
        hosts: The hosts that may be called.
        tls: Settings of TLS; ``None`` takes those of the machine.
    """

    hosts: CallableHosts = attrs.field(factory=WakeHosts)
    tls: ssl.SSLContext | None = None

    async def post(self, url: WakeUrl, headers: Headers, body: bytes) -> None:
        """Send a POST request; redirects are failures.

        Raises:
            CallFailedError: The hook was not reached, or has not accepted the call.
        """
        # The operator may have taken the host off the list since the hook was set.
        if not self.hosts.allows(url.host):
            raise CallFailedError("the host is not allowed")
        try:
            with trio.fail_after(CALL_SECONDS):
                status = await self._post(url, headers, body)
        except (
            *(OSError, trio.BrokenResourceError, trio.ClosedResourceError),
            *(trio.TooSlowError, ssl.SSLError),
            *(UnicodeError, ValueError),  # of names that IDNA or TLS cannot encode
        ) as error:
            raise CallFailedError(type(error).__name__) from error
        if status not in _OK:
            raise CallFailedError(f"status {status}")

    async def _post(self, url: WakeUrl, headers: Headers, body: bytes) -> int:
        stream = await self._connect(url)
        try:
            if url.is_secure:
                stream = trio.SSLStream(
                    stream,
                    await self._tls_context(),
                    server_hostname=url.host,
                    https_compatible=True,
                )
            return await _exchange(stream, url, headers, body)
        finally:
            # Without a goodbye, which a stuck server could delay.
            await trio.aclose_forcefully(stream)

    async def _connect(self, url: WakeUrl) -> trio.abc.Stream:
        """Connect to an address of the host that was checked, and to no other."""
        found = await trio.socket.getaddrinfo(
            url.host, url.port, type=trio.socket.SOCK_STREAM
        )
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not all(self.hosts.allows_address(url.host, each) for each in addresses):
            raise CallFailedError("the host has an address that is not allowed")
        error: OSError | None = None
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await trio.open_tcp_stream(address, url.port)
            except OSError as failure:
                error = failure
        raise CallFailedError("no address of the host accepts connections") from error

    async def _tls_context(self) -> ssl.SSLContext:
        if self.tls is None:
            # Reads the certificates of the machine, which takes milliseconds.
            self.tls = await trio.to_thread.run_sync(ssl.create_default_context)
        return self.tls


async def _exchange(
    stream: trio.abc.Stream, url: WakeUrl, headers: Headers, body: bytes
) -> int:
    """Send the request and return the status of the answer.

    Raises:
        CallFailedError: The answer is not HTTP, too long or cut off.
    """
    import h11  # noqa: PLC0415 - most relays call nobody

    try:
        peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES)
        request = h11.Request(
            method="POST",
            target=url.target,
            headers=[
                ("Host", url.authority),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                *headers,
            ],
        )
        events = (request, h11.Data(data=body), h11.EndOfMessage())
        await stream.send_all(b"".join(peer.send(event) or b"" for event in events))
        received = 0
        while True:
            event = peer.next_event()
            if isinstance(event, h11.Response):
                return event.status_code
            if event is h11.NEED_DATA:
                data = await stream.receive_some(_RECEIVE_BYTES)
                received += len(data)
                # Interim responses are complete events: only this bounds their number.
                if received > ANSWER_BYTES:
                    raise CallFailedError("the answer is too long")
                peer.receive_data(bytes(data))
            elif not isinstance(event, h11.InformationalResponse):
                raise CallFailedError("the answer ended early")
    except h11.ProtocolError as error:
        raise CallFailedError(type(error).__name__) from error
