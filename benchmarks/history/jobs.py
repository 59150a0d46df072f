"""The jobs that are measured in a world of history, each made ready and done once: what only a first costs is not measured."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from benchmarks.emulated import new_customer
from benchmarks.history.template_day import SETTLED, file_name, mark, marker_name, publish, rows_of, upload
from benchmarks.history.world import delta_table
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import MOST_WAITING
from processing.domain.receipts import UploadStatus
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.sweep import sweep_customer
from processing.publication.delta.specs import DAYS
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state

Calls = Sequence[Callable[[], object]]
"""The same job, as often as it is to be done."""
_ENOUGH: Final = 1.0
"""CPU seconds that all calls should take together: they are counted in hundredths."""
_MOST: Final = 60
_FILES: Final = 20
BACKFILL_DAYS: Final = 28
BACKFILL_FILES: Final = 20
"""Of each of its days."""
_THREADS: Final = 4
_LATE: Final = 90_000
"""Number of the file that nobody receives."""


def quiet_sweep(context: JobContext, stream: Stream) -> Calls:
    """A sweep of the customer with nothing to announce."""
    return _as_often_as_needed(lambda: sweep_customer(context, stream.customer, MOST_WAITING))


def quiet_look(context: JobContext, stream: Stream) -> Calls:
    """A look at a stream in which nothing is to be done."""
    work_stream(context, stream)  # which may find it time to compare the published days
    return _as_often_as_needed(lambda: work_stream(context, stream))


def open_cut(context: JobContext, stream: Stream) -> Calls:
    """A look at a stream whose marked day waits for an upload without an answer."""
    state = load_state(context, stream).state
    if not any(record.cut for record in state.days.values()):
        day = next_open_day(state)
        context.drop.put(blob_names.drop_container(stream.customer), file_name(day, _LATE), rows_of(uuid.uuid4().hex, day))
        mark(context, stream, day)
    return _as_often_as_needed(lambda: work_stream(context, stream))


def publication(context: JobContext, stream: Stream) -> Calls:
    """The whole turn of a worker for a day that was just marked."""
    publish(context, stream, next_open_day(load_state(context, stream).state))
    mark(context, stream, next_open_day(load_state(context, stream).state))
    return [lambda: work_stream(context, stream)]


def ingest(context: JobContext, stream: Stream) -> Calls:
    """A file of a kilobyte for a day that is not over, received."""
    container = blob_names.drop_container(stream.customer)
    today = context.zone.day_of(context.drop.service_time())
    names = [file_name(today, 0).replace("part", uuid.uuid4().hex) for _ in range(_FILES + 1)]
    for name in names:
        context.drop.put(container, name, rows_of(name, today))
    receive_file(context, container, names.pop())
    return [partial(receive_file, context, container, name) for name in names]


def housekeeping(context: JobContext, stream: Stream) -> Calls:
    """A round for the customer in which there is nothing to delete."""
    clean_up_customer(context, stream.customer)  # what past months had of each metric is written down once
    return [lambda: sum(clean_up_customer(context, stream.customer).values())]


def backfill(context: JobContext, stream: Stream) -> Calls:  # noqa: ARG001 - a customer who just came has no history
    """Days of the past, all uploaded and marked at once, published one after another."""
    fresh = Stream(new_customer(context), Dataset.METRICS)
    newest = context.zone.day_of(context.drop.service_time()) - timedelta(days=1)
    days = [newest - timedelta(days=ago) for ago in reversed(range(BACKFILL_DAYS))]
    with ThreadPoolExecutor(_THREADS) as pool:
        files = [(file_name(day, number), day) for day in days for number in range(BACKFILL_FILES)]
        list(pool.map(lambda file: upload(context, fresh.customer, file[0], rows_of(*file)), files))
    for day in days:
        upload(context, fresh.customer, marker_name(day), b"")
    time.sleep(SETTLED)

    def work_off() -> int:
        work_stream(context, fresh)  # an hour is enough for them all
        return sum(record.published is not None for record in load_state(context, fresh).state.days.values())

    return [work_off]


def days_table(context: JobContext, stream: Stream) -> Calls:  # noqa: ARG001 - a reader that knows nothing of us
    """Table `days` opened and read from the first row to the last."""

    def read() -> int:
        return int(delta_table(os.environ["LAKE_STORAGE"], stream, DAYS.name).to_pyarrow_table().num_rows)

    read()
    return [read]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that is measured."""

    prepare: Callable[[JobContext, Stream], Calls]
    outcome: str | None
    """What each call comes to when it does what it is measured for; None where that depends on the world."""


JOBS: Final[Mapping[str, Job]] = {
    "sweep": Job(prepare=quiet_sweep, outcome="0"),
    "quiet look": Job(prepare=quiet_look, outcome=WorkOutcome.DONE.value),
    "ingest": Job(prepare=ingest, outcome=UploadStatus.ACCEPTED.value),
    "publication": Job(prepare=publication, outcome=WorkOutcome.DONE.value),
    "days table": Job(prepare=days_table, outcome=None),
    "backfill": Job(prepare=backfill, outcome=str(BACKFILL_DAYS)),
    "housekeeping": Job(prepare=housekeeping, outcome="0"),
    "open cut": Job(prepare=open_cut, outcome=WorkOutcome.DONE.value),
}
"""In an order in which none disturbs the next: what the last one leaves open stays open."""


def next_open_day(state: StreamState) -> date:
    """The day after the last published one."""
    return max(day for day, record in state.days.items() if record.published is not None) + timedelta(days=1)


def _as_often_as_needed(call: Callable[[], Any]) -> Calls:
    began = time.process_time()
    call()
    return [call] * min(_MOST, math.ceil(_ENOUGH / max(time.process_time() - began, 1e-3)))
