"""Events on standard error: one line each, as text or JSON, without secrets. Also those of the libraries."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, TextIO

import structlog

from daypass.config import LogFormat, LogLevel
from daypass.web.redaction import redact_event

if TYPE_CHECKING:
    from structlog.types import Processor

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


# Redaction is part of the logger itself and not of its configuration: structlog as it comes prints tracebacks with all
# local variables. It comes after formatting, so that it sees the texts of exceptions and of libraries, too.
_PROCESSORS: Final[tuple[Processor, ...]] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.ExceptionRenderer(),
    redact_event,
)


def configure(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> None:
    """Send every event of this process to `stream` (standard error), from `level` upwards."""
    # Both renderers escape line breaks, so that nothing a caller sends can look like another event.
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form is LogFormat.JSON
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_PROCESSORS,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries tell of each start and each odd connection; only what is wrong with them is worth repeating.
    root.setLevel(max(logging.WARNING, _LEVELS[level]))
    logging.getLogger("daypass").setLevel(_LEVELS[level])


def logger() -> structlog.stdlib.BoundLogger:
    """The logger of the identity provider."""
    made: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger("daypass"),
        processors=[
            structlog.stdlib.filter_by_level,
            *_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return made.bind()  # what `wrap_logger` gives makes a new logger at each use, if only to ask for its level
