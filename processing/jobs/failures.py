"""Says what went wrong without repeating a customer's value."""

from __future__ import annotations

import traceback

from structlog.typing import FilteringBoundLogger

from processing.domain.errors import DropzoneError


def safe_message(error: BaseException) -> str:
    """The text of an error that may be stored and logged.

    The messages of our own errors are made of facts; that of any other may quote a value, and only its type is told.
    """
    return str(error) if isinstance(error, DropzoneError) else type(error).__name__


def log_failure(log: FilteringBoundLogger, event: str, error: BaseException, **attributes: object) -> None:
    """One line about a failure; for an error that is not ours, with the places in the code that it came through."""
    where = None
    if not isinstance(error, DropzoneError):
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.warning(event, error=safe_message(error), where=where, **attributes)
