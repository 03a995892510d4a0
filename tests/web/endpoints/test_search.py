"""Search over HTTP: results, excerpts, pages and permissions."""

import pytest
import trio

from argybargy.domain.limits import Limits
from argybargy.domain.search.query import Findings
from argybargy.store.memory.store import MemoryStore
from support.web_app import open_site
from support.work_counters import measured_calls


async def test_a_search_returns_messages_with_marked_excerpts() -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "Café: <b>Deploy</b> & wait")
        reply = await site.front.call("GET", "/search?q=caf%C3%A9+depl", code=bob)
        (result,) = reply.json["results"]
        read = await site.front.call("GET", "/messages/1", code=bob)
        assert result == {
            "room": "build",
            "message": read.json["message"],
            "snippet": "Café: <b>Deploy</b> & wait",
            "marks": [[0, 4], [9, 15]],
        }
        assert (reply.json["more"], reply.json["next_before"]) == (False, None)


async def test_pages_of_an_agent_go_by_seq_and_of_the_operator_by_next_before() -> None:
    async with open_site() as site:
        alice, dave = await site.code("alice"), await site.code("dave", "den")
        for number in range(3):
            await site.say(dave, f"word {number}")
            await site.say(alice, f"word {number}")
        reply = await site.front.call("GET", "/search?q=word&limit=2", code=alice)
        assert [each["message"]["seq"] for each in reply.json["results"]] == [3, 2]
        assert (reply.json["more"], reply.json["next_before"]) == (True, 2)
        seen, before, more = [], "", True
        while more:
            page = await site.admin("GET", f"/admin/search?q=word&limit=4{before}")
            seen += [
                (each["room"], each["message"]["seq"]) for each in page.json["results"]
            ]
            more, before = page.json["more"], f"&before={page.json['next_before']}"
        assert seen == [
            *(("build", 3), ("den", 3), ("build", 2), ("den", 2)),
            *(("build", 1), ("den", 1)),
        ]


@pytest.mark.parametrize(
    "query",
    ["swordfish", "sword", "from:alice", "from:alice+to:bob", "to:bob", "is:open+sw"],
)
async def test_an_outsider_finds_nothing_of_a_direct_message(query: str) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        carol, dave = await site.code("carol"), await site.code("dave", "den")
        empty = await site.front.call("GET", f"/search?q={query}", code=carol)
        await site.say(alice, "the swordfish is open", to="bob")
        for insider in (alice, bob):
            reply = await site.front.call("GET", f"/search?q={query}", code=insider)
            assert [each["message"]["seq"] for each in reply.json["results"]] == [1]
        for outsider in (carol, dave):
            for more in ("", "&limit=1", "&before=2", "+room:build"):
                target = f"/search?q={query}{more}"
                reply = await site.front.call("GET", target, code=outsider)
                assert reply.body == empty.body
        target = f"/search?q={query}&room=build"
        reply = await site.front.call("GET", target, code=carol)
        assert reply.body == empty.body
        reply = await site.front.call("GET", target, code=dave)
        assert (reply.status, reply.error) == (404, "room_not_found")
        found = await site.admin("GET", f"/admin/search?q={query}")
        assert len(found.json["results"]) == 1


async def test_another_room_looks_like_an_unknown_room() -> None:
    async with open_site() as site:
        alice, dave = await site.code("alice"), await site.code("dave", "den")
        await site.say(dave, "word")
        await site.say(alice, "word")
        rooms = {}
        for room in ("den", "nowhere", "BUILD"):
            target = f"/search?q=word+room:{room}"
            rooms[room] = (await site.front.call("GET", target, code=alice)).json
        assert rooms["den"] == rooms["nowhere"]
        assert rooms["den"] == {"results": [], "more": False, "next_before": None}
        assert [each["room"] for each in rooms["BUILD"]["results"]] == ["build"]


