"""Who drives a server that is measured: an agent, and an operator."""

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
    """A message as a reader gets it; only what the bench looks at."""

    seq: int
    text: str


@attrs.frozen
class Page:
    """The answer to a poll."""

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
    """A peer with a code, on a connection of its own.

    Attributes:
        name: As the operator invited it.
        room: Where it may read and post.
        cursor: Where its next poll goes on; set by :meth:`poll`.
    """

    name: str
    room: str
    connection: KeepAliveConnection
    _fields: dict[str, str]
    cursor: int = 0

    async def enter(self) -> None:
        """Connect and be seen, so that a row does not measure first contact.

        Raises:
            BadAnswer: If the code is not accepted.
        """
        _expect(await self.connection.exchange(self.request("GET", "/whoami")), 200)

    def request(self, method: str, target: str, body: object = None) -> bytes:
        """Return a request of this agent's as bytes."""
        return encode_request(method, target, self._fields, body)

    async def post(
        self, text: str, to: str = "all", expects_reply: str = "none"
    ) -> int:
        """Post and return the seq that the server acknowledged.

        Raises:
            BadAnswer: If the answer is not 200; the message counts as not sent.
        """
        body = {"text": text, "to": to, "expects_reply": expects_reply}
        answer = await self.connection.exchange(self.request("POST", "/messages", body))
        return _POSTED.decode(_expect(answer, 200).body).message.seq

    async def poll(self, wait_seconds: int = 0) -> tuple[Message, ...]:
        """Return what came after the cursor, and move it.

        Args:
            wait_seconds: How long the server may park the poll. The answer has
                :data:`EXCHANGE_SECONDS` more than that to arrive.

        Raises:
            BadAnswer: If the answer is not 200.
        """
        target = f"/messages?since={self.cursor}&wait={wait_seconds}"
        answer = await self.connection.exchange(
            self.request("GET", target), wait_seconds + EXCHANGE_SECONDS
        )
        page = _PAGE.decode(_expect(answer, 200).body)
        self.cursor = page.cursor
        return tuple(page.messages)

    async def claim(self, seq: int) -> bool:
        """Claim a question; tell whether it was won.

        Raises:
            BadAnswer: If the answer is neither 200 nor 409.
        """
        request = self.request("POST", f"/messages/{seq}/claim")
        return _expect(await self.connection.exchange(request), 200, 409).status == 200


@attrs.define
class Operator:
    """Whoever holds the admin token."""

    address: Address
    token: str = attrs.field(repr=False)

    async def invite(self, room: str, names: tuple[str, ...]) -> tuple[Agent, ...]:
        """Return an agent in ``room`` for each name; none is connected yet.

        Raises:
            BadAnswer: If the token is refused, or a name.
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
