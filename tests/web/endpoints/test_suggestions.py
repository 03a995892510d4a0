"""A name or a field that is mistyped: the one that is probably meant is named."""

import pytest

from argybargy.relay.room.delivery_report import MAX_NEAR
from support.web_app import open_site

TEXT = {"accept": "text/plain"}
EXPECT_IGNORED = b"ignored: expect_reply (did you mean expects_reply?)\n"


async def test_a_message_to_an_unknown_name_says_who_is_probably_meant() -> None:
    async with open_site() as site:
        ann, _ = await site.code("ann"), await site.code("Carol")
        said = await site.say(ann, "psst", to="carrol")
        assert said.status == 200
        warning = "nobody called carrol is in this room: did you mean Carol?"
        assert said.json["warning"] == warning
        json = {"text": "psst", "to": ["carrol", "zoe"]}
        lines = await site.front.call(
            "POST", "/messages", code=ann, json=json, headers=TEXT
        )
        assert lines.body.decode().splitlines()[1:] == [
            f"warning: {warning}",
            "warning: nobody called zoe is in this room",
        ]


async def test_asking_an_unknown_name_before_all_says_so_too() -> None:
    async with open_site() as site:
        ann, _ = await site.code("ann"), await site.code("carol")
        said = await site.say(ann, "psst", expects_reply="carrol")
        warning = "nobody called carrol is in this room: did you mean carol?"
        assert said.json["warning"] == warning


async def test_names_of_other_rooms_and_readers_are_not_suggested() -> None:
    async with open_site() as site:
        ann, _ = await site.code("ann"), await site.code("carol", "elsewhere")
        said = await site.say(ann, "psst", to="carrol")
        assert said.json["warning"] == "nobody called carrol is in this room"


async def test_only_the_first_unknown_names_are_compared() -> None:
    async with open_site() as site:
        ann, _ = await site.code("ann"), await site.code("carol")
        typos = [f"carol{number}" for number in range(MAX_NEAR + 1)]
        said = await site.say(ann, "psst", to=typos)
        assert said.json["warning"].count("did you mean carol?") == MAX_NEAR


async def test_an_unknown_field_says_which_is_probably_meant() -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        said = await site.say(ann, "hi", replyto=1, mood="good")
        assert said.json["ignored"] == ["replyto", "mood"]
        assert said.json["did_you_mean"] == {"replyto": "reply_to"}
        target = "/messages?expect_reply=none&room=build"
        plain = {"content-type": "text/plain"} | TEXT
        lines = await site.front.call(
            "POST", target, code=ann, body=b"hi", headers=plain
        )
        assert lines.body == b"ok 2\n" + EXPECT_IGNORED
        minimal = {"prefer": "return=minimal"}
        json = {"text": "hi", "replyto": 1}
        lean = await site.front.call(
            "POST", "/messages", code=ann, json=json, headers=minimal
        )
        assert lean.json["did_you_mean"] == {"replyto": "reply_to"}


@pytest.mark.parametrize(
    ("fields", "unknown"),
    [({"txt": "hi"}, "txt (did you mean text?)"), ({"message": "hi"}, "message")],
)
async def test_a_missing_field_is_told_with_the_one_that_was_sent_for_it(
    fields: dict[str, str], unknown: str
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        for path in ("/messages", "/ask"):
            reply = await site.front.call("POST", path, code=code, json=fields)
            assert reply.status == 422
            (problem,) = reply.json["detail"]["errors"]
            assert problem == {
                "field": "text",
                "problem": f"this field is required; unknown: {unknown}",
            }
