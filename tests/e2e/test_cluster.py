"""Two relays on one PostgreSQL, over real sockets. Needs PostgreSQL."""

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import msgspec
import psycopg
import pytest
import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import HttpResponse, encode_request
from argybargy.torture.relay_process import NO_ANSWER
from support.postgres import PostgresServer, need_programs, start_server, stop_server
from support.relay_process import AgentClient, RealServer, open_server
from support.wake_calls import FakeHook, open_hook

pytestmark = pytest.mark.cluster


@attrs.frozen
class Cluster:
    """Two relays and their common store."""

    a: RealServer
    b: RealServer
    url: str

    async def pair(self, name: str) -> tuple[AgentClient, AgentClient]:
        """Invite an agent on A; return its clients of both relays."""
        on_a = await self.a.guest(name)
        return on_a, self.b.returning(name, on_a.code)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Run a server that keeps what it has acknowledged."""
    programs = need_programs()
    started = start_server(Path(tempfile.mkdtemp(prefix="argybargy-pg-")), programs)
    yield started
    stop_server(started)


def settings(url: str) -> dict[str, str]:
    return {
        "ARGYBARGY_STORE": url,
        "ARGYBARGY_PUBLIC_URL": "http://relays.example",
        "ARGYBARGY_ALLOWED_HOSTS": "127.0.0.1",
    }


@pytest.fixture
async def cluster(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    url = server.make_database("template1")
    async with open_pair(tmp_path, url) as opened:
        yield opened


@asynccontextmanager
async def open_pair(folder: Path, url: str, **more: str) -> AsyncIterator[Cluster]:
    """Start two relays; the second has the admin token of the first in its file."""
    async with open_server(folder / "a", **settings(url), **more) as a:
        (folder / "b").mkdir(mode=0o700)
        shutil.copy(a.data / "admin.token", folder / "b")
        async with open_server(folder / "b", **settings(url), **more) as b:
            yield Cluster(a, b, url)


async def known(agent: AgentClient) -> None:
    """Wait until a relay knows a code that was made on the other one."""
    with trio.fail_after(10):
        while (await agent.poll(0)).status != 200:  # noqa: ASYNC110 - another process
            await trio.sleep(0.02)


async def test_a_post_on_one_relay_wakes_a_poll_parked_on_the_other(
    cluster: Cluster,
) -> None:
    ann, _ = await cluster.pair("ann")
    _, bob = await cluster.pair("bob")
    await known(bob)
    seen: list[str] = []

    async def listen() -> None:
        reply = await bob.poll(0, wait=25)
        seen.extend(each["text"] for each in reply.json["messages"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await cluster.b.wait_parked(1)
        reply = await ann.post("hello over there")
        assert reply.status == 200
    assert seen == ["hello over there"]


async def test_a_cursor_moves_between_relays_without_a_reset(cluster: Cluster) -> None:
    ann, _ = await cluster.pair("ann")
    bob_a, bob_b = await cluster.pair("bob")
    await known(bob_b)
    since, texts = 0, []
    for number in range(20):
        await ann.post(f"m{number}")
        reply = (await (bob_b if number % 2 else bob_a).poll(since)).json
        assert not reply.get("reset")
        texts += [each["text"] for each in reply["messages"]]
        since = reply["cursor"]
    last = (await bob_a.poll(since)).json
    texts += [each["text"] for each in last["messages"]]
    assert texts == [f"m{number}" for number in range(20)]


async def test_a_claim_has_one_winner(cluster: Cluster) -> None:
    asker, _ = await cluster.pair("asker")
    racers = [await cluster.pair(f"racer{number}") for number in range(4)]
    for _, on_b in racers:
        await known(on_b)
    fences = set()
    for _ in range(5):
        asked = (await asker.post("who?", expects_reply="anyone")).json
        statuses: list[int] = []

        async def claim(agent: AgentClient, seq: int, into: list[int]) -> None:
            reply = await agent.claim(seq)
            into.append(reply.status)
            if reply.status == 200:
                fences.add(reply.json["fence"])

        async with trio.open_nursery() as nursery:
            for number, pair in enumerate(racers):
                agent = pair[number % 2]
                nursery.start_soon(claim, agent, asked["message"]["seq"], statuses)
        assert sorted(statuses) == [200, 409, 409, 409]
    assert len(fences) == 5


async def test_what_is_revoked_on_one_relay_is_refused_on_the_other(
    cluster: Cluster,
) -> None:
    ann_a, ann_b = await cluster.pair("ann")
    await known(ann_b)
    assert (await ann_b.post("still here")).status == 200
    reply = await cluster.a.admin(
        "POST", "/admin/revoke", {"target": "ann", "room": "build"}
    )
    assert reply.status == 200
    assert (await ann_b.post("not any more")).status == 401
    assert (await ann_a.post("not any more")).status == 401


async def test_nothing_acknowledged_is_lost_when_a_relay_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    ann_a, ann_b = await cluster.pair("ann")
    _, bob = await cluster.pair("bob")
    await known(bob)
    await known(ann_b)
    acknowledged: list[str] = []

    async def post(agent: AgentClient, mark: str, count: int) -> None:
        for number in range(count):
            text = f"{mark}{number}"
            try:
                reply = await agent.post(text, key=text)
            except NO_ANSWER:
                return
            if reply.status == 200:
                acknowledged.append(text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(post, ann_a, "a", 400)
        nursery.start_soon(post, ann_b, "b", 40)
        with trio.fail_after(30):
            while len(acknowledged) < 20:  # noqa: ASYNC110 - of the relays
                await trio.sleep(0.01)
        await cluster.a.stop(signal.SIGKILL)
    found = await bob.read_all()
    texts = [each["text"] for each in found]
    assert len(texts) == len(set(texts))
    assert set(acknowledged) <= set(texts)
    # It comes back, and both go on.
    async with open_server(tmp_path / "a", **settings(cluster.url)) as again:
        ann = again.returning("ann", ann_a.code)
        assert (await ann.post("back")).status == 200
        reply = await bob.poll(found[-1]["seq"], wait=25)
        assert [each["text"] for each in reply.json["messages"]] == ["back"]


# -- the operator ------------------------------------------------------------------


async def ask(
    relay: RealServer,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: object = None,
) -> HttpResponse:
    """Send one request on a connection of its own."""
    connection = KeepAliveConnection(relay.address)
    try:
        return await connection.exchange(
            encode_request(method, target, headers, body), 20.0
        )
    finally:
        connection.close_nowait()


async def sign_in(relay: RealServer, token: str) -> str:
    answer = await ask(relay, "POST", "/admin/session", {"x-admin-token": token})
    assert answer.status == 200
    session: str = msgspec.json.decode(answer.body)["session"]
    return session


async def status_of(relay: RealServer, session: str) -> int:
    fields = {"x-admin-session": session}
    return (await ask(relay, "GET", "/admin/session", fields)).status


async def wait_status(relay: RealServer, session: str, status: int) -> None:
    with trio.fail_after(10):
        while await status_of(relay, session) != status:  # noqa: ASYNC110 - a process
            await trio.sleep(0.02)


async def token_status(relay: RealServer, token: str) -> int:
    return (await ask(relay, "GET", "/admin/stats", {"x-admin-token": token})).status


async def test_the_admin_token_of_the_first_relay_is_that_of_all(
    cluster: Cluster, tmp_path: Path
) -> None:
    first = cluster.a.token()
    async with open_server(tmp_path / "c", **settings(cluster.url)) as third:
        assert third.token() != first
        assert await token_status(third, third.token()) == 401
        assert await token_status(third, first) == 200
        assert "another admin token" in third.log.read_text()


async def test_a_token_replaced_on_one_relay_is_replaced_on_the_other(
    cluster: Cluster,
) -> None:
    first = cluster.a.token()
    session = await sign_in(cluster.a, first)
    answer = await ask(
        cluster.b, "POST", "/admin/regenerate-token", {"x-admin-token": first}
    )
    assert answer.status == 200
    new = msgspec.json.decode(answer.body)["admin_token"]
    assert cluster.b.token() == new
    assert await token_status(cluster.b, first) == 401
    with trio.fail_after(10):
        while await token_status(cluster.a, new) != 200:  # noqa: ASYNC110 - a process
            await trio.sleep(0.02)
    assert await token_status(cluster.a, first) == 401
    for relay in cluster.a, cluster.b:
        await wait_status(relay, session, 401)


async def test_signed_in_on_one_relay_is_signed_in_on_the_other(
    cluster: Cluster,
) -> None:
    session = await sign_in(cluster.a, cluster.a.token())
    assert await status_of(cluster.b, session) == 200
    answer = await ask(
        cluster.a, "DELETE", "/admin/session", {"x-admin-session": session}
    )
    assert answer.status == 200
    await wait_status(cluster.b, session, 401)
    assert await status_of(cluster.a, session) == 401


async def test_a_sign_in_link_works_once_on_whichever_relay_is_asked(
    cluster: Cluster,
) -> None:
    for relay, other in (cluster.a, cluster.b), (cluster.b, cluster.a):
        made = await ask(
            relay, "POST", "/admin/sign-in", {"x-admin-token": cluster.a.token()}
        )
        body = {"code": msgspec.json.decode(made.body)["code"]}
        assert (await ask(other, "POST", "/admin/session", {}, body)).status == 200
        assert (await ask(relay, "POST", "/admin/session", {}, body)).status == 401
        assert (await ask(other, "POST", "/admin/session", {}, body)).status == 401


# -- presence ----------------------------------------------------------------------


async def listening(agent: AgentClient) -> dict[str, str]:
    reply = await agent.call("GET", "/peers")
    return {each["name"]: each["listening"] for each in reply.json["peers"]}


async def test_both_relays_see_who_is_parked(cluster: Cluster) -> None:
    ann_a, ann_b = await cluster.pair("ann")
    _, bob = await cluster.pair("bob")
    await known(bob)
    await known(ann_b)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bob.poll, 0, 40)
        with trio.fail_after(20):
            for ann in ann_a, ann_b:
                while (await listening(ann)).get("bob") != "parked":  # noqa: ASYNC110
                    await trio.sleep(0.1)
        # The answer to a post says so as well, on the relay that bob does not call.
        reply = await ann_a.post("hello", to="bob")
        assert reply.json["delivery"]["bob"] == "parked"


async def test_each_relay_lists_both_of_them(cluster: Cluster) -> None:
    for relay, other in (cluster.a, cluster.b), (cluster.b, cluster.a):
        with trio.fail_after(20):
            while True:
                rows = (await relay.admin("GET", "/admin/state")).json["nodes"]
                if len(rows) == 2 and any(each["leading"] for each in rows):
                    break
                await trio.sleep(0.1)
        ports = [int(each["name"].rpartition(":")[2]) for each in rows]
        assert ports == [relay.address.port, other.address.port]
        assert [each["this"] for each in rows] == [True, False]
        assert sum(each["leading"] for each in rows) == 1
        assert all(abs(each["store_clock_seconds"] or 0) < 5 for each in rows)


# -- notifications -----------------------------------------------------------------


@attrs.frozen
class Told:
    """Two relays that notify the same webhook."""

    cluster: Cluster
    hook: FakeHook

    def events(self) -> list[dict[str, object]]:
        bodies = [msgspec.json.decode(body) for _, body in self.hook.requests]
        return [event for body in bodies for event in body["events"]]

    async def wait(self, count: int) -> list[dict[str, object]]:
        with trio.fail_after(40):
            while len(self.events()) < count:  # noqa: ASYNC110 - of the relays
                await trio.sleep(0.05)
        return self.events()

    async def wait_stored(self) -> None:
        """Wait until it is stored that the operator was told of something."""
        with trio.fail_after(40):
            while not await trio.to_thread.run_sync(self._is_stored):  # noqa: ASYNC110
                await trio.sleep(0.05)

    def _is_stored(self) -> bool:
        with psycopg.connect(self.cluster.url) as connection:
            sql = "SELECT 1 FROM notices WHERE told_ms IS NOT NULL LIMIT 1"
            return connection.execute(sql).fetchone() is not None


@pytest.fixture
async def told(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Told]:
    url = server.make_database("template1")
    async with open_hook() as hook:
        more = {
            "ARGYBARGY_WEBHOOK": f"http://127.0.0.1:{hook.port}/told",
            "ARGYBARGY_NOTIFY_AFTER": "0",
        }
        async with open_pair(tmp_path, url, **more) as cluster:
            yield Told(cluster, hook)


async def test_two_relays_notify_once_and_a_link_opens_on_both(told: Told) -> None:
    ann_a, ann_b = await told.cluster.pair("ann")
    await known(ann_b)
    for number, ann in enumerate((ann_a, ann_b, ann_a, ann_b), start=1):
        reply = await ann.post(
            f"question {number}?", to="operator", expects_reply="operator"
        )
        assert reply.status == 200
        await told.wait(number)
    events = told.events()
    assert [each["text"] for each in events] == [
        f"question {number}?" for number in (1, 2, 3, 4)
    ]
    path = str(events[0]["link"]).removeprefix("http://relays.example")
    for relay in told.cluster.a, told.cluster.b:
        page = await ask(relay, "GET", path, {})
        assert page.status == 200
        assert b"question 1?" in page.body


async def test_an_answer_link_answers_once_on_whichever_relay_is_asked(
    told: Told,
) -> None:
    ann, _ = await told.cluster.pair("ann")
    await ann.post("really?", to="operator", expects_reply="operator")
    (event,) = await told.wait(1)
    link = str(event["link"])
    statuses = []
    for relay, answer in (
        (told.cluster.b, "yes"),
        (told.cluster.a, "no"),
        (told.cluster.b, "maybe"),
    ):
        statuses.append(await send_form(relay, link, answer))
    assert statuses[0] == 200
    assert set(statuses[1:]) == {410}
    answers = [each["text"] for each in await ann.read_all()]
    assert answers == ["yes"]


async def send_form(relay: RealServer, link: str, answer: str) -> int:
    """Send the form of the page behind a link, as a browser does."""
    path, form = link.removeprefix("http://relays.example"), f"text={answer}"
    head = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
    )
    request = "\r\n".join((*head, "", form)).encode()
    connection = KeepAliveConnection(relay.address)
    try:
        return (await connection.exchange(request, 20.0)).status
    finally:
        connection.close_nowait()


async def test_the_other_relay_notifies_when_the_leading_one_is_killed(
    told: Told,
) -> None:
    ann_a, ann_b = await told.cluster.pair("ann")
    await known(ann_b)
    await ann_a.post("before?", to="operator", expects_reply="operator")
    await told.wait(1)
    # Killed before that, what it told is told again.
    await told.wait_stored()
    # The first to start leads.
    await told.cluster.a.stop(signal.SIGKILL)
    await ann_b.post("after?", to="operator", expects_reply="operator")
    events = await told.wait(2)
    assert [each["text"] for each in events] == ["before?", "after?"]


# -- the server is away ------------------------------------------------------------


async def test_while_the_server_is_away_polls_stay_parked_and_posts_may_be_repeated(
    tmp_path: Path,
) -> None:
    programs, folder = need_programs(), Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    server = start_server(folder, programs)
    try:
        async with open_pair(tmp_path, server.make_database("template1")) as cluster:
            ann, _ = await cluster.pair("ann")
            _, bob = await cluster.pair("bob")
            await known(bob)
            heard: list[str] = []

            async def listen() -> None:
                reply = await bob.poll(0, wait=40)
                heard.extend(each["text"] for each in reply.json["messages"])

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await cluster.b.wait_parked(1)
                server.kill()
                reply = await ann.post("once", key="k")
                assert reply.status == 503
                for relay in cluster.a, cluster.b:
                    ready = await ask(relay, "GET", "/ready", {})
                    assert ready.status == 503
                    ready = await ask(relay, "GET", "/ready?storage=any", {})
                    assert ready.status == 200
                server = start_server(folder, programs)
                with trio.fail_after(20):
                    while (await ann.post("once", key="k")).status != 200:  # noqa: ASYNC110
                        await trio.sleep(0.1)
            assert heard == ["once"]
            assert [each["text"] for each in await bob.read_all()] == ["once"]
    finally:
        stop_server(server)
