"""Reference model of the rules of a room, with plain lists and dicts.

It forgets nothing and shares nothing with the code it checks, limits, commands
and error codes apart. Names in it are lower case, so it needs no folding.
"""

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.room.commands import Post

Refusal = tuple[str, str | None]
"""The code of an error, and its reason where it has one."""


class RefusedError(Exception):
    """The error that the model expects."""

    def __init__(self, code: str, reason: str | None = None) -> None:
        super().__init__(code)
        self.refusal: Refusal = (code, reason)


@attrs.define
class Said:
    """A message of the model."""

    seq: int
    at_ms: int
    sender: str
    by: str
    to: tuple[str, ...]
    text: str
    expects: str
    reply_to: int | None
    claimed_by: str | None = None
    fence: int = 0
    is_claim_final: bool = False


@attrs.define
class Held:
    """A lease of the model."""

    holder: str
    fence: int
    seconds: int
    until: float


@attrs.define
class Model:
    """A room of the model."""

    limits: Limits
    wall_ms: int
    steady: float
    said: list[Said] = attrs.field(factory=list)
    held: dict[int, Held] = attrs.field(factory=dict)
    waiting: dict[int, tuple[str, str]] = attrs.field(factory=dict)
    keys: dict[tuple[str, str], tuple[object, Said, int]] = attrs.field(factory=dict)
    posted_at: dict[str, list[float]] = attrs.field(factory=dict)
    members: set[str] = attrs.field(factory=set)
    fence: int = 0
    exists: bool = False
    is_closed: bool = False

    @property
    def first(self) -> int:
        return max(1, len(self.said) - self.limits.messages_per_room + 1)

    def find(self, seq: int) -> Said | None:
        return self.said[seq - 1] if self.first <= seq <= len(self.said) else None

    # -- time ------------------------------------------------------------------

    def lapse(self) -> None:
        for seq in sorted(self.held):
            held = self.held.get(seq)
            if held is None or held.until > self.steady:
                continue
            self.free(seq)

    def find_kept(self, seq: int) -> Said:
        found = self.find(seq)
        assert found is not None
        return found

    def free(self, seq: int) -> None:
        question = self.find_kept(seq)
        self.unclaim(seq)
        self.add("system", "system", question.to, "", "none", seq)

    def unclaim(self, seq: int) -> None:
        question = self.find_kept(seq)
        question.claimed_by, question.fence = None, 0
        del self.held[seq]

    def add(
        self,
        sender: str,
        by: str,
        to: tuple[str, ...],
        text: str,
        expects: str,
        reply_to: int | None,
    ) -> Said:
        last_ms = self.said[-1].at_ms if self.said else 0
        at_ms = max(last_ms, self.wall_ms)
        seq = len(self.said) + 1
        new = Said(seq, at_ms, sender, by, to, text, expects, reply_to)
        self.said.append(new)
        for gone in (self.held, self.waiting):
            for old in [old for old in gone if old < self.first]:
                del gone[old]
        self.exists = True
        return new

    def restart(self) -> None:
        self.posted_at = {}
        for held in self.held.values():
            held.until = self.steady + held.seconds

    # -- posting ---------------------------------------------------------------

    def post(self, post: Post) -> Said:  # noqa: C901  one rule after the other
        sender, by, to, text = post.sender, post.kind.value, post.to, post.text
        expects, reply_to, key = post.expects, post.reply_to, post.idempotency_key
        body = (to, text, expects, reply_to)
        earlier = self.earlier(sender, key, body)
        if earlier is not None:
            return earlier
        if self.is_closed and by == "agent":
            raise RefusedError("room_closed")
        times = self.window(sender)
        if by == "agent" and len(times) >= self.limits.posts_per_window:
            raise RefusedError("rate_limited")
        asked = self.answered(sender, by, reply_to)
        default = to[0] if len(to) == 1 and to != ("all",) else "none"
        new = self.add(sender, by, to, text, expects or default, reply_to)
        self.members.add(sender)
        if by == "agent":
            self.posted_at[sender] = [*times, self.steady]
        names = {sender} if by == "agent" else {sender, "operator"}
        answerable = {}
        for seq, (asker, whom) in self.waiting.items():
            can_see = by == "operator" or self.sees(sender, self.find_kept(seq))
            is_asked = whom in names or (whom == "anyone" and can_see)
            if asker not in names and is_asked:
                answerable[seq] = asker
        for seq, asker in answerable.items():
            is_heard = reply_to is None and self.sees(asker, new)
            if seq == reply_to or is_heard:
                del self.waiting[seq]
        if asked is not None and asked.seq >= self.first:
            self.settle(asked, sender)
        if by == "agent":
            self.refresh(sender)
            if new.expects not in ("none", sender):
                self.wait(new)
        if key is not None:
            self.keep(sender, key, body, new)
        return new

    def wait(self, question: Said) -> None:
        mine = [seq for seq, (who, _) in self.waiting.items() if who == question.sender]
        if len(mine) == self.limits.open_questions_per_peer:
            del self.waiting[min(mine)]
        self.waiting[question.seq] = (question.sender, question.expects)

    def earlier(self, sender: str, key: str | None, body: object) -> Said | None:
        known = self.keys.get((sender, key)) if key is not None else None
        if known is None or known[2] < self.oldest_key_ms:
            return None
        if known[0] != body:
            raise RefusedError("idempotency_conflict")
        return known[1]

    @property
    def oldest_key_ms(self) -> int:
        return self.wall_ms - self.limits.idempotency_seconds * 1000

    def keep(self, sender: str, key: str, body: object, new: Said) -> None:
        self.keys.pop((sender, key), None)
        self.keys[sender, key] = (body, new, new.at_ms)
        self.keys = {
            each: kept
            for each, kept in self.keys.items()
            if kept[2] >= self.oldest_key_ms
        }
        while len(self.keys) > self.limits.idempotency_keys_per_room:
            del self.keys[next(iter(self.keys))]

    def window(self, sender: str) -> list[float]:
        start = self.steady - self.limits.window_seconds
        return [at for at in self.posted_at.get(sender, []) if at > start]

    def answered(self, sender: str, by: str, reply_to: int | None) -> Said | None:
        """Return the question whose claim the reply makes permanent, or raise."""
        if reply_to is None:
            return None
        question = self.find(reply_to)
        if question is None or not (by == "operator" or self.sees(sender, question)):
            raise RefusedError("invalid_request")
        names = {sender} if by == "agent" else {sender, "operator"}
        is_asked = question.expects == "anyone" or question.expects in names
        if question.is_claim_final or not is_asked or question.sender in names:
            return None
        held = self.held.get(reply_to)
        if held and by == "agent" and held.holder != sender:
            raise RefusedError("claimed_by_other")
        return question

    def sees(self, peer: str, what: Said) -> bool:
        return what.to == ("all",) or peer in what.to or peer == what.sender

    def settle(self, question: Said, sender: str) -> None:
        held = self.held.pop(question.seq, None)
        if held is None or held.holder != sender:
            self.fence += 1
            question.fence = self.fence
        question.claimed_by, question.is_claim_final = sender, True

    def refresh(self, peer: str) -> None:
        for held in self.held.values():
            if held.holder == peer:
                held.until = self.steady + held.seconds

    # -- claims ----------------------------------------------------------------

    def claim(self, peer: str, seq: int, seconds: int | None) -> int:
        """Return the fence."""
        question = self.visible(peer, seq)
        if question.sender == peer:
            raise RefusedError("not_claimable", "own_question")
        if question.expects not in ("anyone", peer):
            raise RefusedError("not_claimable", "not_a_question")
        if question.claimed_by == peer and question.is_claim_final:
            return question.fence
        if question.is_claim_final:
            raise RefusedError("not_claimable", "answered")
        held = self.held.get(seq)
        if held is not None and held.holder != peer:
            raise RefusedError("claimed_by_other")
        if held is not None:
            held.seconds = seconds or held.seconds
            held.until = self.steady + held.seconds
            return held.fence
        if self.is_closed:
            raise RefusedError("not_claimable", "room_closed")
        self.fence += 1
        seconds = seconds or self.limits.lease_seconds
        self.held[seq] = Held(peer, self.fence, seconds, self.steady + seconds)
        question.claimed_by, question.fence = peer, self.fence
        return self.fence

    def visible(self, peer: str, seq: int) -> Said:
        found = self.find(seq)
        if found is None or not self.sees(peer, found):
            raise RefusedError("not_found")
        return found

    def release(self, peer: str, seq: int) -> None:
        question = self.visible(peer, seq)
        if question.is_claim_final:
            raise RefusedError("not_claimable", "answered")
        held = self.held.get(seq)
        if held is not None and held.holder != peer:
            raise RefusedError("claimed_by_other")
        if held is not None:
            self.free(seq)

    # -- the operator ----------------------------------------------------------

    def close(self) -> None:
        if not self.exists:
            raise RefusedError("room_not_found")
        self.is_closed = True
        for seq in list(self.held):
            self.unclaim(seq)

    def open(self) -> None:
        self.exists, self.is_closed = True, False

    def dismiss(self, peer: str) -> None:
        for seq in sorted(self.held):
            if seq in self.held and self.held[seq].holder == peer:
                self.free(seq)
        for seq, (asker, _) in list(self.waiting.items()):
            if asker == peer:
                del self.waiting[seq]
        self.members.discard(peer)
        self.posted_at.pop(peer, None)
