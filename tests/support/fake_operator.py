"""In-memory operator API that answers with the relay's own structs."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal
from urllib.parse import parse_qsl

import attrs
import msgspec
from msgspec import UNSET, UnsetType

from argybargy.cli.client.protocol import Json, asked_room, read_answer
from argybargy.cli.errors import CliError
from argybargy.domain.access_codes import (
    AGENT_PREFIX,
    INVITE_PREFIX,
    RANDOM_CHARS,
    SIGN_IN_PREFIX,
    format_code,
)
from argybargy.domain.limits import Limits
from argybargy.domain.notifications import NotificationRules
from argybargy.web.codec.bodies import (
    HistoryBody,
    PostAnswer,
    PostedMessage,
    QuestionBody,
    ReadMessage,
    RoomStatusBody,
    ThreadBody,
    WithdrawnBody,
)
from argybargy.web.codec.notification_bodies import (
    NotificationsBody,
    NotificationTestBody,
)
from argybargy.web.codec.operator_bodies import (
    AuditBody,
    AuditEvent,
    CodeRow,
    NodeRow,
    RoomRow,
    RoomStateBody,
    RosterRowBody,
    StateBody,
    StatsBody,
    UndampBody,
    WaitingRow,
)
from argybargy.web.codec.relay_bodies import ReadyBody
from argybargy.web.codec.search_bodies import SearchBody, SearchResult
from argybargy.web.codec.session_bodies import (
    RevokedSessionBody,
    RevokedSessionsBody,
    SessionRow,
    SessionsBody,
    SignInBody,
)
from support.fake_export import DOWNLOADS, UPLOADED

BASE = "http://127.0.0.1:8765"
CLOSED_AT = "2026-01-02T03:04:05.678+00:00"


def secret(number: int, prefix: str = AGENT_PREFIX) -> str:
    """Return a valid code that is easy to find in output."""
    return format_code(f"SECRET{number}".ljust(RANDOM_CHARS, "x"), prefix)


@attrs.frozen
class FakeCode:
    """Access code of the fake."""

    key_id: str
    name: str
    room: str
    capabilities: str = ""
    expires: str | None = None


@attrs.frozen
class _Refusal(Exception):
    status: int
    detail: Json


def builtins(body: msgspec.Struct) -> Json:
    """Return a struct as decoded JSON, in the shape of the relay's answers."""
    answer: Json = msgspec.to_builtins(body)
    return answer


def spoken(
    seq: int,
    text: str,
    *,
    sender: str = "alice",
    to: str | list[str] = "all",
    expects: str = "none",
    claimed_by: str | None = None,
    reply_to: int | None = None,
    kind: Literal["agent", "operator", "system"] = "agent",
    choices: Sequence[str] = (),
) -> PostedMessage:
    """Return a message with `seq` seconds after midnight as its time."""
    ts = f"2026-01-02T{seq // 3600:02}:{seq // 60 % 60:02}:{seq % 60:02}.000+00:00"
    return PostedMessage(
        *(seq, ts, sender, to, text, expects, claimed_by, reply_to, kind),
        choices=list(choices) or UNSET,
    )


def read(message: PostedMessage) -> ReadMessage:
    """Return a message in the shape of a poll."""
    facts = msgspec.structs.asdict(message)
    return ReadMessage(**facts, expects_reply_resolved=message.expects_reply)


_NOT_NOTIFIED: Final = NotificationsBody(
    [], quiet=False, quiet_hours=None, after_seconds=120.0
)
_NOT_TESTED: Final = NotificationTestBody([])


