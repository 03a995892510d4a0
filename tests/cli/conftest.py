"""Fixtures of all tests of commands."""

import pytest


@pytest.fixture(autouse=True)
def no_relay_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the relays of this user from commands, which name those that run."""
    state = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
