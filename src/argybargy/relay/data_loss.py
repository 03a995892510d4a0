"""The end of a relay whose data is lost."""

from typing import Final, NoReturn

import structlog
import trio

from argybargy.relay.readiness import Readiness
from argybargy.store.protocol import StoreHealth

log = structlog.get_logger(__name__)

LOST_SECONDS: Final = 2.0
"""How long those who meet damage have to hear of it before the process ends."""


async def end_when_lost(store: StoreHealth, readiness: Readiness) -> NoReturn:
    """End the relay when what is stored is lost: the one place for that.

    Whatever part meets the damage answers 503 and leaves the end to this task, which
    lets those answers out first, and has ``/ready`` say why until then.

    Raises:
        Corrupt: It is damaged, or was taken away.
    """
    loss = await store.wait_lost()
    log.warning("the relay ends, since its data is lost", reason=str(loss))
    readiness.lose(loss)
    await trio.sleep(LOST_SECONDS)
    raise loss
