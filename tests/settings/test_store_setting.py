"""The setting of the store: SQLite, or the URL of a PostgreSQL database."""

import pytest

from argybargy.settings.secret import HIDDEN
from argybargy.settings.settings import SettingsError, parse_settings

URL = "postgresql://relay:top-secret@db/relay"
PUBLIC = {"ARGYBARGY_PUBLIC_URL": "https://relay.example"}


@pytest.mark.parametrize("variables", [{}, {"ARGYBARGY_STORE": "sqlite"}])
def test_the_store_is_sqlite_by_default(variables: dict[str, str]) -> None:
    assert parse_settings(variables).store is None


def test_the_address_of_a_store_is_not_shown() -> None:
    settings = parse_settings({"ARGYBARGY_STORE": URL, **PUBLIC})
    assert settings.store is not None
    assert settings.store.value == URL
    assert str(settings.store) == HIDDEN
    assert "top-secret" not in repr(settings)


@pytest.mark.parametrize(
    "value",
    [
        "mysql://top-secret@db/x",
        "postgresql:top-secret",
        "top-secret",
        "postgres://a b",
    ],
)
def test_no_message_repeats_an_invalid_address(value: str) -> None:
    with pytest.raises(SettingsError, match="ARGYBARGY_STORE must be") as caught:
        parse_settings({"ARGYBARGY_STORE": value, **PUBLIC})
    assert "top-secret" not in str(caught.value)


def test_a_shared_store_needs_a_public_url() -> None:
    with pytest.raises(SettingsError, match="needs ARGYBARGY_PUBLIC_URL"):
        parse_settings({"ARGYBARGY_STORE": URL})


def test_a_shared_store_is_not_ephemeral() -> None:
    variables = {"ARGYBARGY_STORE": URL, "ARGYBARGY_EPHEMERAL": "1", **PUBLIC}
    with pytest.raises(SettingsError, match="ARGYBARGY_EPHEMERAL"):
        parse_settings(variables)
