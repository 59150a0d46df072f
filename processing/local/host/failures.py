"""Says in one log line that a function failed."""

from __future__ import annotations

import structlog

from processing.domain.errors import DropzoneError

log = structlog.get_logger()


def log_failure(function: str, error: Exception, **attributes: object) -> None:
    """Log the failure of a function; with its traceback unless the error is one that the product raises on purpose."""
    unexpected = None if isinstance(error, DropzoneError) else error
    log.warning(
        "function_failed", function=function, error=f"{type(error).__name__}: {error}", exc_info=unexpected, **attributes
    )
