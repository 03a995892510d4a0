"""Sit in a room of an Argybargy relay: hear, say, ask, claim and answer.

Copy this file beside your agent; it needs Python 3.11 and nothing else. The variable
RELAY is the address of the relay, CODE the access code of the agent.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import Any

Message = dict[str, Any]

AWAY_SECONDS = 600.0
"""How long to try a relay that is away or busy."""
PATIENCE_SECONDS = float(os.environ.get("PATIENCE_SECONDS", "600"))
"""How long to wait for an answer, unless a question says otherwise."""
BUSY = {429, 500, 502, 503, 504}


class Refused(Exception):
    """The relay has refused a request, and would do so again."""

    def __init__(self, status: int, facts: Message) -> None:
        super().__init__(f"{status} {facts['error']}: {facts['detail']}")
        self.status, self.code, self.facts = status, facts["error"], facts


class Away(Exception):
    """The relay is away or busy; it may have said after how many seconds to retry."""

    def __init__(self, reason: Exception, retry_after: float) -> None:
        super().__init__(str(reason))
        self.retry_after = retry_after


class Dismissed(Exception):
    """The room is closed, or the code is not valid any more: stop."""


class NoAnswer(Exception):
    """Nobody has answered a question in time, or it was withdrawn."""


def join(link: str, name: str) -> tuple[str, str]:
    """Exchange a one-use invite for a code; return the relay's address and the code."""
    relay, _, _ = link.partition("/join")
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    joined = send("POST", f"{relay}/join", headers, {"invite": link, "name": name})
    return relay, joined["code"]


class Seat:
    """The place of one agent in one room."""

    def __init__(self, relay: str, code: str) -> None:
        self.relay = relay.rstrip("/")
        self._code = code
        self.name: str = self.call("GET", "/whoami")["name"]

    def hear(self, wake: str = "all") -> Iterator[Message]:
        """Yield messages until the agent is dismissed.

        The poll that follows a message acknowledges it. So an agent that dies while it
        works on a message hears it again when it is restarted with the same code.
        """
        since: int | str = "resume"
        while True:
            page = self.call("GET", f"/messages?since={since}&wait=25&wake={wake}")
            yield from page["messages"]
            since = page["cursor"]
            if page["should_exit"] and not page["more"]:
                raise Dismissed(f"The relay says: {page['exit_reason']}.")
            time.sleep(page.get("retry_after", 0))

    def questions(self, lease_seconds: int | None = None) -> Iterator[Message]:
        """Yield the questions that this agent is to answer.

        A question that others could answer as well is claimed first. One whose holder
        died is open again after its lease: the relay says so, and it is claimed then.
        """
        for heard in self.hear(wake="asks"):
            message = heard
            if heard.get("event") in {"reopened", "called"}:
                message = self.read(heard["reply_to"])
            if message.get("question", {}).get("state") not in {"open", "claimed"}:
                continue
            if for_several(message):
                is_mine = self.claim(message["seq"], lease_seconds)
            else:
                is_mine = message["expects_reply"] == self.name
            if is_mine:
                yield message

    def say(self, text: str, to: str = "all", key: str = "", **fields: object) -> int:
        """Post a message, and return its number.

        With a key, the same message is stored once, whenever it is sent again: after a
        lost answer, and after a restart of the agent.
        """
        posted = self._post("/messages", {"text": text, "to": to, **fields}, key)
        return int(posted["seq"])

    def ask(
        self,
        to: str,
        text: str,
        key: str = "",
        patience: float = PATIENCE_SECONDS,
        **fields: object,
    ) -> Message:
        """Ask, and return the answer.

        Raises:
            NoAnswer: There was none in time, so the question was withdrawn.
        """
        wait = min(patience, 50)
        body = {"text": text, "to": to, "wait": wait, **fields}
        asked = self._post("/ask", body, key)
        return asked.get("answer") or self.answer(asked["seq"], patience - wait)

    def answer(self, seq: int, patience: float = PATIENCE_SECONDS) -> Message:
        """Wait for the answer to an own question, and withdraw it when time is up.

        Raises:
            NoAnswer: There was none in time.
        """
        end = time.monotonic() + patience
        while True:
            wait = min(25.0, max(0.1, end - time.monotonic()))
            thread = self.call("GET", f"/messages/{seq}?wait={wait:.1f}")
            if "answer" in thread:
                return dict(thread["answer"])
            if thread.get("room_closed"):
                raise Dismissed("The room is closed.")
            if thread["message"]["question"]["state"] == "withdrawn":
                raise NoAnswer(f"Nobody has answered question {seq} in time.")
            if time.monotonic() < end:
                time.sleep(thread.get("retry_after", 0))
            else:
                self._try(
                    "DELETE", f"/messages/{seq}/question?reason=no+answer+in+time"
                )

    def reply(self, question: Message, text: str = "", **fields: object) -> bool:
        """Answer a question; false if it has gone to somebody else meanwhile."""
        if for_several(question) and not self.claim(question["seq"]):
            return False
        addressed = {"to": asker_of(question), "reply_to": question["seq"], **fields}
        self.say(text, **addressed)
        return True

    def read(self, seq: int) -> Message:
        """Return one message."""
        return dict(self.call("GET", f"/messages/{seq}")["message"])

    def claim(self, seq: int, lease_seconds: int | None = None) -> bool:
        """Claim a question, or renew the claim; false if somebody else has it."""
        body = {"lease_seconds": lease_seconds}
        return self._try("POST", f"/messages/{seq}/claim", body)

    def release(self, seq: int) -> bool:
        """Give a claim back, so that the room hears that the question is open again."""
        return self._try("DELETE", f"/messages/{seq}/claim")

    def peers(self, can: str, at_least: int = 1) -> list[str]:
        """Return who else is online and has a capability; wait a little for enough."""
        for _ in range(60):
            found = self.call("GET", f"/peers?can={can}")["peers"]
            names = [p["name"] for p in found if p["online"] and p["name"] != self.name]
            if len(names) >= at_least:
                break
            time.sleep(0.5)
        return sorted(names)

    def call(
        self, method: str, path: str, body: object = None, key: str = ""
    ) -> Message:
        """Send a request, and again while the relay is away or busy.

        Raises:
            Refused: The relay has refused it.
            Dismissed: The room is closed, or the code is not valid any more.
            Away: The relay was away for `AWAY_SECONDS`.
        """
        headers = {
            "Authorization": f"Bearer {self._code}",
            "Content-Type": "application/json",
        }
        if key:
            headers["Idempotency-Key"] = key
        return send(method, self.relay + path, headers, body)

    def _post(self, path: str, body: Message, key: str) -> Message:
        try:
            posted = self.call("POST", path, body, key or uuid.uuid4().hex)
        except Refused as refusal:
            if refusal.code != "idempotency_conflict":
                raise
            return {"seq": refusal.facts["seq"]}  # it was said in other words before
        # The hint for a question says that it has answered nothing: that is known.
        for trouble in ("warning",) if path == "/ask" else ("warning", "hint"):
            if trouble in posted:
                print(f"{self.name}: {posted[trouble]}", file=sys.stderr)
        return {**posted, "seq": posted["message"]["seq"]}

    def _try(self, method: str, path: str, body: object = None) -> bool:
        try:
            self.call(method, path, body)
        except Refused as refusal:
            if refusal.status in {404, 409}:
                return False
            raise
        return True


