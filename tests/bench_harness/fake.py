"""A relay in one file that can be told to misbehave, for the harness to find out.

Right unless told otherwise: it keeps everything in memory and wakes whom it should.
Started as a program it takes a port and a directory, as a real server does.
"""

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

TOKEN = "operator-token"


def one_copy(reader: str, text: str) -> int:
    """Deliver everything once."""
    del reader, text
    return 1


def everybody(reader: str, text: str) -> bool:
    """Wake whoever is parked in the room."""
    del reader, text
    return True


@attrs.frozen
class Manners:
    """How it behaves.

    Attributes:
        copies: How often a reader gets a text: 0 loses it, 2 doubles it.
        wakes: Whether a post wakes a parked reader; else the poll waits its time.
        is_private: Whether a direct message stays between the two.
        wins: How many contenders win a question.
        fails: Texts whose post is answered with 500.
    """

    copies: Callable[[str, str], int] = one_copy
    wakes: Callable[[str, str], bool] = everybody
    is_private: bool = True
    wins: int = 1
    fails: frozenset[str] = frozenset()


@attrs.define
class Room:
    """Messages, claims and those who are parked."""

    messages: list[dict[str, Any]] = attrs.field(factory=list)
    winners: dict[int, list[str]] = attrs.field(factory=dict)
    parked: dict[trio.Event, str] = attrs.field(factory=dict)


@attrs.define
class Fake:
    """The server; its state is the rooms.

    A code is the name and the room, so that it is known after another start.
    """

    manners: Manners = attrs.field(factory=Manners)
    rooms: dict[str, Room] = attrs.field(factory=dict)

    async def serve_connection(self, stream: trio.SocketStream) -> None:
        async with stream:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    more = await stream.receive_some()
                    if not more:
                        return
                    buffer += more
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                first, *lines = head.decode().split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines)
                size = int(fields.get("Content-Length", "0"))
                while len(buffer) < size:
                    buffer += await stream.receive_some()
                body, buffer = buffer[:size], buffer[size:]
                method, target, _ = first.split(" ")
                status, answer = await self.answer(
                    f"{method} {target}", fields, json.loads(body or b"{}")
                )
                content = json.dumps(answer).encode()
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}".encode()
                await stream.send_all(head + b"\r\n\r\n" + content)

    async def answer(
        self, line: str, fields: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, object]:
        if line in {"GET /health", "GET /dashboard"}:
            return 200, {"status": "ok"}
        if line == "POST /admin/invite":
            return self.invite(fields.get("X-Admin-Token", ""), body)
        if line == "GET /admin/state":
            return 200, {"rooms": list(self.rooms)}
        code = fields.get("Authorization", "").removeprefix("Bearer ")
        name, at, room = code.partition("@")
        if not at:
            return 401, {}
        return await self.serve(self.rooms.setdefault(room, Room()), name, line, body)

    async def serve(
        self, room: Room, name: str, line: str, body: dict[str, Any]
    ) -> tuple[int, object]:
        if line.endswith("/claim"):
            return self.claim(room, name, int(line.split("/")[2]))
        if line == "POST /messages":
            return self.post(room, name, body)
        if line.startswith("GET /messages?"):
            query = line.partition("?")[2]
            asked = dict(pair.split("=") for pair in query.split("&"))
            return await self.poll(room, name, int(asked["since"]), int(asked["wait"]))
        return 200, {"name": name, "messages": room.messages[-50:]}

    def invite(self, token: str, body: dict[str, Any]) -> tuple[int, object]:
        if token != TOKEN:
            return 401, {}
        return 200, {"code": f"{body['name']}@{body['room']}"}

    def post(self, room: Room, name: str, body: dict[str, Any]) -> tuple[int, object]:
        if body["text"] in self.manners.fails:
            return 500, {}
        message = {**body, "from": name, "seq": len(room.messages) + 1}
        room.messages.append(message)
        for event, reader in list(room.parked.items()):
            if self.manners.wakes(reader, body["text"]):
                event.set()
        return 200, {"ok": True, "message": message}

    async def poll(
        self, room: Room, name: str, since: int, wait: int
    ) -> tuple[int, object]:
        with trio.move_on_after(wait):
            while not self.visible(room, name, since):
                event = trio.Event()
                room.parked[event] = name
                try:
                    await event.wait()
                finally:
                    del room.parked[event]
        found = self.visible(room, name, since)
        return 200, {"messages": found, "cursor": len(room.messages)}

    def visible(self, room: Room, name: str, since: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for message in room.messages[since:]:
            is_mine = message["to"] in {"all", name} or not self.manners.is_private
            if is_mine and message["from"] != name:
                found += [message] * self.manners.copies(name, message["text"])
        return found

    def claim(self, room: Room, name: str, seq: int) -> tuple[int, object]:
        winners = room.winners.setdefault(seq, [])
        if len(winners) >= self.manners.wins:
            return 409, {"won": False}
        winners.append(name)
        return 200, {"won": True}


@asynccontextmanager
async def serving(fake: Fake) -> AsyncIterator[int]:
    """Serve in this process and give the port."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, fake.serve_connection, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def main(port: str, directory: str) -> None:
    """Serve until the process is ended."""
    (Path(directory) / "admin.token").write_text(TOKEN)
    await trio.serve_tcp(Fake().serve_connection, int(port), host="127.0.0.1")


if __name__ == "__main__":
    _, port_given, directory_given = sys.argv
    trio.run(main, port_given, directory_given)
