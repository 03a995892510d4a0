"""Settings of notifications: what is accepted, and that no secret is shown."""

from pathlib import Path

import pytest

from argybargy.settings.notify_parsers import MOST_URLS, parse_services
from argybargy.settings.secret import HIDDEN
from argybargy.settings.settings import Settings, SettingsError, parse_settings

SECRETS = {
    "ARGYBARGY_NOTIFY": "ntfy://top-secret, mailto://u:p4ss@h.example?to=a@b.c,d@e.f",
    "ARGYBARGY_WEBHOOK": "https://hooks.example.com/tok3n",
    "ARGYBARGY_WEBHOOK_SECRET": "sixteen-bytes-or-more",
}


def read(**variables: str) -> Settings:
    return parse_settings(
        {f"ARGYBARGY_{name.upper()}": value for name, value in variables.items()}
    )


def mistake(**variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**variables)
    (only,) = caught.value.mistakes
    return str(only)


@pytest.mark.parametrize(
    "text",
    [
        "ntfy://a,tgram://b/c",
        "ntfy://a, tgram://b/c",
        "ntfy://a tgram://b/c",
        " ntfy://a\ntgram://b/c,",
    ],
)
def test_services_are_separated_and_counted(text: str) -> None:
    urls = [each.value for each in read(notify=text).notify]
    assert urls == ["ntfy://a", "tgram://b/c"]
    too_many = " ".join(["ntfy://a"] * (MOST_URLS + 1))
    with pytest.raises(ValueError, match=str(MOST_URLS)):
        parse_services(too_many)


def test_a_comma_within_a_url_does_not_separate() -> None:
    settings = parse_settings(SECRETS)
    assert [each.value for each in settings.notify] == [
        "ntfy://top-secret",
        "mailto://u:p4ss@h.example?to=a@b.c,d@e.f",
    ]


def test_a_file_lists_services(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('notify = ["ntfy://a", "slack://b"]\n')
    settings = parse_settings({}, config=file)
    assert [each.value for each in settings.notify] == ["ntfy://a", "slack://b"]


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    shown = repr(parse_settings(SECRETS))
    for word in ("top-secret", "p4ss", "tok3n", "sixteen"):
        assert word not in shown
    assert str(parse_settings(SECRETS).webhook) == HIDDEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notify", "ntfy://fine, ma1lto:top-secret"),
        ("notify", "top-secret"),
        ("webhook", "ftp://top-secret/"),
        ("webhook", "https://user:top-secret@h/"),
        ("webhook_secret", "top-secret"),
        ("webhook_secret", "@/no/such/top-secret"),
    ],
)
def test_a_mistake_in_a_secret_does_not_show_it(name: str, value: str) -> None:
    variables = {name: value}
    if name == "webhook_secret":
        variables["webhook"] = "https://h/"
    assert "top-secret" not in mistake(**variables)


def test_the_secret_of_the_webhook_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text("a secret that is long enough\n")
    settings = read(webhook="http://127.0.0.1:9/", webhook_secret=f"@{file}")
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.value == "a secret that is long enough"


def test_a_secret_without_a_webhook_is_of_no_use() -> None:
    assert "ARGYBARGY_WEBHOOK" in mistake(webhook_secret="x" * 16)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("22:00-07:00", 22 * 60, 7 * 60),
        (" 9:30 - 12:00 ", 570, 720),
        ("00:00-24:00", 0, 1440),
        ("22:00-07:00 Europe/Berlin", 22 * 60, 7 * 60),
        ("22:00-07:00 UTC", 22 * 60, 7 * 60),
    ],
)
def test_quiet_hours_are_read(text: str, start: int, end: int) -> None:
    quiet = read(quiet_hours=text).quiet_hours
    assert quiet is not None
    assert (quiet.start, quiet.end) == (start, end)
    assert (quiet.zone is not None) == (len(text.split()) == 2 and "/" in text) or (
        text.endswith("UTC")
    )


@pytest.mark.parametrize(
    "text",
    [
        *("22-7", "22:00", "25:00-07:00", "22:60-07:00", "24:00-07:00", "07:00-07:00"),
        *("22:00-07:00 Nowhere/City", "22:00-07:00 ../../etc/passwd", "always"),
    ],
)
def test_other_quiet_hours_are_refused(text: str) -> None:
    assert "22:00-07:00" in mistake(quiet_hours=text)


def test_urgent_words_are_read() -> None:
    assert read(urgent="Prod, page me,, prod").urgent == ("prod", "page me")
    assert "words" in mistake(urgent="x" * 41)


def test_the_delay_is_in_minutes() -> None:
    assert read().notify_after == 2
    assert read(notify_after="0.5").notify_after == 0.5
    assert "0 to 1440" in mistake(notify_after="-1")
