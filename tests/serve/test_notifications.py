"""Notifications from settings: plans, secrets on the disk, and errors of the start."""

import stat
import sys
from pathlib import Path

import msgspec
import pytest

from argybargy.cli.doctor.finding import Level
from argybargy.cli.doctor.notifications import check_services, judge_running
from argybargy.cli.doctor.probe import Heard
from argybargy.cli.doctor.reachability import Reached
from argybargy.relay.clock import system_clock
from argybargy.relay.notifications import apprise_channel
from argybargy.serve.notifications import (
    LINK_KEY_FILE,
    SIGNING_FILE,
    make_plan,
    read_link_key,
    send_tests,
)
from argybargy.serve.services import open_services
from argybargy.serve.startup_errors import EXIT_SETTINGS, explain_startup_error
from argybargy.settings.settings import Settings, parse_settings
from support.wake_calls import open_hook


def settings_for(data: Path, **variables: str) -> Settings:
    given = {f"ARGYBARGY_{name.upper()}": value for name, value in variables.items()}
    return parse_settings({"ARGYBARGY_DATA": str(data), **given})


async def test_without_settings_nothing_is_imported_or_made(tmp_path: Path) -> None:
    plan = await make_plan(settings_for(tmp_path / "data"), system_clock())
    assert plan.channels == ()
    assert not (tmp_path / "data").exists()


async def test_a_plan_has_a_channel_for_each_service_and_the_webhook(
    tmp_path: Path,
) -> None:
    settings = settings_for(
        tmp_path,
        notify="ntfy://a tgram://123456789:abcdefg_hijklmnop/12315544/",
        webhook="http://127.0.0.1:9/",
        notify_after="0.5",
        urgent="prod",
    )
    plan = await make_plan(settings, system_clock())
    assert [each.label for each in plan.channels] == ["1 ntfy", "2 tgram", "webhook"]
    assert (plan.rules.after_seconds, plan.rules.urgent_words) == (30, ("prod",))


async def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data", webhook="http://127.0.0.1:9/")
    await make_plan(settings, system_clock())
    secret = (tmp_path / "data" / SIGNING_FILE).read_text()
    await make_plan(settings, system_clock())
    assert (tmp_path / "data" / SIGNING_FILE).read_text() == secret
    key = await read_link_key(tmp_path / "data")
    assert len(key) == 64
    assert await read_link_key(tmp_path / "data") == key
    for name in (SIGNING_FILE, LINK_KEY_FILE):
        mode = (tmp_path / "data" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


async def test_a_missing_extra_stops_the_start_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apprise_channel._load.cache_clear()
    monkeypatch.setitem(sys.modules, "apprise", None)
    settings = settings_for(tmp_path, notify="ntfy://a-secret-topic")
    with pytest.raises(ExceptionGroup) as caught:
        async with open_services(settings):
            pass
    apprise_channel._load.cache_clear()
    ending = explain_startup_error(caught.value, settings, "up")
    assert ending.code == EXIT_SETTINGS
    assert "pip install 'argybargy[notify]'" in str(ending)
    assert "a-secret-topic" not in str(ending)


async def test_a_command_without_a_relay_notifies_nobody(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, notify="nope://x")
    async with open_services(settings, is_offline=True) as services:
        assert services.relay.notifications.outboxes == ()


async def test_services_are_tested_without_a_relay(tmp_path: Path) -> None:
    async with open_hook() as hook:
        url = f"http://127.0.0.1:{hook.port}/"
        tested = await send_tests(settings_for(tmp_path, webhook=url))
    assert tested == (("webhook", None),)
    ((_, body),) = hook.requests
    assert msgspec.json.decode(body)["events"][0]["event"] == "test"


def test_the_doctor_names_services_and_never_their_urls(tmp_path: Path) -> None:
    assert list(check_services(settings_for(tmp_path))) == []
    settings = settings_for(tmp_path, notify="ntfy://topsecret", webhook="http://h/")
    (found,) = check_services(settings)
    assert (found.level, "1 ntfy, webhook" in found.text) == (Level.OK, True)
    (found,) = check_services(settings_for(tmp_path, notify="nope://topsecret"))
    assert found.level is Level.PROBLEM
    assert "topsecret" not in f"{found.text}{found.fix}"


def test_the_doctor_warns_of_a_failing_service() -> None:
    body = {
        "services": [
            {"service": "1 ntfy", "state": "ok", "reason": ""},
            {"service": "webhook", "state": "failing", "reason": "status 500"},
        ]
    }
    reached = Reached("http://r", Heard(200, msgspec.json.encode(body)))
    (found,) = judge_running(reached)
    assert found.level is Level.WARNING
    assert found.text == "webhook accepts no notifications: status 500."
    assert list(judge_running(Reached("http://r", Heard(404, b"{}")))) == []
