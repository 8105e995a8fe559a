"""Events on standard error: one line each, as text or JSON, without secrets. Also those of the libraries."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

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


def configure(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> None:
    """Send every event of this process to `stream` (standard error), from `level` upwards.

    Redaction comes last before rendering, so that it sees formatted tracebacks and messages of libraries, too.
    """
    common: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    # Both renderers escape line breaks, so that nothing a caller sends can look like another event.
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form is LogFormat.JSON
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    # The server announces its start, its stop and each odd connection; only what is wrong is ours to repeat.
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, _LEVELS[level]))
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """The logger of the identity provider."""
    return structlog.get_logger("daypass")
