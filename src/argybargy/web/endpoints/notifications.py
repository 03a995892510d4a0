"""Endpoints of the operator about notifications: their state, and a test."""

from argybargy.web.access.services import Services
from argybargy.web.codec.notification_bodies import (
    NotificationTestBody,
    TriedService,
    notifications_body,
)
from argybargy.web.request import Request, Response, json_response


async def notifications(services: Services, request: Request) -> Response:
    """Return the state of the services that notify the operator."""
    return json_response(notifications_body(services.relay.notifications))


async def test_notifications(services: Services, request: Request) -> Response:
    """Send a test to every service, and return which have accepted it."""
    tested = await services.relay.notifications.test()
    rows = [
        TriedService(label, reason is None, reason or "") for label, reason in tested
    ]
    return json_response(NotificationTestBody(rows))
