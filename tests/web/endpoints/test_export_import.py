"""Export, import and backup over HTTP."""

import gc
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import trio

from argybargy.domain.limits import Limits
from argybargy.store.sqlite.backup.snapshot import MOST_OPEN_COPIES
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.schema import load_migrations
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.web.access.services import Services
from argybargy.web.app import create_app
from argybargy.web.endpoints.export import _parts
from support.relay import open_harness
from support.web_app import TOKEN, Client, Reply, Site, open_site

TS = "2026-01-02T03:04:05.000+00:00"
MESSAGE = {
    "type": "message",
    "room": "lab",
    "seq": 1,
    "ts": TS,
    "from": "ann",
    "to": ["all"],
    "text": "hello",
}


AUDIT = {"type": "audit", "key": "1", "ts": TS, "action": "say"}
CLOSED = {"type": "room", "room": "lab", "status": "closed", "closed_at": TS}
CODE = {"type": "code", "digest": "ab" * 32, "room": "lab", "name": "ann"}


async def take(site: Site, *lines: object, check: bool = False) -> Reply:
    body = b"\n".join(
        line if isinstance(line, bytes) else msgspec.json.encode(line) for line in lines
    )
    target = "/admin/import?check=1" if check else "/admin/import"
    return await site.front.call("POST", target, token=TOKEN, body=body)


async def exported(site: Site, room: str | None = None) -> list[Any]:
    reply = await site.admin("POST", "/admin/export", json={"room": room})
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in reply.body.splitlines()]


@asynccontextmanager
async def open_sqlite_site(directory: Path) -> AsyncIterator[Site]:
    limits = Limits(posts_per_window=0)
    async with (
        open_sqlite_store(directory, limits) as store,
        open_harness(limits, store) as house,
        open_site(limits) as site,
    ):
        services = attrs.evolve(site.services, relay=house.relay)
        yield attrs.evolve(
            site, house=house, services=services, front=Client(create_app(services))
        )


async def _talk(site: Site) -> None:
    ann, bob = await site.code("ann", "lab"), await site.code("bob", "lab")
    await site.say(ann, "who can?", expects_reply="anyone")
    await site.say(ann, "and who this?", expects_reply="anyone")
    await site.say(ann, "psst", to=["bob", "operator"])
    await site.front.call("POST", "/messages/1/claim", code=bob)
    await site.say(bob, "I did", reply_to=1)
    await site.say(ann, "and what of this?", to=["bob"])
    await site.say(bob, "he asks again", to=["operator"])
    await site.admin("POST", "/admin/rooms/quiet/open", json={})
    await site.admin("POST", "/admin/rooms/quiet/close", json={})


# -- export and import ----------------------------------------------------------------


async def test_what_was_exported_and_imported_is_exported_again() -> None:
    async with open_site() as here, open_site() as there:
        await _talk(here)
        lines = await exported(here)
        assert [line["type"] for line in lines] == [
            "header", "room", *["message"] * 6, "room", "end",
        ]  # fmt: skip
        assert lines[2]["settled"]
        assert [line["seq"] for line in lines[2:8] if line["open"]] == [2, 5, 6]
        reply = await take(there, *lines)
        assert reply.json["messages"] == {"new": 6, "same": 0, "passed": 0}
        assert (await exported(there))[1:] == lines[1:]
        again = await take(there, *lines)
        assert again.json["messages"] == {"new": 0, "same": 6, "passed": 0}


async def test_one_room_is_exported_alone() -> None:
    async with open_site() as site:
        await _talk(site)
        assert {line.get("room", "lab") for line in await exported(site, "LAB")} == {
            "lab"
        }
        reply = await site.admin("POST", "/admin/export", json={"room": "nowhere"})
        assert (reply.status, reply.error) == (404, "room_not_found")


async def test_a_misspelled_key_does_not_export_all_rooms() -> None:
    async with open_site() as site:
        await take(site, MESSAGE)
        reply = await site.admin("POST", "/admin/export", json={"rooom": "odd"})
        assert (reply.status, reply.error) == (422, "invalid_request")
        assert b"odd" not in reply.body
        assert b"rooom" not in reply.body


async def test_a_long_room_is_exported_completely_and_in_order() -> None:
    async with open_site() as site:
        ann = await site.code("ann", "lab")
        for number in range(230):
            await site.say(ann, f"{number}" + "x" * (7_000 if number % 9 == 0 else 0))
        seqs = [
            line["seq"] for line in await exported(site) if line["type"] == "message"
        ]
        assert seqs == list(range(1, 231))


