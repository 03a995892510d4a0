"""Real Apprise against an ntfy server on loopback, and the signed webhook."""

import hashlib
import hmac
import sys
from types import SimpleNamespace

import attrs
import msgspec
import pytest
import trio

from argybargy.domain.notifications import Event, EventKind
from argybargy.domain.wake_hooks import parse_wake_url
from argybargy.relay.notifications.apprise_channel import (
    INSTALL,
    AppriseChannel,
    make_apprise_channels,
)
from argybargy.relay.notifications.push import (
    ChannelError,
    NotifySettingsError,
    Push,
    PushedEvent,
)
from argybargy.relay.notifications.webhook import WebhookChannel
from argybargy.relay.nudges.call import EVERY_HOST, HookCaller
from support.relay import SettableClocks
from support.wake_calls import open_hook

QUESTION = Event(
    EventKind.QUESTION,
    1_800_000_000_000,
    "build",
    "7",
    "ann",
    "May I? {{ title }} \\n <b>&amp;",
    ("yes", "no"),
)
PUSH = Push(
    "0" * 32, 1_800_000_000_000, (PushedEvent("0" * 32, QUESTION, "http://l/q"),)
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
TOPIC = "a-secret-topic"
URLS = (
    "ntfy://mytopic",
    "ntfys://user:password@ntfy.example.com/topic",
    "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "slack://TJ4MTUC2X/B0122BHV5/8zzKyFyhwyD7KSKyuDh3mHyg/",
    "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "mailto://me:password@gmail.com",
    "mailtos://u:p@smtp.example.com?from=relay@example.com&to=a@example.com,b@example.com",
    "pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@tttttttttttttttttttttttttttttt",
    "matrixs://user:password@matrix.example.com/#ops",
    "gotify://gotify.example.com/AbCdEfGhIjKlMno",
    "signal://localhost:8080/+15550001111/+15550002222",
    "workflows://prod-11.westus.logic.azure.com:443/abcdef0123/sig0123456789",
)


def channel(url: str) -> AppriseChannel:
    (made,) = make_apprise_channels([url])
    return made


@pytest.mark.parametrize("url", URLS)
def test_urls_are_accepted_as_their_services_document_them(url: str) -> None:
    made = channel(url)
    assert made.label == f"1 {url.split(':', maxsplit=1)[0]}"
    for word in ("topic", "password", "abcdefg", "8zzKyF", "JHMHI8", "AbCdEf"):
        assert word not in repr(made)


@pytest.mark.parametrize("bad", ["nope://very-secret", "tgram://very-secret"])
def test_a_bad_url_is_refused_with_its_position_and_without_its_secret(
    bad: str,
) -> None:
    with pytest.raises(NotifySettingsError) as caught:
        make_apprise_channels(["ntfy://topic", bad])
    text = f"{caught.value} {caught.value.hint}"
    assert "URL 2 of 2" in text
    assert bad.partition(":")[0] in text
    assert "very-secret" not in text


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from argybargy.relay.notifications import apprise_channel  # noqa: PLC0415

    apprise_channel._load.cache_clear()
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotifySettingsError) as caught:
        make_apprise_channels(["ntfy://topic"])
    assert INSTALL in caught.value.hint
    apprise_channel._load.cache_clear()


async def test_a_push_reaches_an_ntfy_server() -> None:
    async with open_hook(OK) as hook:
        await channel(f"ntfy://127.0.0.1:{hook.port}/{TOPIC}").send(PUSH)
    ((request, body),) = hook.requests
    sent = msgspec.json.decode(body)
    assert request.method == b"POST"
    assert sent["topic"] == TOPIC
    assert sent["title"] == "build #7: ann asks you"
    assert sent["message"] == (
        "May I? {{ title }} \\n ‹b>&amp;\n\nAnswer within an hour:\nhttp://l/q"
    )
    fields = dict(request.headers)
    assert not any(b"github" in value for value in fields.values()), "no other host"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "500"),
    ],
)
async def test_a_refusal_says_why_and_shows_no_secret(
    answer: bytes, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with open_hook(answer) as hook:
        made = channel(f"ntfy://user:pass-word@127.0.0.1:{hook.port}/{TOPIC}")
        with pytest.raises(ChannelError, match=reason) as caught:
            await made.send(PUSH)
    said = f"{caught.value}{capfd.readouterr()}"
    assert TOPIC not in said
    assert "pass-word" not in said


class Talkative:
    """A service that refuses, and logs what it knows.

    Attributes:
        said: What it logs.
    """

    def __init__(self, said: str) -> None:
        self.said = said

    def __bool__(self) -> bool:
        return False

    def notify(self, **_: object) -> "Talkative":
        return self

    def logs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(message=self.said)]


