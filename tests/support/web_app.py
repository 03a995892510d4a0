"""An app over memory, and a client that calls it without a socket."""

import math
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import msgspec
import trio
from hypercorn.typing import ASGIFramework

from argybargy.domain.limits import Limits
from argybargy.domain.sessions import mark_token
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.relay.nudges.call import Caller
from argybargy.serve.admin_token import FileAdminToken
from argybargy.serve.services import follow_access
from argybargy.serve.shared_token import SharedAdminToken
from argybargy.store.protocol import Store
from argybargy.web.access.answer_links import AnswerLinks
from argybargy.web.access.cors import CorsRule
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.services import Services
from argybargy.web.access.session_keeper import open_sessions
from argybargy.web.access.throttle import AuthThrottle
from argybargy.web.app import create_quart
from argybargy.web.fast_path import FastPath
from argybargy.web.mcp.endpoint import McpEndpoint
from support.relay import RelayHarness, SettableClocks, open_harness

TOKEN = "the-admin-token"
BASE = "http://127.0.0.1:8765"


@attrs.define
class FixedToken:
    """An admin token in memory."""

    value: str = TOKEN

    @property
    def mark(self) -> str:
        return mark_token(self.value)

    def matches(self, presented: str) -> bool:
        return presented.encode() == self.value.encode()

    def is_guess(self, presented: str) -> bool:
        return presented != self.value

    async def rotate(self) -> str:
        self.value += "-2"
        return self.value


@attrs.frozen
class Reply:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  any JSON
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> str:
        """The stable code of an error."""
        code: str = self.json["detail"]["error"]
        return code

    @property
    def without_request_id(self) -> bytes:
        """The body without the request id, which differs between equal errors."""
        return re.sub(rb'"request_id":"\w+"', b"", self.body)


@attrs.define
class Client:
    """Calls an ASGI app.

    Attributes:
        app: The app.
        address: IP address of the client.
        patience_seconds: Time after which the response is returned as far as it came.
        reads: Number of times that the app called ``receive``.
    """

    app: ASGIFramework
    address: str = "192.0.2.1"
    patience_seconds: float = math.inf
    reads: int = 0

    async def call(
        self,
        method: str,
        target: str,
        *,
        code: str | None = None,
        token: str | None = None,
        session: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        again: Mapping[str, str] | None = None,
        has_host: bool = True,
    ) -> Reply:
        """Make a request and return the whole response.

        The fields of `again` are appended to the other header fields, even if a name
        is then repeated.
        """
        fields = {"host": "127.0.0.1:8765"} if has_host else {}
        if code is not None:
            fields["authorization"] = f"Bearer {code}"
        if token is not None:
            fields["x-admin-token"] = token
        if session is not None:
            fields["x-admin-session"] = session
        if json is not None:
            body = msgspec.json.encode(json)
            fields["content-type"] = "application/json"
        if body is not None:
            fields["content-length"] = str(len(body))
        fields |= headers or {}
        sent = [*fields.items(), *(again or {}).items()]
        return await self._run(method, target, sent, body or b"")

    async def _run(
        self, method: str, target: str, fields: list[tuple[str, str]], body: bytes
    ) -> Reply:
        path, _, query = target.partition("?")
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in fields
            ],
            "client": (self.address, 1),
            "server": ("127.0.0.1", 8765),
            "extensions": {},
        }
        events = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:  # noqa: ANN401  an ASGI event
            self.reads += 1
            if events:
                return events.pop()
            return await trio.sleep_forever()

        async def send(event: Any) -> None:  # noqa: ANN401  an ASGI event
            sent.append(event)

        with trio.move_on_after(self.patience_seconds):
            await self.app(scope, receive, send)
        start, *parts = sent
        return Reply(
            status=start["status"],
            headers={
                name.decode().lower(): value.decode("latin-1")
                for name, value in start["headers"]
            },
            body=b"".join(part.get("body", b"") for part in parts),
        )


@attrs.define
class Site:
    """A relay with its app: through the fast path (`front`), and Quart alone."""

    house: RelayHarness
    services: Services
    front: Client
    quart: Client
    token: str = TOKEN

    async def code(self, name: str, room: str = "build") -> str:
        """Create an access code."""
        reply = await self.admin(
            "POST", "/admin/invite", json={"name": name, "room": room}
        )
        code: str = reply.json["code"]
        return code

    async def admin(
        self,
        method: str,
        target: str,
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Make a request as the operator."""
        return await self.front.call(
            method, target, token=self.token, json=json, headers=headers
        )

    async def sign_in(self) -> str:
        """Open a session with the token."""
        session: str = (await self.admin("POST", "/admin/session")).json["session"]
        return session

    async def say(self, code: str, text: str, **fields: object) -> Reply:
        """Post a message."""
        return await self.front.call(
            "POST", "/messages", code=code, json={"text": text, **fields}
        )


@asynccontextmanager
async def open_site(
    limits: Limits | None = None,
    cors: CorsRule | None = None,
    store: Store | None = None,
    public_url: str = BASE,
    is_configured: bool = True,
    admin_token: FixedToken | FileAdminToken | SharedAdminToken | None = None,
    clocks: SettableClocks | None = None,
    caller: Caller | None = None,
    plan: NotificationPlan | None = None,
) -> AsyncIterator[Site]:
    """Open a relay with its app; by default on a memory store, without rate limits."""
    limits = limits or Limits(
        posts_per_window=0, reads_per_window=0, claims_per_window=0
    )
    admin_token = admin_token or FixedToken()
    address = PublicAddress.make(
        public_url,
        HostRule.make("127.0.0.1", public_url, ()),
        is_configured=is_configured,
    )
    links = AnswerLinks(b"key of the links", lambda: admin_token.value, address)
    plan = attrs.evolve(plan or NotificationPlan(), make_link=links.make)
    async with (
        open_harness(limits, store, clocks, caller, plan) as house,
        open_sessions(
            house.relay.store,
            limits,
            house.clock,
            admin_token,
            shared=house.relay.store if house.relay.is_shared else None,
        ) as sessions,
    ):
        if house.relay.is_shared:
            follow_access(house.relay, admin_token, sessions)
        services = Services(
            relay=house.relay,
            limits=limits,
            admin_token=admin_token,
            address=address,
            throttle=AuthThrottle(limits),
            sessions=sessions,
            cors=cors or CorsRule(),
            links=links,
        )
        quart = create_quart(services)
        yield Site(
            house,
            services,
            Client(FastPath(services, McpEndpoint(services, quart))),
            Client(quart),
            admin_token.value,
        )
