"""In-memory store, for ``--ephemeral`` and for tests.

The contract suite holds it to the behaviour of the SQLite store. Each method passes one
checkpoint first and then runs without awaiting: a cancelled call has changed nothing,
and every read is one snapshot. Only `search` awaits between texts, because it scans all
of them; it reads the messages present at its start.
"""

import contextlib
import heapq
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import islice
from typing import Final

import attrs
import trio
from typing_extensions import override

from argybargy.domain.access_codes import CodeRecord, Peer
from argybargy.domain.invites import InviteRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.notifications import EventKey, Notice
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit, ClearRoom, Write
from argybargy.domain.search.query import Findings, Found, Query, Scope
from argybargy.domain.search.snippet import SNIPPET_CHARS, snippet
from argybargy.domain.seat import SharedSeat
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.store.errors import Conflict, Corrupt, Refused, RoomQuotaFull, Yield
from argybargy.store.memory.audit import StoredAudit
from argybargy.store.memory.commit_log import CommitLog
from argybargy.store.memory.nodes import SharedNodes
from argybargy.store.memory.room import StoredRoom
from argybargy.store.protocol import (
    AuditRow,
    DatabaseSnapshot,
    DirectoryHint,
    Hint,
    Meeting,
    RoomHint,
    Store,
    StoredOverview,
    StoreInfo,
    WriterStatistics,
)
from argybargy.system.values import define

DEFAULT_LIMITS: Final = Limits()
SEARCH_SECONDS: Final = 4.0
STEP_CHARS: Final = 8_000
"""Characters a search scans between two checkpoints: about one longest text."""
_MESSAGE_CHARS: Final = 50
"""Cost of a skipped message, in characters scanned."""
_RETRY_SECONDS: Final = 1