async def test_a_seq_gap_is_skipped_in_an_export() -> None:
    async with open_site() as site:
        await take(site, MESSAGE, {**MESSAGE, "seq": 2}, {**MESSAGE, "seq": 5_000_000})
        messages = [line for line in await exported(site) if line["type"] == "message"]
        assert [line["seq"] for line in messages] == [1, 2, 5_000_000]
        last = {**MESSAGE, "seq": 2**52}
        assert (await take(site, last)).json["messages"]["new"] == 1
        far = {**last, "room": "far"}
        assert (await take(site, far)).json["messages"]["new"] == 1
        state = (await site.admin("GET", "/admin/state")).json
        assert {row["room"]: row["messages"] for row in state["rooms"]} == {
            "lab": 4,
            "far": 1,
        }


async def test_the_operator_sees_what_was_imported() -> None:
    async with open_site() as site:
        await site.code("ann", "lab")
        question = {**MESSAGE, "expects_reply": "anyone", "open": True}
        await take(site, {**question, "claimed_by": "bob"})
        state = (await site.admin("GET", "/admin/state")).json
        (waiting,) = state["waiting"]
        assert (waiting["room"], waiting["seq"]) == ("lab", 1)
        assert waiting["claimed_by"] == "bob"


async def test_a_poll_is_woken_by_imported_messages() -> None:
    async with open_site() as site:
        bob = await site.code("bob", "lab")
        async with trio.open_nursery() as nursery:
            replies: list[Reply] = []

            async def listen() -> None:
                target = "/messages?since=0&wait=20"
                replies.append(await site.front.call("GET", target, code=bob))

            nursery.start_soon(listen)
            await site.house.wait_parked(1, "lab")
            await take(site, MESSAGE)
        assert [each["text"] for each in replies[0].json["messages"]] == ["hello"]


async def test_a_dry_run_changes_nothing() -> None:
    async with open_site() as site:
        reply = await take(site, MESSAGE, check=True)
        assert reply.json["messages"]["new"] == 1
        assert [line["type"] for line in await exported(site)] == ["header", "end"]


async def test_a_differing_message_is_named() -> None:
    async with open_site() as site:
        await take(site, MESSAGE)
        for check in (True, False):
            reply = await take(
                site, {**MESSAGE, "text": "bye"}, {**MESSAGE, "seq": 2}, check=check
            )
            assert (reply.status, reply.error) == (409, "import_conflict")
            assert reply.json["detail"]["seq"] == 1
            assert reply.json["detail"]["room"] == "lab"
        assert len(await exported(site)) == 4


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        {"type": "dance"},
        {**MESSAGE, "seq": 0},
        {**MESSAGE, "seq": 2**52 + 1},
        {**MESSAGE, "ts": "2999-01-01"},
        {**MESSAGE, "ts": "9999-12-31T23:59:59-23:59"},
        {**MESSAGE, "reply_to": 1},
        {**MESSAGE, "reply_to": 0},
        {**MESSAGE, "reply_to": 2**63},
        {**MESSAGE, "from": "Operator"},
        {**MESSAGE, "from": "all", "from_kind": "operator"},
        {**MESSAGE, "from": "ann", "from_kind": "system"},
        {**MESSAGE, "to": ["bob"] * 17},
        {**MESSAGE, "to": ["admin"]},
        {**MESSAGE, "text": "x" * 8_001},
        {**MESSAGE, "event": "\x1b[2J"},
        {**MESSAGE, "event": "restored"},
        {**MESSAGE, "expects_reply": "all"},
        {**MESSAGE, "claimed_by": "bob"},
        {**MESSAGE, "expects_reply": "anyone", "claimed_by": "system"},
        {**CODE, "name": "operator"},
        {**CODE, "name": "ALL"},
        {**CODE, "capabilities": "x" * 1056},
        {**CODE, "capabilities": "a\nb"},
        {**CODE, "created": "9999-12-31T23:59:59-23:59"},
        {**CODE, "expires": "0001-01-01T00:00:00+23:59"},
        b"[" * 3_000,
        b'{"type": "message", "room": ' + b"[" * 3_000,
        b'{"type": "header", "x": "\xff"}',
        {**MESSAGE, "ts": "yesterday"},
        {**MESSAGE, "from": "a b"},
        {**MESSAGE, "to": []},
        {**MESSAGE, "to": ["all", "bob"]},
        {**MESSAGE, "to": ['"'], "room": "lab"},
        {**MESSAGE, "text": ""},
        {**MESSAGE, "text": "a\0b"},
        {**MESSAGE, "room": "../etc"},
        {**MESSAGE, "from_kind": "king"},
        {"type": "header", "format": 2, "relay_version": "9", "exported": TS},
        {"type": "room", "room": "lab", "status": "closed"},
        {**CLOSED, "closed_by": "x" * 65},
        {**CLOSED, "closed_by": "\x1b[2J"},
        {**CLOSED, "closed_by": "\u202eann"},
        {**AUDIT, "key": ""},
        {**AUDIT, "key": "x" * 1_001},
        {**AUDIT, "action": "x" * 1_001},
        {**AUDIT, "action": "a\nb"},
        {**AUDIT, "actor": "\x1b[2J"},
        {**AUDIT, "room": "\u202elab"},
        {**AUDIT, "detail": "x" * 1_001},
        {**AUDIT, "detail": "\x1b[2J"},
        {"type": "code", "digest": "00", "room": "lab", "name": "ann"},
        {"type": "code", "digest": "x" * 64, "room": "lab", "name": "ann"},
        {**AUDIT, "ts": "noon"},
    ],
)
async def test_an_invalid_line_is_named_and_nothing_changed(
    line: object,
) -> None:
    async with open_site() as site:
        reply = await take(site, {**MESSAGE, "room": "other"}, line)
        assert (reply.status, reply.error) == (422, "invalid_request")
        error = reply.json["detail"]["errors"][0]
        assert error["field"] == "line 2"
        assert not re.search("yesterday|noon|xxx|dance|999", error["problem"])
        assert [each["type"] for each in await exported(site)] == ["header", "end"]


