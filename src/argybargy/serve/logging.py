"""Log configuration: one event a line, on standard error.

Events never contain a code, a token or the text of a message.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Final

from argybargy.system.logs import structlog
from argybargy.system.terminal import wants_colour

_FOREIGN_LEVEL: Final = logging.WARNING


def configure_logging(level: str, form: str, environment: Mapping[str, str]) -> None:
    """Configure logging for the process: key=value for people, JSON for programs.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        form: ``text`` or ``json``; ``auto`` is text on a terminal, JSON elsewhere.
        environment: Variables by name, such as ``NO_COLOR``.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    is_text = sys.stderr.isatty() if form == "auto" else form == "text"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=wants_colour(sys.stderr, environment),
            # The default shows local variables, and one of them may be a code.
            exception_formatter=structlog.dev.plain_traceback,
            # Quotes escape line breaks, so that no value can forge a log line.
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
