"""Send pushes to the operator's webhook: signed JSON, over HTTP or HTTPS.

The operator names the address, so it may be one of this machine or of its network.
Redirects are failures, as with the wake hooks of agents.
"""

from typing import Final

import attrs

from argybargy.domain.wake_hooks import WakeUrl
from argybargy.relay.clock import Clock
from argybargy.relay.notifications.push import ChannelError, Push, push_json
from argybargy.relay.nudges.call import Caller, CallFailedError
from argybargy.relay.nudges.service import SIGNATURE, TIMESTAMP, sign
from argybargy.system.values import frozen

EVENT_ID: Final = "X-Argybargy-Id"
"""The id of the push. A push that is sent again has the same one."""
LABEL: Final = "webhook"


@frozen
class WebhookChannel:
    """The operator's webhook.

    Attributes:
        label: Its name.
    """

    _url: WakeUrl = attrs.field(repr=False)
    _secret: str = attrs.field(repr=False)
    _caller: Caller
    _clock: Clock
    label: str = LABEL

    async def send(self, push: Push) -> None:
        """Send a push; see `Channel`."""
        body = push_json(push)
        timestamp = str(self._clock.now().wall_ms // 1000)
        headers = (
            ("Content-Type", "application/json"),
            ("User-Agent", "argybargy"),
            (EVENT_ID, push.id),
            (TIMESTAMP, timestamp),
            (SIGNATURE, sign(self._secret, timestamp, body)),
        )
        try:
            await self._caller.post(self._url, headers, body)
        except CallFailedError as error:
            raise ChannelError(str(error)) from None
