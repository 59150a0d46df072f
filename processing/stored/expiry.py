"""Up to which time our own retention has deleted uploads, written down before it does: what we delete is not withdrawn.

One instant tells it of all of them, because retention deletes by the time of an upload alone. It only ever grows, so that a
retention that was shorter once is not forgotten.
"""

from __future__ import annotations

import json
from datetime import datetime

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, LaterError
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.tries import tries

_BEFORE = "before"


def keep_expiry(context: JobContext, customer: str, before: datetime) -> None:
    """Write down that uploads last modified before this instant may be deleted from now on; LaterError when that fails."""
    for _ in tries(context):
        found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.expiry_name(customer))
        known = None if found is None else _parsed(found[0])
        if known is not None and known >= before:
            return
        data = json.dumps({_BEFORE: before.isoformat()}).encode()
        when = IF_ABSENT if found is None else Condition.unchanged(found[1].etag)
        try:
            context.lake.put(blob_names.STATE_CONTAINER, blob_names.expiry_name(customer), data, when=when)
        except ConditionNotMet:
            continue
        return
    raise LaterError(f"what expires of {customer} changes faster than it can be written down")


def read_expiry(context: JobContext, customer: str) -> datetime | None:
    """The latest such instant; None where retention never deleted an upload."""
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.expiry_name(customer))
    return None if found is None else _parsed(found[0])


def _parsed(data: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(data)[_BEFORE])
