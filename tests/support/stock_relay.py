"""The relay's app under plain Hypercorn, as the control of the wire tests.

Only the HTTP server differs: neither ours nor the guard of Hypercorn is used. Run as a
program, with the environment of a relay.
"""

import signal
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from argybargy.serve.logging import configure_logging
from argybargy.serve.services import open_services
from argybargy.settings.settings import Settings, read_settings
from argybargy.web.app import create_app


async def run(settings: Settings) -> None:
    """Serve until SIGTERM."""
    config = Config()
    config.bind = [f"{settings.host}:{settings.port}"]
    config.backlog = 1024
    config.accesslog = config.errorlog = None
    with trio.open_signal_receiver(signal.SIGTERM) as received:
        async with open_services(settings) as services:
            await serve(
                create_app(services),
                config,
                shutdown_trigger=partial(anext, received),
                mode="asgi",
            )


def main() -> None:
    """Read the settings and serve."""
    settings = read_settings()
    configure_logging(settings.log_level, settings.log_format, {})
    trio.run(run, settings)


if __name__ == "__main__":
    main()
