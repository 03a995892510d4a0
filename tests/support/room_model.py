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
    end: tuple[str, str, int | None] | None = None

    @property
    def asker(self) -> str:
        return "operator" if self.by == "operator" else self.sender


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
    members: dict[str, str] = attrs.field(factory=dict)
    fence: int = 0
    exists: bool = False
    is_closed: bool = False
    deleted: int = 0

    @property
    def first(self) -> int:
        return max(self.deleted + 1, len(self.said) - self.limits.messages_per_room + 1)

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
        self.keys = {
            each: (body, new, min(new.at_ms, self.wall_ms))
            for each, (body, new, _) in self.keys.items()
        }
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
        self.check_reply(sender, by, reply_to)
        if not self.exists:
            self.is_closed = False
        default = to[0] if len(to) == 1 and to != ("all",) else "none"
        default = default if reply_to is None else "none"
        answered = self.answered(post)
        new = self.add(sender, by, to, text, expects or default, reply_to)
        self.members[sender] = by
        if by == "agent":
            self.posted_at[sender] = [*times, self.steady]
        for seq in sorted(answered & set(self.waiting)):
            self.answer(seq, new)
        if by == "agent":
            self.refresh(sender)
        if new.expects not in ("none", sender, new.asker):
            self.wait(new)
        if key is not None:
            self.keep(sender, key, body, new)
        return new

    def answered(self, post: Post) -> set[int]:
        """Return the open questions that a post answers, looking at each of them."""
        names = {post.sender} | (
            {"operator"} if post.kind.value == "operator" else set()
        )
        heard = {
            "operator" if self.members.get(name) == "operator" else name
            for name in post.to
        }
        if post.expects not in (None, "none", *names):
            return set()  # it asks
        is_public = post.to == ("all",)
        alone = heard
        if is_public:
            sole = self.sole_reader(post)
            alone = set() if sole is None or "operator" in names else {sole}
        meant: dict[str, set[int]] = {}
        for seq, (asker, whom) in self.waiting.items():
            if asker in names or not (is_public or asker in heard):
                continue
            held = self.held.get(seq)
            is_held = held is not None and held.holder == post.sender
            if post.reply_to is not None:
                may = whom in names or is_held or "operator" in names
                if seq == post.reply_to and (may or whom == "anyone"):
                    return {seq}
            elif is_held or (whom in names and alone == {asker}):
                meant.setdefault(asker, set()).add(seq)
        return {min(seqs) for seqs in meant.values() if len(seqs) == 1}

    def sole_reader(self, post: Post) -> str | None:
        if post.other_agents is None:
            return None
        others = set(post.other_agents)
        if "operator" in self.members.values() or not others:
            others.add("operator")
        return min(others) if len(others) == 1 else None

    def answer(self, seq: int, new: Said) -> None:
        del self.waiting[seq]
        question = self.find_kept(seq)
        question.end = ("answered", new.sender, new.seq)
        self.settle(question, new.sender)

    def withdraw(self, seq: int) -> None:
        del self.waiting[seq]
        self.find_kept(seq).end = ("withdrawn", "system", None)
        if seq in self.held:
            self.unclaim(seq)

    def wait(self, question: Said) -> None:
        mine = [seq for seq, (who, _) in self.waiting.items() if who == question.asker]
        self.waiting[question.seq] = (question.asker, question.expects)
        if len(mine) == self.limits.open_questions_per_peer:
            oldest = min(mine)
            is_held, to = oldest in self.held, self.find_kept(oldest).to
            self.withdraw(oldest)
            if is_held:
                self.add("system", "system", to, "", "none", oldest)

    def withdraw_all(self, peer: str) -> None:
        mine = sorted(seq for seq, (who, _) in self.waiting.items() if who == peer)
        audiences = {seq: self.find_kept(seq).to for seq in mine}
        for seq in mine:
            self.withdraw(seq)
        if not mine:
            return
        public = [seq for seq in mine if audiences[seq] == ("all",)]
        to = tuple(sorted({name for each in audiences.values() for name in each}))
        same = len({frozenset(each) for each in audiences.values()}) == 1
        named = public or (mine if same else [])
        reply_to = named[0] if len(mine) == len(named) == 1 else None
        self.add("system", "system", ("all",) if public else to, "", "none", reply_to)

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
        while self.keys:
            first = next(iter(self.keys))
            is_full = len(self.keys) == self.limits.idempotency_keys_per_room
            if not is_full and self.keys[first][2] >= self.oldest_key_ms:
                break
            del self.keys[first]
        self.keys[sender, key] = (body, new, self.wall_ms)

    def window(self, sender: str) -> list[float]:
        start = self.steady - self.limits.window_seconds
        return [at for at in self.posted_at.get(sender, []) if at > start]

    def check_reply(self, sender: str, by: str, reply_to: int | None) -> None:
        """Raise if the reply is to nothing, or to what another agent has claimed."""
        if reply_to is None:
            return
        question = self.find(reply_to)
        if question is None or not (by == "operator" or self.sees(sender, question)):
            raise RefusedError("invalid_request")
        held = self.held.get(reply_to)
        is_asked = question.expects in {"anyone", sender} and question.sender != sender
        if held and by == "agent" and is_asked and held.holder != sender:
            raise RefusedError("claimed_by_other")

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
        if question.end is not None:
            raise RefusedError("not_claimable", question.end[0])
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

    def delete(self) -> None:
        if not self.exists:
            raise RefusedError("room_not_found")
        if not self.is_closed:
            raise RefusedError("room_open")
        self.deleted, self.exists = len(self.said), False
        for rows in (self.waiting, self.keys, self.posted_at, self.members):
            rows.clear()

    def open(self) -> None:
        self.exists, self.is_closed = True, False

    def dismiss(self, peer: str) -> None:
        for seq in sorted(self.held):
            if seq in self.held and self.held[seq].holder == peer:
                self.free(seq)
        self.withdraw_all(peer)
        self.members.pop(peer, None)
        self.posted_at.pop(peer, None)
