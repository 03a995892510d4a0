"""Clients of the measured server: agent and operator."""

import attrs
import msgspec

from argybargy.torture.client.connection import (
    EXCHANGE_SECONDS,
    Address,
    KeepAliveConnection,
)
from argybargy.torture.client.messages import BadResponse, HttpResponse, encode_request


@attrs.frozen
class Message:
    """A delivered message, with the fields that the benchmark uses."""

    seq: int
    text: str


@attrs.frozen
class Page:
    """Response to a poll."""

    messages: list[Message]
    cursor: int


@attrs.frozen
class _Posted:
    message: Message


@attrs.frozen
class _Invited:
    code: str


_PAGE = msgspec.json.Decoder(Page)
_POSTED = msgspec.json.Decoder(_Posted)
_INVITED = msgspec.json.Decoder(_Invited)


@attrs.define
class Agent:
    """An agent with an access code and a connection of its own.

    Attributes:
        name: Name of the agent.
        room: Its room.
        cursor: Cursor of its next poll; advanced by :meth:`poll`.
    """

    name: str
    room: str
    connection: KeepAliveConnection
    _fields: dict[str, str]
    cursor: int = 0

    async def enter(self) -> None:
        """Connect and authenticate once, so that a row does not measure first contact.

        Raises:
            BadResponse: The code is not accepted.
        """
        _expect(await self.connection.exchange(self.request("GET", "/whoami")), 200)

    def request(self, method: str, target: str, body: object = None) -> bytes:
        """Encode an authenticated request."""
        return encode_request(method, target, self._fields, body)

    async def post(
        self, text: str, to: str = "all", expects_reply: str = "none"
    ) -> int:
        """Post a message and return its acknowledged seq.

        Raises:
            BadResponse: The status is not 200; the message counts as not sent.
        """
        body = {"text": text, "to": to, "expects_reply": expects_reply}
        answer = await self.connection.exchange(self.request("POST", "/messages", body))
        return _POSTED.decode(_expect(answer, 200).body).message.seq

    async def poll(self, wait_seconds: int = 0) -> tuple[Message, ...]:
        """Return the messages after the cursor, and advance it.

        Args:
            wait_seconds: Maximum time for which the server parks the poll. The
                deadline of the exchange is :data:`EXCHANGE_SECONDS` longer.

        Raises:
            BadResponse: The status is not 200.
        """
        target = f"/messages?since={self.cursor}&wait={wait_seconds}"
        answer = await self.connection.exchange(
            self.request("GET", target), wait_seconds + EXCHANGE_SECONDS
        )
        page = _PAGE.decode(_expect(answer, 200).body)
        self.cursor = page.cursor
        return tuple(page.messages)

    async def claim(self, seq: int) -> bool:
        """Claim a question; return whether it was won.

        Raises:
            BadResponse: The status is neither 200 nor 409.
        """
        request = self.request("POST", f"/messages/{seq}/claim")
        return _expect(await self.connection.exchange(request), 200, 409).status == 200


@attrs.define
class Operator:
    """The operator, with the admin token."""

    address: Address
    token: str = attrs.field(repr=False)

    async def invite(self, room: str, names: tuple[str, ...]) -> tuple[Agent, ...]:
        """Invite an agent into ``room`` for each name; none is connected yet.

        Raises:
            BadResponse: The token or a name is refused.
        """
        connection = KeepAliveConnection(self.address)
        try:
            return tuple([await self._invite(connection, room, n) for n in names])
        finally:
            connection.close_nowait()

    async def _invite(
        self, connection: KeepAliveConnection, room: str, name: str
    ) -> Agent:
        body = {"name": name, "room": room}
        fields = {"X-Admin-Token": self.token}
        request = encode_request("POST", "/admin/invite", fields, body)
        answer = _expect(await connection.exchange(request), 200, 201)
        code = _INVITED.decode(answer.body).code
        fields = {"Authorization": f"Bearer {code}"}
        return Agent(name, room, KeepAliveConnection(self.address), fields)


def _expect(answer: HttpResponse, *statuses: int) -> HttpResponse:
    if answer.status not in statuses:
        body = answer.body[:120].decode(errors="replace")
        raise BadResponse(f"status {answer.status}: {body}")
    return answer