def asker_of(question: Message) -> str:
    """Return the name under which the asker is addressed; the human has one of many."""
    is_human = question["from_kind"] == "operator"
    return "operator" if is_human else str(question["from"])


def for_several(question: Message) -> bool:
    """Return whether several agents could answer, so that one has to claim it."""
    return question["expects_reply"].partition(":")[0] in {"anyone", "can"}


def send(method: str, url: str, headers: dict[str, str], body: object) -> Message:
    """Send a request as JSON, and again while the relay is away or busy."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    end = time.monotonic() + AWAY_SECONDS
    pause = 1.0
    is_away = False
    while True:
        try:
            answer = send_once(request)
        except Away as trouble:
            if time.monotonic() > end:
                raise
            if not (is_away or trouble.retry_after):
                is_away = True
                print(f"The relay is away: {trouble}", file=sys.stderr)
            time.sleep(trouble.retry_after or pause)
            pause = min(2 * pause, 30)
        else:
            if is_away:
                print("The relay is back.", file=sys.stderr)
            return answer


def send_once(request: urllib.request.Request) -> Message:
    """Send a request; tell a refusal for good from one to try again after."""
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return dict(json.load(response))
    except urllib.error.HTTPError as error:
        try:
            facts = dict(json.load(error)["detail"])
        except (ValueError, LookupError, TypeError):  # of a proxy before the relay
            facts = {"error": "not_the_relay", "detail": error.reason}
        if facts["error"] in {"room_closed", "unauthorized"}:
            raise Dismissed(facts["detail"]) from None
        refusal = Refused(error.code, facts)
        if error.code in BUSY:
            raise Away(refusal, float(error.headers.get("Retry-After", 0))) from None
        raise refusal from None
    except (OSError, HTTPException, ValueError) as error:  # cut off in the middle, too
        raise Away(error, 0) from None


def play(roles: Mapping[str, Callable[[Seat], None]]) -> None:
    """Be the agent whose role is the first argument, until it is dismissed."""
    if sys.argv[1:2] == [] or sys.argv[1] not in roles:
        raise SystemExit(f"Usage: {sys.argv[0]} {'|'.join(roles)}")
    try:
        roles[sys.argv[1]](Seat(os.environ["RELAY"], os.environ["CODE"]))
    except Dismissed as reason:
        print(f"Left: {reason}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(f"Usage: {sys.argv[0]} LINK NAME")
    print("export RELAY={} CODE={}".format(*join(sys.argv[1], sys.argv[2])))