async def test_a_secret_is_hidden_in_a_reason_however_it_is_written() -> None:
    made = channel("ntfy://user:pass%2Bw%C3%B6rter%21secret@127.0.0.1:1/topic")
    said = "refused user with pass+wörter!secret (pass%2Bw%C3%B6rter%21secret)"
    made = attrs.evolve(made, service=Talkative(said))
    with pytest.raises(ChannelError, match="refused") as caught:
        await made.send(PUSH)
    for part in ("user", "pass", "rter", "secret"):
        assert part not in str(caught.value)


async def test_a_service_that_is_down_is_said() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with pytest.raises(ChannelError, match="not reached"):
        await channel(f"ntfy://127.0.0.1:{port}/{TOPIC}").send(PUSH)


def webhook(url: str) -> WebhookChannel:
    parsed = parse_wake_url(url)
    assert parsed is not None
    clock = SettableClocks().clock()
    return WebhookChannel(parsed, "the shared secret", HookCaller(EVERY_HOST), clock)


async def test_the_webhook_gets_signed_json_with_the_id_of_the_event() -> None:
    async with open_hook() as hook:
        await webhook(f"http://127.0.0.1:{hook.port}/in?x=1").send(PUSH)
    ((request, body),) = hook.requests
    fields = {name.decode(): value.decode() for name, value in request.headers}
    signed = f"{fields['x-argybargy-timestamp']}.".encode() + body
    mac = hmac.new(b"the shared secret", signed, hashlib.sha256).hexdigest()
    assert fields["x-argybargy-signature"] == f"sha256={mac}"
    assert fields["x-argybargy-id"] == PUSH.id
    assert request.target == b"/in?x=1"
    sent = msgspec.json.decode(body)
    assert sent == {
        "id": PUSH.id,
        "at": "2027-01-15T08:00:00.000+00:00",
        "title": "build #7: ann asks you",
        "events": [
            {
                "id": PUSH.id,
                "event": "question",
                "at": "2027-01-15T08:00:00.000+00:00",
                "title": "build #7: ann asks you",
                "text": "May I? {{ title }} \\n ‹b>&amp;",
                "urgent": False,
                "room": "build",
                "seq": 7,
                "from": "ann",
                "to": "operator",
                "choices": ["yes", "no"],
                "link": "http://l/q",
            }
        ],
    }


async def test_the_webhook_follows_no_redirect() -> None:
    answer = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n"
    async with open_hook(answer) as hook:
        with pytest.raises(ChannelError, match="status 307"):
            await webhook(f"http://127.0.0.1:{hook.port}/").send(PUSH)
        assert len(hook.requests) == 1


def test_a_summary_has_a_link_below_each_question() -> None:
    other = attrs.evolve(QUESTION, subject="8")
    loop = Event(EventKind.LOOP, 0, "build", "ann and bob")
    push = Push(
        "1" * 32,
        0,
        (
            PushedEvent("2" * 32, QUESTION, "http://l/7"),
            PushedEvent("3" * 32, loop),
            PushedEvent("4" * 32, other, "http://l/8"),
        ),
    )
    assert push.title == "3 things wait for you"
    assert push.body.split("\n") == [
        "build #7: ann asks you",
        "http://l/7",
        "build: a loop of ann and bob was damped",
        "build #8: ann asks you",
        "http://l/8",
    ]
