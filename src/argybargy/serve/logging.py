"""How the relay logs: to standard error, one event a line.

Events carry facts and never a code, a token or a message's text.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Final

import structlog

from argybargy.system.terminal import wants_colour

_FOREIGN_LEVEL: Final = logging.WARNING


def configure_logging(level: str, form: str, environment: Mapping[str, str]) -> None:
    """Set up logging for the process: key=value for people, JSON for programs.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        form: ``text`` or ``json``; ``auto`` is text on a terminal, JSON elsewhere.
        environment: Variables by name, which may say that there are no colours.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    is_text = sys.stderr.isatty() if form == "auto" else form == "text"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=wants_colour(sys.stderr, environment),
            # The default one shows local variables, and one of them may be a code.
            exception_formatter=structlog.dev.plain_traceback,
            # What is in quotes cannot begin a line of its own.
            repr_native_str=True,
        )
        if is_text
        else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not is_text:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_FOREIGN_LEVEL)
    logging.getLogger("argybargy").setLevel(number)