@define(eq=False)
class MemoryStore(Store):
    """Rooms, codes and audit in memory. See `argybargy.store.protocol`.

    Several relays may share one: a commit on an outdated version raises `Conflict`.

    Mutable state: every field but the first two.

    Attributes:
        is_shared: Whether to keep commits for other nodes, and tell them.
    """

    _limits: Limits
    is_shared: bool = False
    _rooms: dict[RoomKey, StoredRoom] = attrs.field(factory=dict, repr=False)
    _codes: dict[bytes, CodeRecord] = attrs.field(factory=dict, repr=False)
    _revoked: set[bytes] = attrs.field(factory=set, repr=False)
    _invites: dict[bytes, InviteRecord] = attrs.field(factory=dict, repr=False)
    _sessions: dict[bytes, SessionRecord] = attrs.field(factory=dict, repr=False)
    _notices: dict[EventKey, Notice] = attrs.field(factory=dict, repr=False)
    _cursors: dict[tuple[RoomKey, PeerKey], int] = attrs.field(factory=dict, repr=False)
    _audit: StoredAudit = attrs.field(factory=StoredAudit, repr=False)
    _hooks: dict[Peer, WakeHook] = attrs.field(factory=dict, repr=False)
    _logs: dict[RoomKey, CommitLog] = attrs.field(factory=dict, repr=False)
    _listeners: list[Callable[[Hint], None]] = attrs.field(factory=list, repr=False)
    _nodes: SharedNodes = attrs.field(factory=SharedNodes, repr=False)
    _settings: dict[str, bytes] = attrs.field(factory=dict, repr=False)
    _directory_version: int = 0
    _messages_ever: int = 0

    @property
    @override
    def info(self) -> StoreInfo:
        return StoreInfo(
            engine="memory", schema=1, durability="none", is_shared=self.is_shared
        )

    @override
    def statistics(self) -> WriterStatistics:
        return WriterStatistics()

    @override
    async def wait_lost(self) -> Corrupt:
        await trio.sleep_forever()

    @override
    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        await trio.lowlevel.checkpoint()
        stored = self._rooms.get(room_key(room))
        return None if stored is None else stored.saved(tail_messages)

    @override
    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        await trio.lowlevel.checkpoint()
        key = room_key(room.name)
        stored = self._rooms.get(key)
        log = self._logs.setdefault(key, CommitLog()) if self.is_shared else None
        if expected_version != (0 if stored is None else stored.version):
            raise self._conflict(room.name, stored, log, expected_version, nonce)
        if log is not None and writes and not log.may_commit(nonce):
            raise Yield(f"it is another node's turn in the room {room.name}")
        if most_rooms and self._count_spoken(besides=key) >= most_rooms:
            raise RoomQuotaFull(f"{most_rooms} other rooms have messages")
        if stored is None:
            stored = StoredRoom(room.status, created_ms=room.created_ms)
            self._rooms[key] = stored
        self._messages_ever += stored.apply(room, writes, self._messages_ever)
        stored.nonce = nonce
        if any(isinstance(write, ClearRoom) for write in writes):
            self._clear_access(key)
            self._directory_version += 1  # the hint of the commit tells
        self._audit.add([write for write in writes if isinstance(write, Audit)])
        if log is not None:
            commit = Commit.of(room, stored.version, nonce, writes)
            log.add(attrs.evolve(commit, status=stored.status))
            self._tell(RoomHint(stored.status.name, stored.version, log.newest))

    def _count_spoken(self, besides: RoomKey) -> int:
        """Count the rooms with messages, besides one."""
        return sum(
            key != besides and not stored.is_deleted and stored.head >= stored.first
            for key, stored in self._rooms.items()
        )

    def _tell(self, hint: Hint) -> None:
        """Tell all nodes, if there may be several."""
        if self.is_shared:
            for heard in list(self._listeners):
                heard(hint)

    def _note_directory(self) -> None:
        """Count a change of the directory, and tell all nodes."""
        if self.is_shared:
            self._directory_version += 1
            self._tell(DirectoryHint())

    @staticmethod
    def _conflict(
        name: str, stored: StoredRoom | None, log: CommitLog | None, at: int, nonce: str
    ) -> Conflict:
        """Return the conflict of a commit at version `at`, and note a turn for it."""
        reason = f"somebody else has committed to the room {name}"
        if log is not None:
            log.give_turn(nonce)
            commits = log.after(at) or ()
            return Conflict(reason, commits, commits[0].nonce if commits else "")
        is_next = stored is not None and stored.version == at + 1
        return Conflict(reason, (), stored.nonce if stored and is_next else "")

    @override
    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        await trio.lowlevel.checkpoint()
        if self._stored_room(room).version == after:
            return ()
        log = self._logs.get(room_key(room))
        return None if log is None else log.after(after)

    @override
    async def confirm(self, versions: Mapping[str, int]) -> frozenset[str]:
        await trio.lowlevel.checkpoint()
        return frozenset(
            name
            for name, version in versions.items()
            if self._stored_room(name).version != version
        )

    @override
    @contextlib.asynccontextmanager
    async def watch(self, heard: Callable[[Hint], None]) -> AsyncIterator[None]:
        await trio.lowlevel.checkpoint()
        self._listeners.append(heard)
        try:
            yield
        finally:
            self._listeners.remove(heard)

    @override
    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        await trio.lowlevel.checkpoint()
        stored, builder = self._stored_room(room), PageBuilder(limit, max_bytes)
        cursor = max(after, stored.head)
        for message in stored.kept(after):
            if message.is_for(reader) and not builder.take(message):
                cursor = max(after, message.seq - 1)
                break
        return Page(tuple(builder.messages), cursor, stored.head, stored.first)

    @override
    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        await trio.lowlevel.checkpoint()
        stored, builder = self._stored_room(room), PageBuilder(limit, max_bytes)
        visible = [
            message
            for message in stored.kept()
            if message.seq < before
            and (reader is None or message.is_visible_to(reader))
        ]
        has_more = not all(map(builder.take, reversed(visible)))
        return HistoryPage(builder.newest_last, stored.first, has_more)

    @override
    async def message(self, room: str, seq: int) -> Message | None:
        await trio.lowlevel.checkpoint()
        return self._stored_room(room).message(seq)

    @override
    async def replies(
        self, room: str, reader: PeerKey | None, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        await trio.lowlevel.checkpoint()
        replies = (
            message
            for message in self._stored_room(room).kept()
            if message.reply_to == seq
            and (reader is None or message.is_visible_to(reader))
        )
        return PageBuilder(limit, max_bytes).fill(replies)

    @override
    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        await trio.lowlevel.checkpoint()
        rooms = self._rooms.values() if room is None else [self._stored_room(room)]
        rows = [
            (stored.order[message.seq], stored.status.name, message)
            for stored in rooms
            for message in stored.kept()
        ]
        rows.sort(key=lambda row: row[0])
        newest = rows[max(0, len(rows) - limit) :]
        return tuple((name, message) for _, name, message in newest)

    @override
    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(SEARCH_SECONDS):
            return await self._search(
                query, scope, before, PageBuilder(limit, max_bytes)
            )
        raise Refused(f"searching took over {SEARCH_SECONDS:.0f} s", _RETRY_SECONDS)

    async def _search(
        self, query: Query, scope: Scope, before: int, builder: PageBuilder
    ) -> Findings:
        found: list[Found] = []
        scanned_chars = 0
        for stored, place, message in self._newest_first(scope):
            if scanned_chars >= STEP_CHARS:
                await trio.lowlevel.checkpoint()
                scanned_chars = 0
            scanned_chars += _MESSAGE_CHARS
            if place < before and stored.may_find(message, query, scope.reader):
                scanned_chars += len(message.text)
                if query.fits(message):
                    if not builder.take(message):
                        return Findings(tuple(found), has_more=True)
                    scanned_chars += SNIPPET_CHARS
                    shown = snippet(message.search_text, query.terms)
                    found.append(Found(stored.status.name, message, place, shown))
        return Findings(tuple(found))

    @override
    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        await trio.lowlevel.checkpoint()
        return sum(
            message.is_for(reader) for message in self._stored_room(room).kept(after)
        )

    @override
    async def has_messages_of(self, room: str, peer: PeerKey) -> bool:
        await trio.lowlevel.checkpoint()
        return any(
            peer == message.agent_key
            or (not message.is_broadcast and peer in message.addressee_keys)
            for message in self._stored_room(room).kept()
        )

    @override
    async def overview(self) -> StoredOverview:
        await trio.lowlevel.checkpoint()
        rooms = self._rooms
        return StoredOverview(
            rooms=tuple(
                stored.summary() for stored in rooms.values() if not stored.is_deleted
            ),
            members={
                name: tuple(stored.members.values())
                for name, stored in rooms.items()
                if not stored.is_deleted
            },
            questions=tuple(
                (stored.status.name, stored.messages[seq])
                for stored in rooms.values()
                for seq in sorted(stored.questions)
            ),
        )

    @override
    async def codes(self) -> tuple[CodeRecord, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(self._codes.values())

    @override
    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(islice(self._revoked, limit))

    @override
    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        self._codes.update({code.digest: code for code in codes})
        self._audit.add(audits)
        self._note_directory()

    @override
    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        for code in codes:
            self._codes.pop(code.digest, None)
            self._revoked.add(code.digest)
        holders = self._code_holders()
        self._cursors = {
            peer: seq for peer, seq in self._cursors.items() if peer in holders
        }
        self._hooks = {
            peer: hook
            for peer, hook in self._hooks.items()
            if (peer.room, peer.name) in holders
        }
        self._audit.add(audits)
        self._note_directory()

    @override
    async def update_codes(self, codes: Sequence[CodeRecord]) -> None:
        await trio.lowlevel.checkpoint()
        known = [code for code in codes if code.digest in self._codes]
        self._codes.update({code.digest: code for code in known})
        self._note_directory()

    @override
    async def invites(self) -> tuple[InviteRecord, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(self._invites.values())

    @override
    async def save_invites(
        self, invites: Sequence[InviteRecord], audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        self._invites.update({invite.digest: invite for invite in invites})
        self._audit.add(audits)
        self._note_directory()

    @override
    async def redeem_invite(
        self, invite: InviteRecord, code: CodeRecord, audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        stored = self._invites.get(invite.digest)
        if stored is None or stored.end is not None:
            raise Conflict("this invite has ended already")
        self._invites[invite.digest] = invite
        self._codes[code.digest] = code
        self._audit.add(audits)
        self._note_directory()

    @override
    async def delete_invites(self, invites: Sequence[InviteRecord]) -> None:
        await trio.lowlevel.checkpoint()
        for invite in invites:
            self._invites.pop(invite.digest, None)
        self._note_directory()

    @override
    async def sessions(self) -> tuple[SessionRecord, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(self._sessions.values())

    @override
    async def open_session(
        self,
        session: SessionRecord,
        ended: Sequence[SessionRecord],
        audits: Sequence[Audit],
    ) -> None:
        await trio.lowlevel.checkpoint()
        for each in ended:
            self._sessions.pop(each.digest, None)
        self._sessions[session.digest] = session
        self._audit.add(audits)
        self._note_directory()

    @override
    async def end_sessions(
        self, sessions: Sequence[SessionRecord], audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        for session in sessions:
            self._sessions.pop(session.digest, None)
        self._audit.add(audits)
        self._note_directory()

    @override
    async def update_sessions(self, sessions: Sequence[SessionRecord]) -> None:
        await trio.lowlevel.checkpoint()
        known = [each for each in sessions if each.digest in self._sessions]
        self._sessions.update({each.digest: each for each in known})

    @override
    async def notices(self) -> tuple[Notice, ...]:
        await trio.lowlevel.checkpoint()
        found = self._notices.values()
        return tuple(sorted(found, key=lambda each: (each.at_ms, each.id)))

    @override
    async def save_notices(
        self, notices: Sequence[Notice], deleted: Sequence[str]
    ) -> None:
        await trio.lowlevel.checkpoint()
        replaced = {*deleted, *(each.id for each in notices)}
        for key, each in list(self._notices.items()):
            if each.id in replaced:
                del self._notices[key]
        self._notices.update({each.key: each for each in notices})
        self._note_directory()

    @override
    async def wake_hooks(self) -> tuple[WakeHook, ...]:
        await trio.lowlevel.checkpoint()
        peers = sorted(self._hooks, key=lambda peer: (peer.room, peer.name))
        return tuple(map(self._hooks.__getitem__, peers))

    @override
    async def set_wake_hook(self, hook: WakeHook) -> None:
        await trio.lowlevel.checkpoint()
        if (hook.peer.room, hook.peer.name) in self._code_holders():
            self._hooks[hook.peer] = hook
        self._note_directory()

    @override
    async def remove_wake_hook(self, room: str, name: str) -> None:
        await trio.lowlevel.checkpoint()
        self._hooks.pop(Peer(room_key(room), peer_key(name)), None)
        self._note_directory()

    @override
    async def directory_version(self) -> int:
        await trio.lowlevel.checkpoint()
        return self._directory_version

    @override
    async def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        await trio.lowlevel.checkpoint()
        return self._nodes.share(node, seats, rooms) if self.is_shared else ()

    @override
    async def meet(self, node: NodeRecord) -> Meeting:
        await trio.lowlevel.checkpoint()
        return Meeting(self._nodes.meet(node) if self.is_shared else ())

    @override
    async def lead(self, node: str, duty: str) -> bool:
        await trio.lowlevel.checkpoint()
        return self._nodes.lead(node, duty) if self.is_shared else True

    @override
    async def leave(self, node: str) -> None:
        await trio.lowlevel.checkpoint()
        self._nodes.leave(node)

    @override
    async def setting(self, name: str) -> bytes | None:
        await trio.lowlevel.checkpoint()
        return self._settings.get(name)

    @override
    async def set_setting(
        self, name: str, value: bytes, expected: bytes | None
    ) -> bool:
        await trio.lowlevel.checkpoint()
        if self._settings.get(name) != expected:
            return False
        self._settings[name] = value
        self._note_directory()
        return True

    @override
    async def cursors(self, room: str) -> Mapping[str, int]:
        await trio.lowlevel.checkpoint()
        wanted = room_key(room)
        return {
            peer: seq for (key, peer), seq in self._cursors.items() if key == wanted
        }

    @override
    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        await trio.lowlevel.checkpoint()
        holders = self._code_holders()
        for (room, peer), seq in cursors.items():
            key = room_key(room), peer_key(peer)
            # An older cursor of a node that flushes late must not win. On the only node
            # of a store a cursor may go back: after a backup was restored.
            if key in holders and not (
                self.is_shared and seq < self._cursors.get(key, 0)
            ):
                self._cursors[key] = seq
        self._audit.add(audits)
        self._audit.cut(self._limits.audit_rows)

    @override
    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        await trio.lowlevel.checkpoint()
        revoked = {tally for tally in codes if codes[tally].digest in self._revoked}
        new = [
            audit
            for audit in audits
            if not self._audit.has(audit.tally) and audit.tally not in revoked
        ]
        tallies = frozenset(audit.tally for audit in new)
        self._audit.add(new)
        self._codes.update(
            {code.digest: code for tally, code in codes.items() if tally in tallies}
        )
        self._note_directory()
        return tallies

    @override
    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        await trio.lowlevel.checkpoint()
        return frozenset(tally for tally in wanted if self._audit.has(tally))

    @override
    async def snapshot(self) -> DatabaseSnapshot:
        await trio.lowlevel.checkpoint()
        raise Refused("a store in memory cannot be backed up")

    @override
    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(self._audit.newest(limit, before))

    @override
    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()

    @override
    async def clear_deleted(self) -> None:
        await trio.lowlevel.checkpoint()  # a commit has deleted everything

    @override
    async def sweep(self) -> None:
        await trio.lowlevel.checkpoint()
        for stored in self._rooms.values():
            stored.sweep(self._limits)
        self._audit.cut(self._limits.audit_rows)

    def _newest_first(self, scope: Scope) -> Iterator[tuple[StoredRoom, int, Message]]:
        """Yield the present messages of a scope, each with its `Found.place`."""
        if scope.room is not None:
            stored = self._stored_room(scope.room)
            return ((stored, each.seq, each) for each in stored.newest_first())
        rooms = (_in_order(stored) for stored in self._rooms.values())
        return heapq.merge(*rooms, key=lambda row: -row[1])

    def _stored_room(self, room: str) -> StoredRoom:
        """Return a room, or an empty one if it does not exist."""
        return self._rooms.get(room_key(room)) or StoredRoom.empty(room)

    def _clear_access(self, room: RoomKey) -> None:
        """Revoke the codes of a deleted room, and delete the rest of its access."""
        gone = [
            digest for digest, code in self._codes.items() if code.peer.room == room
        ]
        self._revoked.update(gone)
        for digest in gone:
            del self._codes[digest]
        kept = {key: seq for key, seq in self._cursors.items() if key[0] != room}
        self._cursors = kept
        self._hooks = {
            peer: hook for peer, hook in self._hooks.items() if peer.room != room
        }
        self._notices = {
            key: each for key, each in self._notices.items() if key.room != room
        }
        self._invites = {
            digest: invite
            for digest, invite in self._invites.items()
            if room_key(invite.room) != room
        }

    def _code_holders(self) -> set[tuple[RoomKey, PeerKey]]:
        return {
            (room_key(code.room), peer_key(code.name)) for code in self._codes.values()
        }


def _in_order(stored: StoredRoom) -> Iterator[tuple[StoredRoom, int, Message]]:
    """Yield a room's messages, each with its position among those of all rooms."""
    for message in stored.newest_first():
        place = stored.order.get(message.seq)
        if place is not None:  # None: swept while the search was at a checkpoint
            yield stored, place, message


@contextlib.asynccontextmanager
async def open_memory_store(
    limits: Limits = DEFAULT_LIMITS, *, is_shared: bool = False
) -> AsyncIterator[MemoryStore]:
    """Open an empty store; its content is lost when the block ends.

    Args:
        limits: Retention of audit rows and receipts.
        is_shared: Whether several relays use it, as they would a server.
    """
    await trio.lowlevel.checkpoint()
    yield MemoryStore(limits, is_shared)
