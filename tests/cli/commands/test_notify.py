"""Commands about notifications, against a fake relay and without a relay."""

from argybargy.web.codec.notification_bodies import (
    NotificationsBody,
    NotificationTestBody,
    ServiceRow,
    TriedService,
)
from support.fake_operator import FakeOperator
from support.terminal import Terminal


def test_a_test_that_all_services_accept_succeeds() -> None:
    operator = FakeOperator()
    operator.tested = NotificationTestBody([TriedService("1 ntfy", True, "")])
    result = Terminal(operator).type("notify", "test")
    assert (result.code, result.out) == (0, "1 ntfy  ok\n")


def test_a_test_without_services_says_how_to_set_them() -> None:
    result = Terminal(FakeOperator()).type("notify", "test")
    assert result.code == 1
    assert "No service is set" in result.talk
    assert "get-notified" in result.talk


def test_the_reason_of_a_service_cannot_steer_the_terminal() -> None:
    operator = FakeOperator()
    operator.tested = NotificationTestBody(
        [TriedService("1 ntfy", False, "\x1b[31mred")]
    )
    result = Terminal(operator).type("notify", "test")
    assert result.code == 1
    assert "\x1b[31m" not in result.out


def test_status_without_services_succeeds() -> None:
    result = Terminal(FakeOperator()).type("notify", "status")
    assert result.code == 0
    assert "No service is set" in result.talk


def test_the_status_of_the_relay_names_a_failing_service() -> None:
    operator = FakeOperator()
    rows = [
        ServiceRow("1 ntfy", "ok", None, "", 0, 1, 0, None),
        ServiceRow("webhook", "failing", None, "status 500", 1, 0, 0, None),
    ]
    operator.notifications = NotificationsBody(
        rows, quiet=True, quiet_hours="22:00-07:00", after_seconds=120.0
    )
    shown = Terminal(operator).type("status").out
    assert "notify    webhook fails (status 500); quiet hours" in shown
