"""Marks, by a call, every day of a stream that ends at or before a time (contract section 7).

The days are named by a file of finished dates, an ordinary upload that has its receipt like any other. Up to when a stream
was marked is noted beside it:

    file for the days up to T ... note of T

Killed between the two, the call had no answer and is made again; the file is written once, as its name tells T.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog

from processing.domain import blob_names
from processing.domain.documents import from_json, to_json
from processing.domain.errors import ConditionNotMet, DropzoneError, LaterError
from processing.domain.marker_names import called_mark_name
from processing.domain.queue_messages import upload_event
from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.ports import IF_ABSENT, Condition
from processing.stored.context import JobContext
from processing.stored.policies import readiness_policy
from processing.stored.stream_state import load_state
from processing.stored.tries import tries

FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)
_MOST_DAYS: Final = 1_100
"""Of one file."""

_log = structlog.get_logger()


class TooFarAhead(DropzoneError):
    """The time lies more than a day ahead of the storage service's, or before the year 2000."""


class EarlierThanMarked(DropzoneError):
    """Days up to a later time were marked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledMark:
    """Up to when the days of a stream were marked by calls, as it is stored."""

    up_to: datetime


def mark_data_ready(context: JobContext, stream: Stream, up_to: datetime) -> date:
    """Mark every day that ends at or before `up_to` and return the last of them; the same again changes nothing.

    Raises TooFarAhead, EarlierThanMarked, and LaterError when storage is down.
    """
    now = context.drop.service_time()
    if not FIRST <= up_to <= now + _AHEAD:
        raise TooFarAhead("write a unix time in seconds, from the year 2000 to one day ahead")
    last = context.zone.day_of(up_to) - timedelta(days=1)
    for _ in tries(context):
        before, etag = _read(context, stream)
        if before is not None and up_to < before.up_to:
            raise EarlierThanMarked(f"days up to {before.up_to:%Y-%m-%dT%H:%M:%SZ} were marked before")
        if before is not None and up_to == before.up_to:
            return last
        _leave_file(context, stream, _days(context, stream, before, last), up_to)
        when = IF_ABSENT if etag is None else Condition.unchanged(etag)
        try:
            note = to_json(CalledMark(up_to=up_to))
            context.lake.put(blob_names.STATE_CONTAINER, blob_names.called_mark_name(stream), note, when=when)
        except ConditionNotMet:
            continue
        _log.info("days_marked", customer=stream.customer, dataset=stream.dataset, day=last.isoformat())
        return last
    raise LaterError(f"{stream} is marked by too many at once")


def _read(context: JobContext, stream: Stream) -> tuple[CalledMark | None, str | None]:
    found = context.lake.get(blob_names.STATE_CONTAINER, blob_names.called_mark_name(stream))
    return (None, None) if found is None else (from_json(CalledMark, found[0]), found[1].etag)


def _days(context: JobContext, stream: Stream, before: CalledMark | None, last: date) -> list[date]:
    """The days that are marked now and were not by an earlier call, at most three years of them."""
    if before is not None:
        first = context.zone.day_of(before.up_to)
    else:
        policy = readiness_policy(context, stream.customer)
        today = context.zone.day_of(context.drop.service_time())
        known = policy.first_day or load_state(context, stream).state.first_day
        first = known or min(last, today - timedelta(days=policy.first_day_window))
    first = max(first, last - timedelta(days=_MOST_DAYS - 1))
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]


def _leave_file(context: JobContext, stream: Stream, days: list[date], up_to: datetime) -> None:
    if not days:
        return  # no day has ended since the last call
    container = blob_names.drop_container(stream.customer)
    name = called_mark_name(stream.dataset, days[-1], int(up_to.timestamp()))
    data = b"".join(json.dumps({"finished_date": day.isoformat()}).encode() + b"\n" for day in days)
    try:
        etag = context.drop.put(container, name, data, when=IF_ABSENT)
    except ConditionNotMet:
        return  # by this very call, whose answer was lost
    try:
        # Its receipt needs no event of storage's then.
        context.drop_events.send(upload_event(container, name, etag))
    except DropzoneError as error:
        log_failure(_log, "mark_not_announced", error, customer=stream.customer, blob=name)  # storage does, or the sweep