@attrs.define
class FakeOperator:
    """Operator API with lists as its store.

    Attributes:
        codes: Access codes.
        closed: Closed rooms.
        erases_later: Whether the messages of a deleted room are still being erased.
        said: Messages by room.
        rules: What makes a question urgent.
        online: Names of agents online.
        audited: Actions and details of the audit log.
        page: Maximum number of messages in an answer.
        refusals: Answers to give instead, by path: status and detail.
        sessions: Ids of dashboard sessions.
        invites: Rows of one-use invites.
        public: Address in links to sign in and of guests.
        links: Sign-in links that were created.
        streams: Frames of each stream in turn; an error is raised.
        calls: Requests received: method, path, body.
        is_live: Whether a relay runs.
        notifications: State of the services that notify the operator.
        nodes: The relays on the same store; none if it has one of its own.
        tested: Outcome of a test of them.
        arrivals: What happens in each wait for an answer, in turn: a message is
            posted, the newest question ends so, or the room is closed; nothing
            happens at ``None``.
        pause: Called with the seconds of a wait in which nothing happens.
    """

    codes: list[FakeCode] = attrs.field(factory=list)
    closed: set[str] = attrs.field(factory=set)
    erases_later: bool = False
    said: dict[str, list[PostedMessage]] = attrs.field(factory=dict)
    rules: NotificationRules = attrs.field(factory=NotificationRules)
    online: set[str] = attrs.field(factory=set)
    audited: list[tuple[str, str]] = attrs.field(factory=list)
    page: int = 500
    refusals: dict[str, list[tuple[int, Json] | None]] = attrs.field(factory=dict)
    sessions: list[str] = attrs.field(factory=list)
    damped: list[tuple[str, str]] = attrs.field(factory=list)
    receipts: dict[str, str] = attrs.field(factory=dict)
    invites: list[Json] = attrs.field(factory=list)
    public: str = BASE
    links: list[str] = attrs.field(factory=list)
    streams: list[Sequence[Json | BaseException] | CliError] = attrs.field(factory=list)
    calls: list[tuple[str, str, Json | None]] = attrs.field(factory=list)
    is_live: bool = True
    notifications: NotificationsBody = _NOT_NOTIFIED
    nodes: list[NodeRow] = attrs.field(factory=list)
    tested: NotificationTestBody = _NOT_TESTED
    arrivals: list[PostedMessage | QuestionBody | Literal["close"] | None] = (
        attrs.field(factory=list)
    )
    pause: Callable[[float], None] = attrs.field(default=lambda _seconds: None)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        self.calls.append((method, path, body))
        planned = self.refusals.get(path)
        refusal = planned.pop(0) if planned else None
        if refusal is not None:
            status, detail = refusal
            return self._refuse(status, detail, asked_room(path, body))
        try:
            answer = self._answer(method, path.split("/")[2:] or [""], body or {})
        except _Refusal as refused:
            return self._refuse(refused.status, refused.detail, asked_room(path, body))
        return read_answer(200, json.dumps(answer).encode())

    @staticmethod
    def _refuse(status: int, detail: Json, room: str | None) -> Json:
        return read_answer(status, json.dumps({"detail": detail}).encode(), room)

    @property
    def url(self) -> str:
        return BASE

    @contextmanager
    def stream(
        self, path: str, body: Json, patience: Callable[[], float]
    ) -> Iterator[Iterator[Json]]:
        assert 0 < patience() <= 60
        self.calls.append(("POST", path, body))
        frames = self.streams.pop(0)
        if isinstance(frames, CliError):
            raise frames
        yield self._frames(frames)

    @staticmethod
    def _frames(frames: Sequence[Json | BaseException]) -> Iterator[Json]:
        for frame in frames:
            if isinstance(frame, BaseException):
                raise frame
            yield frame

    @contextmanager
    def download(self, path: str, body: Json) -> Iterator[Iterator[bytes]]:
        self.calls.append(("POST", path, body))
        yield iter(DOWNLOADS[path]())

    def upload(self, path: str, content: bytes) -> Json:
        self.calls.append(("POST", path, {"lines": content.count(b"\n")}))
        return UPLOADED

    def _answer(self, method: str, path: list[str], body: Json) -> Json:
        path[-1], _, query = path[-1].partition("?")
        match method, path:
            case _, ["invite" | "invites", *_] | ["rooms", _, "guests"]:
                return self._open_door(method, path, body)
            case "POST", ["revoke"]:
                return self._revoke(body)
            case "POST", ["rooms", room, "open" | "close" | "reopen" as what]:
                return self._change(room, what)
            case "DELETE", ["rooms", room]:
                return self._delete(room)
        if path == ["audit"]:
            return builtins(self._audit(query))
        return builtins(self._told(method, path, query, body))

    def _told(
        self, method: str, path: list[str], query: str, body: Json
    ) -> msgspec.Struct:
        match method, path:
            case "GET", ["state"]:
                return self._state()
            case "GET", ["stats"]:
                return self._stats()
            case "GET", [""]:
                return ReadyBody("ready", "0", "sqlite", 1, "full", draining=False)
            case "POST", ["say"]:
                return self._say(body)
            case "DELETE", ["rooms", room, "messages", seq, "question"]:
                self._check_room(room)
                return WithdrawnBody(withdrawn=True, seq=int(seq))
        return self._read(method, path, query)

    def _read(self, method: str, path: list[str], query: str) -> msgspec.Struct:
        match method, path:
            case _, ["notifications", *rest]:
                return self.tested if rest else self.notifications
            case "GET", ["search"]:
                return self._search(query)
            case "GET", ["rooms", room, "history"]:
                return self._history(room, query)
            case "GET", ["rooms", room, "messages", seq]:
                return self._thread(room, int(seq), query)
        return self._signed_in(method, path)

    def _signed_in(self, method: str, path: list[str]) -> msgspec.Struct:
        match method, path:
            case "POST", ["sign-in"]:
                return self._sign_in()
            case "GET", ["sessions"]:
                return SessionsBody(self._sessions(), 0)
            case "DELETE", ["rooms", room, "damping"]:
                return self._undamp(room)
            case "DELETE", ["sessions"]:
                gone, self.sessions = len(self.sessions), []
                return RevokedSessionsBody(gone)
            case "DELETE", ["sessions", session_id]:
                return self._revoke_session(session_id)
        raise AssertionError(f"nobody calls {method} {path}")

    def _say(self, body: Json) -> PostAnswer:
        room = body["room"]
        if not body["new"] and room not in self.rooms():
            detail = {"error": "room_not_found", "detail": "There is no such room."}
            raise _Refusal(404, detail)
        is_one = isinstance(body["to"], str) and body["to"] != "all"
        asked = body["to"] if is_one else "none"
        is_reply = body["reply_to"] is not None
        message = spoken(
            self.head(room) + 1,
            body.get("text") or body["choice"],
            sender=body["sender"],
            to=body["to"],
            expects=body["expects_reply"] or ("none" if is_reply else asked),
            reply_to=body["reply_to"],
            kind="operator",
            choices=body.get("choices", []),
        )
        self.said.setdefault(room, []).append(message)
        told: dict[str, str | dict[str, int]] = {"all": {"parked": 1, "away": 2}}
        if body["to"] != "all":
            names = [body["to"]] if isinstance(body["to"], str) else body["to"]
            known = {code.name for code in self.codes if code.room == room}
            told = {each: "parked" if each in known else "unknown" for each in names}
        receipts = {
            name: receipt for name, receipt in self.receipts.items() if name in told
        }
        return PostAnswer(
            ok=True, message=message, delivery=told, receipts=receipts or msgspec.UNSET
        )

    def _undamp(self, room: str) -> UndampBody:
        if room not in self.rooms():
            detail = {"error": "room_not_found", "detail": "There is no such room."}
            raise _Refusal(404, detail)
        lifted, self.damped = self.damped, []
        return UndampBody(room, [list(pair) for pair in lifted])

    def _thread(self, room: str, seq: int, query: str) -> ThreadBody:
        wait = float(query.removeprefix("wait=") or 0)
        if wait:
            arrived = self.arrivals.pop(0) if self.arrivals else None
            if arrived is None:
                self.pause(wait)
            elif arrived == "close":
                self.closed.add(room)
            elif isinstance(arrived, QuestionBody):
                ended = self.said[room].pop()
                arrived = msgspec.structs.replace(ended, question=arrived)
                self.said[room].append(arrived)
            else:
                self.said[room].append(arrived)
        said = self.said.get(room, [])
        if seq not in {each.seq for each in said}:
            detail = {"error": "not_found", "detail": "There is no such message."}
            raise _Refusal(404, detail)
        message = next(each for each in said if each.seq == seq)
        replies = [each for each in said if each.reply_to == seq]
        question, answer = self._question(message, replies)
        message = msgspec.structs.replace(message, question=question)
        asking = [each for each in replies if each.expects_reply != "none"]
        is_asked = bool(wait and asking and answer is None)
        return ThreadBody(
            message=read(message),
            replies=[read(each) for each in replies],
            read_by=[],
            answer=UNSET if answer is None else read(answer),
            asked_back=read(asking[-1]) if is_asked else UNSET,
            room_closed=room in self.closed or UNSET,
        )

    @staticmethod
    def _question(
        message: PostedMessage, replies: Sequence[PostedMessage]
    ) -> tuple[QuestionBody | UnsetType, PostedMessage | None]:
        """Return the state of a question and its answer: the first reply."""
        if message.question is not UNSET or message.expects_reply == "none":
            return message.question, None
        for reply in replies:
            if reply.expects_reply == "none":  # else it asks back
                return QuestionBody("answered", reply.from_, reply.seq), reply
        if message.claimed_by:
            return QuestionBody("claimed", message.claimed_by), None
        return QuestionBody("open"), None

    def head(self, room: str) -> int:
        """Return the number of the latest message of a room."""
        said = self.said.get(room)
        return said[-1].seq if said else 0

    def _change(self, room: str, what: str) -> Json:
        if what != "open" and room not in self.rooms():
            detail = {"error": "room_not_found", "detail": "There is no such room."}
            raise _Refusal(404, detail)
        if what == "close":
            self.closed.add(room)
        elif what == "reopen":
            self.closed.discard(room)
        else:
            self.said.setdefault(room, [])
        return {"ok": True, "room": builtins(self._room(room))}

    def _delete(self, room: str) -> Json:
        messages, codes = self.said.pop(room, []), self.codes
        self.codes = [code for code in codes if code.room != room]
        self.closed.discard(room)
        return {
            "ok": True,
            "room": room,
            "messages": len(messages),
            "codes": len(codes) - len(self.codes),
            "erased": not self.erases_later,
        }

    def rooms(self) -> list[str]:
        """Return the names of all rooms."""
        return sorted({code.room for code in self.codes} | self.closed | set(self.said))

    def _check_room(self, room: str) -> None:
        if room not in self.rooms():
            detail = {"error": "room_not_found", "detail": "There is no such room."}
            raise _Refusal(404, detail)

    def _history(self, room: str, query: str) -> HistoryBody:
        self._check_room(room)
        asked = dict(part.split("=") for part in query.split("&"))
        before, limit = int(asked.get("before", 2**53)), int(asked["limit"])
        limit = min(limit, self.page)
        said = self.said.get(room, [])
        found = [each for each in said if each.seq < before]
        return HistoryBody(
            room=room,
            messages=[read(each) for each in found[-limit:]],
            room_status=self._room(room),
            first_seq=said[0].seq if said else 1,
            more=len(found) > limit,
        )

    def _search(self, query: str) -> SearchBody:
        """Return messages that contain the query, in the order of the rooms."""
        asked = dict(parse_qsl(query))
        limit = min(int(asked["limit"]), self.page)
        skipped = int(asked.get("before", 0))
        found = [
            SearchResult(room, read(each), each.text, [[0, len(asked["q"])]])
            for room, said in self.said.items()
            for each in reversed(said)
            if asked["q"].lower() in each.text.lower()
            and asked.get("room", room) == room
        ]
        end = skipped + limit
        is_more = len(found) > end
        return SearchBody(found[skipped:end], is_more, end if is_more else None)

    def _room(self, name: str) -> RoomStatusBody:
        is_closed = name in self.closed
        return RoomStatusBody(
            name=name,
            status="closed" if is_closed else "open",
            closed_at=CLOSED_AT if is_closed else None,
            closed_by="operator" if is_closed else None,
        )

    def _audit(self, query: str) -> AuditBody:
        """Return rows of the log, newest last; the first one has id 1."""
        asked = {name: int(value) for name, value in parse_qsl(query)}
        rows = [
            AuditEvent(number, CLOSED_AT, action, "operator", "build", detail)
            for number, (action, detail) in enumerate(self.audited, 1)
        ]
        older = [row for row in rows if row.id < asked.get("before", len(rows) + 1)]
        return AuditBody(older[-asked["limit"] :])

    def _stats(self) -> StatsBody:
        return StatsBody(
            version="0",
            uptime_seconds=7_300,
            online_peers=len(self.online),
            codes=len(self.codes),
            messages=sum(map(len, self.said.values())),
            rooms=len(self.rooms()),
            live_rooms=1,
            parked_polls=2,
        )

    def _roster(self, room: str) -> list[RosterRowBody]:
        codes = {code.name: code for code in self.codes if code.room == room}
        spoke = {each.from_ for each in self.said.get(room, [])} - {"operator"}
        return [
            RosterRowBody(
                name=name,
                online=name in self.online,
                seconds_since_seen=3.0 if name in self.online else None,
                last_message_seconds=75.0 if name in spoke else None,
                capabilities=codes[name].capabilities if name in codes else "",
                sources=["code"] if name in codes else ["messages"],
                state="standing_by" if name in self.online else None,
            )
            for name in sorted(set(codes) | spoke)
        ]

    def _state(self) -> StateBody:
        return StateBody(
            version="0",
            public_url=BASE,
            hash_codes=True,
            peers={},
            roster={room: self._roster(room) for room in self.rooms()},
            codes=[
                CodeRow(
                    "argy_a1_…", each.key_id, each.name, each.room, each.capabilities,
                    CLOSED_AT, each.expires, "", "",
                )
                for each in self.codes
            ],
            room=None,
            rooms=[
                RoomRow(
                    room, len(said), said[-1].seq, said[-1].ts, 42.0,
                    self._room(room).status, None, None,
                )
                for room, said in self.said.items() if said
            ],
            room_status={
                name: RoomStateBody(**msgspec.structs.asdict(self._room(name)))
                for name in self.rooms()
            },
            waiting=[
                WaitingRow(
                    **msgspec.structs.asdict(read(each)),
                    room=room,
                    waiting_seconds=float(100 * each.seq),
                    asks_you=each.expects_reply.lower() == "operator"
                    or (each.expects_reply == "anyone" and not each.claimed_by),
                    urgent=self.rules.is_urgent(each.text),
                )
                for room, said in self.said.items() if room not in self.closed
                for each in said if each.expects_reply != "none"
            ],
            max_idle_seconds=1_800,
            messages=[],
            notifications=self.notifications,
            nodes=self.nodes or UNSET,
            limits=attrs.asdict(Limits()) | {"of_a_later_version": 1},
        )  # fmt: skip

    def offer_link(self) -> str:
        code = secret(len(self.links), SIGN_IN_PREFIX)
        self.links.append(f"{self.public}/dashboard#code={code}")
        return self.links[-1]

    def _sign_in(self) -> SignInBody:
        url = self.offer_link()
        return SignInBody(url.partition("=")[2], url, CLOSED_AT)

    def _sessions(self) -> list[SessionRow]:
        return [
            SessionRow(
                id=session_id,
                address="192.0.2.7",
                device="Firefox on Linux",
                created=CLOSED_AT,
                expires=CLOSED_AT,
                seconds_since_used=61.2,
                streams=place,
                current=False,
            )
            for place, session_id in enumerate(self.sessions)
        ]

    def _revoke_session(self, session_id: str) -> RevokedSessionBody:
        if session_id not in self.sessions:
            detail = {"error": "session_not_found", "detail": "There is no such one."}
            raise _Refusal(404, detail)
        self.sessions.remove(session_id)
        return RevokedSessionBody(session_id)

    def _invite(self, body: Json) -> Json:
        number = len(self.calls)
        rooms = body.get("rooms") or [body["room"]]
        code = FakeCode(
            f"{number:012x}", body["name"], rooms[0], body["capabilities"] or ""
        )
        self.codes.append(code)
        return {
            **attrs.asdict(code),
            **({"rooms": rooms} if len(rooms) > 1 else {}),
            "code": secret(number),
            "url": BASE,
            "instruction": "as the relay says it",
        }

    def _open_door(self, method: str, path: list[str], body: Json) -> Json:
        match method, path:
            case "POST", ["invite"]:
                return self._invite(body)
            case "POST", ["invites"]:
                return self._invite_once(body)
            case "GET", ["invites"]:
                return {"invites": self.invites}
            case "DELETE", ["invites", invite_id]:
                return {"revoked": invite_id}
        return self._let_in(path[1], body)

    def _invite_once(self, body: Json) -> Json:
        invite, name = secret(len(self.calls), INVITE_PREFIX), body["name"]
        invite_id = f"{len(self.calls):012x}"
        row = {
            "id": invite_id,
            "room": body["room"],
            "name": name,
            "state": "open",
            "expires_at": CLOSED_AT,
            "code_key_id": None,
        }
        self.invites.append(row)
        link = f"{BASE}/join#{invite}"
        return {**row, "invite": invite, "link": link, "instruction": "as it says"}

    def _let_in(self, room: str, body: Json) -> Json:
        code = secret(len(self.calls))
        return {
            "link": f"{self.public}/guest#code={code}",
            "code": code,
            "key_id": f"{len(self.calls):012x}",
            "room": room,
            "name": body["name"] or "guest-a1b2c3",
            "expires_at": CLOSED_AT,
            "role": "person" if body["speaks"] else "reader",
        }

    def _revoke(self, body: Json) -> Json:
        target = body["target"]
        gone = [code for code in self.codes if target in {code.key_id, code.name}]
        self.codes = [code for code in self.codes if code not in gone]
        rows = [
            {"key_id": code.key_id, "name": code.name, "room": code.room}
            for code in gone
        ]
        return {"revoked": len(rows), "codes": rows}

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.calls]
