"""The calls that the first relay's documentation shows, made to this one.

Every command line and every request is as it stands there; only names of places are
filled in. What comes out differently on purpose is in docs/reference/differences.md.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e

SEEN_AGENT = {"name", "room", "expires", "capabilities", "code", "url", "instruction"}

# What is typed, the exit code, and what standard output begins with.
DAY: Final = (
    ("room migration-review", 0, "You are joining a shared room"),
    (
        'post migration-review "start with the failover check"',
        0,
        r"#migration-review seq 1 sent as operator -> all\n$",
    ),
    ("rooms", 0, r"ROOM +STATUS +MSGS +LAST +WAITING.*\nmigration-review +open +1 "),
    ("close migration-review", 0, r"#migration-review closed by operator at \d\d:"),
    ("rooms", 0, r".*\nmigration-review +closed +1 "),
    ("room migration-review", 6, "$"),
    ("reopen migration-review", 0, r"#migration-review is open again\."),
    ("close migration-review --by titus", 0, r"#migration-review closed by titus at"),
    ("post migration-review thanks", 0, r"#migration-review seq \d+ sent"),
    ("reopen migration-review --by titus", 0, "#migration-review"),
    ("invite --name alice --room build", 0, "You can talk to other AI agents"),
    ("invite --name alice", 0, "You can talk to other AI agents"),
    (
        'invite --name dba --capabilities "runs read-only SQL; reads the warehouse"',
        0,
        "You can talk to other AI agents",
    ),
    ("codes", 0, r"(?s)NAME .*\nalice +build"),
    ("revoke dba", 0, r"revoked [0-9a-f]{12} dba in default\n$"),
    ("revoke alice", 2, "$"),
    ("token", 0, r"[\w-]{32,}\n$"),
    (
        'room second --worker ana --operator otto --expires 1d --capabilities "Opus 5" '
        "--url https://relay.example.com",
        0,
        r"(?s).*https://relay\.example\.com.*You are : ana",
    ),
    (
        "post second hello --to ana --sender titus --expects ana --url {url}",
        0,
        r"#second seq 1 sent as titus -> ana\n$",
    ),
    ("rooms --url {url}", 0, r"(?s)ROOM .*\nsecond +open +1 +\d+s +-"),
    ("close second --url {url}", 0, "#second closed"),
    ("reopen second --url {url}", 0, "#second"),
)  # fmt: skip


@attrs.frozen
class Typed:
    """What came of a command."""

    code: int
    out: str


async def typed(server: RealServer, line: str) -> Typed:
    """Type a command where the relay's data is known by the old variables."""
    line = line.format(url=f"http://127.0.0.1:{server.address.port}")
    done = await trio.run_process(
        [sys.executable, "-m", "argybargy", *shlex.split(line)],
        capture_stdout=True,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        check=False,
        env={
            "ARGYBARGY_DATA": str(server.data),
            "ARGYBARGY_PORT": str(server.address.port),
        },
    )
    return Typed(done.returncode, done.stdout.decode())


async def test_the_operator_s_day_goes_by_the_old_commands(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        for line, code, expected in DAY:
            with trio.fail_after(20):
                result = await typed(server, line)
            assert result.code == code, line
            assert re.match(expected, result.out), f"{line}: {result.out}"


async def test_the_operator_s_requests_keep_their_paths_and_their_shapes(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        invite = {"name": "alice", "room": "build", "expires": "1d",
                  "capabilities": "planner"}  # fmt: skip
        made = await server.admin("POST", "/admin/invite", invite)
        assert made.status == 200
        assert made.json.keys() >= SEEN_AGENT
        said = await server.admin(
            "POST", "/admin/say",
            {"text": "hi", "to": "all", "room": "build", "sender": "operator",
             "expects_reply": "anyone"},
        )  # fmt: skip
        assert said.json["message"].keys() >= {
            "seq", "ts", "from", "to", "text", "expects_reply", "claimed_by",
        }  # fmt: skip
        closed = await server.admin("POST", "/admin/rooms/build/close", {"by": "titus"})
        assert closed.json["room"]["closed_by"] == "titus"
        opened = await server.admin("POST", "/admin/rooms/build/reopen")
        assert opened.json["room"] == {
            "name": "build", "status": "open", "closed_at": None, "closed_by": None,
        }  # fmt: skip
        state = (await server.admin("GET", "/admin/state?room=build")).json
        assert state.keys() >= {
            "version", "public_url", "hash_codes", "peers", "roster", "codes", "room",
            "rooms", "room_status", "waiting", "max_idle_seconds", "messages",
        }  # fmt: skip
        assert state["rooms"][0].keys() >= {
            "room", "messages", "last_seq", "last_ts", "seconds_since_last", "status",
            "closed_at", "closed_by",
        }  # fmt: skip
        assert state["roster"]["build"][0].keys() >= {
            "name", "online", "seconds_since_seen", "last_message_seconds",
            "capabilities", "sources",
        }  # fmt: skip
        stats = (await server.admin("GET", "/admin/stats")).json
        assert stats.keys() >= {
            "version", "uptime_seconds", "online_peers", "codes", "messages", "rooms",
        }  # fmt: skip
        audit = (await server.admin("GET", "/admin/audit?limit=100")).json["events"]
        assert {event["action"] for event in audit} >= {
            "invite", "say", "room_close", "room_reopen",
        }  # fmt: skip
        gone = await server.admin("POST", "/admin/revoke", {"target": "alice"})
        assert gone.json["revoked"] == 1
        fresh = await server.admin("POST", "/admin/regenerate-token")
        assert fresh.json == {"admin_token": server.token()}


async def test_the_documented_differences_hold(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        for room in ("build", "other"):
            await server.admin("POST", "/admin/invite", {"name": "alice", "room": room})
        refused = {
            ("/admin/rooms/nowhere/close", "{}"): (404, "room_not_found"),
            ("/admin/rooms/nowhere/reopen", "{}"): (404, "room_not_found"),
            ("/admin/revoke", '{"target": "alice"}'): (409, "ambiguous"),
            ("/admin/say", '{"text": "hi", "room": ""}'): (422, "invalid_request"),
            ("/admin/invite", '{"name": "a b"}'): (422, "invalid_request"),
        }
        for (path, body), (status, error) in refused.items():
            reply = await server.admin("POST", path, json.loads(body))
            assert (reply.status, reply.json["detail"]["error"]) == (status, error)
        agent = await server.guest("bo", "build")
        assert (await agent.post("hi")).status == 200
        taken = await server.admin(
            "POST", "/admin/say", {"text": "hi", "room": "build", "sender": "bo"}
        )
        assert (taken.status, taken.json["detail"]["error"]) == (409, "sender_taken")
        state = (await server.admin("GET", "/admin/state")).json
        assert state["hash_codes"] is True
        assert not any(agent.code in row["code"] for row in state["codes"])
