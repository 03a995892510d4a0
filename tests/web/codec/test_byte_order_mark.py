"""Byte order marks before a body, which some programs always write."""

from codecs import BOM_UTF8

import pytest

from support.web_app import TOKEN, open_site

JSON, PLAIN = "application/json", "text/plain"
LINE = b'{"type":"room","room":"lab"}\n'
BODIES = [
    ("/messages", JSON, b'{"text":"hello"}'),
    ("/messages", PLAIN, b"hello"),
    ("/messages/1/claim", JSON, b'{"lease_seconds":60}'),
    ("/messages/1/claim", JSON, b""),
    ("/admin/say", JSON, b'{"room":"build","text":"hello"}'),
    ("/admin/rooms/build/open", JSON, b"{}"),
    ("/admin/import", "application/x-ndjson", LINE),
    ("/admin/import?check=1", "application/x-ndjson", LINE),
]


@pytest.mark.parametrize(("target", "media_type", "body"), BODIES)
async def test_a_byte_order_mark_is_stripped(
    target: str, media_type: str, body: bytes
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "who can?", expects_reply="anyone")
        headers = {"content-type": media_type}
        token = TOKEN if target.startswith("/admin") else None
        reply = await site.front.call(
            "POST",
            target,
            code=None if token else bob,
            token=token,
            body=BOM_UTF8 + body,
            headers=headers,
        )
        assert reply.status == 200, reply.body
        heard = await site.front.call("GET", "/messages?since=1", code=ann)
        assert {each["text"] for each in heard.json["messages"]} <= {"hello"}