async def test_unknown_keys_of_lines_are_listed() -> None:
    async with open_site() as site:
        lines = [{**MESSAGE, "replyto": 1}, {**MESSAGE, "seq": 2, "replyto": 1, "y": 2}]
        for check in (True, False):
            reply = await take(site, *lines, check=check)
            assert reply.json["ignored"] == ["replyto", "y"]
        assert "ignored" not in (await take(site, MESSAGE)).json


@pytest.mark.parametrize(
    "line",
    [
        {**MESSAGE, "text": "it is CODE"},
        {**MESSAGE, "from": "CODE"},
        {**MESSAGE, "to": ["bob", "CODE"]},
        {**MESSAGE, "room": "CODE"},
        {"type": "room", "room": "CODE"},
        {**CLOSED, "closed_by": "CODE"},
        {**CODE, "room": "CODE"},
        {**CODE, "name": "CODE"},
        {**CODE, "capabilities": "CODE"},
        {**AUDIT, "detail": "CODE"},
    ],
)
async def test_a_line_with_a_code_in_it_is_refused(line: object) -> None:
    async with open_site() as site:
        code = await site.code("eve", "den")
        secret = msgspec.json.encode(line).replace(b"CODE", code.encode())
        for check in (True, False):
            other = {**MESSAGE, "room": "other"}
            reply = await take(site, other, secret, check=check)
            assert (reply.status, reply.error) == (422, "contains_secret")
        assert not any(
            each.get("room") != "den" for each in (await exported(site))[1:-1]
        )


async def test_messages_out_of_order_are_refused() -> None:
    async with open_site() as site:
        reply = await take(site, {**MESSAGE, "seq": 2}, MESSAGE)
        assert reply.status == 422
        older = {**MESSAGE, "seq": 2, "ts": TS.replace("2026", "2025")}
        assert (await take(site, MESSAGE, older)).status == 422


async def test_a_repeated_room_line_keeps_the_messages() -> None:
    async with open_site() as site:
        room = {"type": "room", "room": "lab"}
        await take(site, MESSAGE, room, {**MESSAGE, "seq": 2})
        lines = await exported(site)
        assert [line["seq"] for line in lines if line["type"] == "message"] == [1, 2]


async def test_check_takes_0_or_1() -> None:
    async with open_site() as site:
        for query in ("true", "2", "", "yes"):
            target = f"/admin/import?check={query}"
            body = msgspec.json.encode(MESSAGE)
            reply = await site.front.call("POST", target, token=TOKEN, body=body)
            assert (reply.status, reply.error) == (422, "invalid_request")
        assert len(await exported(site)) == 2, "nothing was imported"


async def test_a_dry_run_counts_like_the_import() -> None:
    lines = (MESSAGE, CODE, AUDIT)
    async with open_site() as site:
        for _ in range(2):
            checked = await take(site, *lines, check=True)
            assert checked.json == (await take(site, *lines)).json
        await site.admin("POST", "/admin/revoke", json={"target": "ann"})
        assert (await take(site, CODE, check=True)).json["codes"]["new"] == 0