async def test_the_operator_searches_one_room_or_all() -> None:
    async with open_site() as site:
        alice, dave = await site.code("alice"), await site.code("dave", "Den")
        await site.say(alice, "word")
        await site.say(dave, "word")

        async def rooms(query: str) -> list[str]:
            reply = await site.admin("GET", f"/admin/search?q={query}")
            return [each["room"] for each in reply.json["results"]]

        assert await rooms("word") == ["Den", "build"]
        assert await rooms("word&room=den") == ["Den"]
        assert await rooms("word+room:DEN") == ["Den"]
        assert await rooms("word+room:den&room=Den") == ["Den"]
        assert await rooms("word+room:build&room=den") == []
        assert await rooms("word+room:nowhere") == []
        reply = await site.admin("GET", "/admin/search?q=word&room=nowhere")
        assert (reply.status, reply.error) == (404, "room_not_found")


@pytest.mark.parametrize(
    "query",
    [
        *("", "q=", "q=+", "q=%22%22", "q=-x", "q=from:", "q=is:shut"),
        *("q=" + "x" * 201, "q=x&limit=0", "q=x&before=-1", "q=%ff", "q=before:x"),
    ],
)
async def test_an_invalid_search_is_a_422_for_agents_and_operator(query: str) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        for reply in (
            await site.front.call("GET", f"/search?{query}", code=alice),
            await site.admin("GET", f"/admin/search?{query}"),
        ):
            assert (reply.status, reply.error) == (422, "invalid_request")


@pytest.mark.parametrize(
    "query", ["%00", "%22", "AND", "NEAR(", "*", "text%3A", "%5C", "'%3B--", "(x"]
)
async def test_no_search_text_is_an_internal_error(query: str) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        reply = await site.front.call("GET", f"/search?q=x+{query}", code=alice)
        assert reply.status == 200


async def test_search_results_are_limited() -> None:
    limits = Limits(posts_per_window=0, reads_per_window=0, search_results=3)
    async with open_site(limits) as site:
        alice = await site.code("alice")
        for _ in range(4):
            await site.say(alice, "word")
        reply = await site.front.call("GET", "/search?q=word&limit=99", code=alice)
        assert (len(reply.json["results"]), reply.json["more"]) == (3, True)


@pytest.mark.parametrize(("reads", "searches"), [(12, 2), (10, 2), (9, 1), (2, 1)])
async def test_a_search_counts_as_several_reads(reads: int, searches: int) -> None:
    async with open_site(Limits(reads_per_window=reads)) as site:
        alice = await site.code("alice")
        replies = [
            await site.front.call("GET", "/search?q=x", code=alice) for _ in range(3)
        ]
        taken = [reply.status for reply in replies].count(200)
        assert taken == searches
        assert [reply.status for reply in replies] == [200] * taken + [429] * (
            3 - taken
        )
        assert replies[-1].json["detail"]["limit"] == reads


@pytest.mark.parametrize("word", ["a", "b"])
async def test_a_slow_search_does_not_block_others(word: str) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        for _ in range(3):
            await site.say(alice, "a " * 3_998 + "b")
        words = "+".join([word] * 100)
        with measured_calls() as meter:
            reply = await site.front.call("GET", f"/search?q={words}", code=alice)
            page = await site.admin("GET", f"/admin/search?q={words}")
        assert len(reply.json["results"]) == len(page.json["results"]) == 3
        assert meter.most < 50_000


async def test_a_prefix_of_too_many_words_is_refused_with_advice() -> None:
    class WideStore(MemoryStore):
        async def search(self, *_: object) -> Findings:
            await trio.lowlevel.checkpoint()
            return Findings(is_too_wide=True)

    async with open_site(store=WideStore(Limits())) as site:
        alice = await site.code("alice")
        for reply in (
            await site.front.call("GET", "/search?q=de", code=alice),
            await site.admin("GET", "/admin/search?q=de"),
        ):
            assert (reply.status, reply.error) == (422, "invalid_request")
            (error,) = reply.json["detail"]["errors"]
            assert error["field"] == "q"
            assert "write more of it" in error["problem"]


async def test_the_manifest_describes_search() -> None:
    async with open_site() as site:
        manifest = (await site.front.call("GET", "/")).json
        paths = [each["path"] for each in manifest["endpoints"]]
        assert "/search?q=<words>&limit=20&before=<next_before>" in paths
        assert manifest["limits"]["search_results"] == 50
        assert manifest["limits"]["search_phrases"] == 16
        assert manifest["limits"]["search_reads"] == 5
