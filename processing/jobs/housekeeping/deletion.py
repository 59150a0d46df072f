"""Deletes blobs one by one, so that one that cannot be deleted keeps none of those behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import structlog

from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError, LeasedError, OperatorError
from processing.jobs.failures import log_failure, safe_message
from processing.ports import UNCONDITIONAL, BlobInfo, BlobStore, Condition
from processing.stored.not_deleted import NotDeleted

_ENOUGH: Final = 10
"""Failures in a row after which storage itself is taken to be unwell."""

_log = structlog.get_logger()


def delete_each(
    store: BlobStore,
    container: str,
    blobs: Iterable[BlobInfo | str],
    *,
    customer: str,
    step: str,
    stays: list[NotDeleted] | None = None,
) -> int:
    """Delete these blobs, a listed one only while it is still that version; returns how many.

    A lease that somebody holds on one is broken. Those that cannot be deleted stay: they are added to `stays`, and one log
    event counts them. When
    storage fails ten times in a row the rest is left to the next round.
    """
    deleted = failed = in_a_row = 0
    last: DropzoneError | None = None
    for blob in blobs:
        name, when = (blob, UNCONDITIONAL) if isinstance(blob, str) else (blob.name, Condition.unchanged(blob.etag))
        try:
            _delete(store, container, name, when)
        except ConditionNotMet:
            continue  # it was written again a moment ago
        except (LaterError, OperatorError) as error:
            failed, last = failed + 1, error
            if stays is not None:
                stays.append(NotDeleted(name=name, reason=safe_message(error)))
            is_storage = isinstance(error, LaterError) and not isinstance(error, LeasedError)
            in_a_row = in_a_row + 1 if is_storage else 0
            if in_a_row == _ENOUGH:
                break
        else:
            deleted, in_a_row = deleted + 1, 0
    if last is not None:
        log_failure(_log, "blobs_not_deleted", last, customer=customer, step=step, count=failed)
    return deleted


def _delete(store: BlobStore, container: str, name: str, when: Condition) -> None:
    try:
        store.delete(container, name, when=when)
    except LeasedError:
        store.break_lease(container, name)
        store.delete(container, name, when=when)