async def test_an_import_refused_by_one_room_changes_no_other() -> None:
    async with open_site() as site:
        await take(site, MESSAGE)
        other = {**MESSAGE, "room": "aside"}
        differing = {**MESSAGE, "text": "otherwise"}
        reply = await take(site, {**AUDIT, "action": "dance"}, other, differing)
        assert (reply.status, reply.error) == (409, "import_conflict")
        rooms = [line for line in await exported(site) if line["type"] == "room"]
        assert [line["room"] for line in rooms] == ["lab"]
        events = (await site.admin("GET", "/admin/audit")).json["events"]
        assert "dance" not in {event["action"] for event in events}


async def test_only_the_operator_may() -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        for path in ("/admin/backup", "/admin/export", "/admin/import"):
            reply = await site.front.call("POST", path, code=ann)
            assert (reply.status, reply.error) == (401, "admin_unauthorized")


async def test_imported_codes_are_valid_and_imported_once() -> None:
    secret = "a-code-of-another-relay-32-chars"
    code = {
        "type": "code",
        "digest": hashlib.sha256(secret.encode()).hexdigest(),
        "room": "lab",
        "name": "ann",
        "created": TS,
    }
    async with open_site() as site:
        assert (await take(site, code)).json["codes"] == {"new": 1, "same": 0}
        who = await site.front.call("GET", "/whoami", code=secret)
        assert who.json == {"name": "ann", "room": "lab", "capabilities": ""}
        hashed = await site.front.call("GET", "/whoami", code=code["digest"])
        assert hashed.status == 401
        assert (await take(site, code)).json["codes"] == {"new": 0, "same": 1}
        await site.admin("POST", "/admin/revoke", json={"target": "ann"})
        assert (await take(site, code)).json["codes"] == {"new": 0, "same": 1}
        assert (await site.front.call("GET", "/whoami", code=secret)).status == 401


async def test_the_quotas_hold_for_what_is_imported() -> None:
    async with open_site(Limits(rooms=1, codes=1)) as site:
        await take(site, MESSAGE)
        for check in (True, False):
            reply = await take(site, {**MESSAGE, "room": "second"}, check=check)
            assert (reply.status, reply.error) == (403, "room_quota")
        more = {**MESSAGE, "seq": 2}
        assert (await take(site, more, check=True)).status == 200


async def test_too_many_codes_are_refused_before_the_import() -> None:
    lines = [
        {"type": "code", "digest": f"{number:02x}" * 32, "room": "lab", "name": "ann"}
        for number in range(1, 4)
    ]
    async with open_site(Limits(codes=2)) as site:
        reply = await take(site, *lines, check=True)
        assert (reply.status, reply.error) == (403, "code_quota")


# -- backup -----------------------------------------------------------------------


async def test_a_store_without_a_file_says_so() -> None:
    async with open_site() as site:
        reply = await site.admin("POST", "/admin/backup")
        assert (reply.status, reply.error) == (503, "storage_unavailable")


async def test_a_backup_is_a_complete_database(tmp_path: Path) -> None:
    async with open_sqlite_site(tmp_path / "data") as site:
        await take(site, MESSAGE)
        reply = await site.admin("POST", "/admin/backup")
        assert reply.headers["content-type"] == "application/vnd.sqlite3"
        await trio.Path(tmp_path / "copy.db").write_bytes(reply.body)
    contents = check_file(tmp_path / "copy.db")
    newest = load_migrations()[-1].number
    assert (contents.rooms, contents.messages, contents.schema) == (1, 1, newest)


async def test_too_many_backups_at_once_are_busy_not_a_store_failure(
    tmp_path: Path,
) -> None:
    async with open_sqlite_site(tmp_path / "data") as site:
        store = site.services.relay.store
        copies = [await store.snapshot() for _ in range(MOST_OPEN_COPIES)]
        reply = await site.admin("POST", "/admin/backup")
        assert (reply.status, reply.error) == (503, "busy")
        assert reply.headers["retry-after"] == "1"
        for copy in copies:
            await copy.aclose()


async def test_an_unsent_response_closes_its_snapshot(tmp_path: Path) -> None:
    async with open_sqlite_site(tmp_path / "data") as site:
        for _ in range(MOST_OPEN_COPIES + 1):
            await _leave_before_the_body(site.services)
            gc.collect()


async def _leave_before_the_body(services: Services) -> None:
    snapshot = await services.relay.store.snapshot()
    await _parts(snapshot).aclose()


async def test_a_disconnect_closes_the_snapshot(tmp_path: Path) -> None:
    async with open_sqlite_site(tmp_path / "data") as site:
        await take(site, MESSAGE)
        with trio.move_on_after(0.005):
            await site.admin("POST", "/admin/backup")
        reply = await site.admin("POST", "/admin/backup")
        assert reply.status == 200
        names = {path.name for path in (tmp_path / "data").iterdir()}
        assert not any("snapshot" in name for name in names)
