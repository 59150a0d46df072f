"""The rounds of all timers over many small customers that stand still, each done by one process after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.emulated import context_for, new_customer
from benchmarks.history.template_day import SETTLED, file_name, marker_name, rows_of, upload
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import MOST_WAITING
from processing.domain.streams import Stream
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import work_stream
from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.uploads.sweep import sweep_customer
from processing.stored.context import JobContext
from processing.stored.stream_state import load_state

_THREADS: Final = 4


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: the rounds for `customers` with `files` uploads of a published day each; `found` has the seconds of each."""
    context = context_for(task["connection"])
    streams = [Stream(new_customer(context), Dataset.METRICS) for _ in range(task["customers"])]
    day = context.zone.day_of(context.drop.service_time()) - timedelta(days=1)

    def fill(stream: Stream) -> None:
        for number in range(task["files"]):
            name = file_name(day, number)
            upload(context, stream.customer, name, rows_of(name, day))
        upload(context, stream.customer, marker_name(day), b"")

    def publish(stream: Stream) -> None:
        work_stream(context, stream)
        sweep_customer(context, stream.customer, MOST_WAITING)
        clean_up_customer(context, stream.customer)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(fill, streams))
    time.sleep(SETTLED)
    publication = _seconds(partial(_for_each, partial(work_stream, context), streams))
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(publish, streams))  # what only the first of its kind finds to do

    def work() -> dict[str, Any]:
        sweep = partial(sweep_customer, context, most=MOST_WAITING)
        customers = [stream.customer for stream in streams]
        return {
            "published": sum(_is_published(context, stream) for stream in streams),
            "a publication": publication,
            "timer of days": _seconds(partial(advance_days, context)),
            "a sweep": _seconds(partial(_for_each, sweep, customers)),
            "a look": _seconds(partial(_for_each, partial(work_stream, context), streams)),
            "a night": _seconds(partial(_for_each, partial(clean_up_customer, context), customers)),
        }

    return work


def _is_published(context: JobContext, stream: Stream) -> bool:
    return any(record.published is not None for record in load_state(context, stream).state.days.values())


def _for_each(job: Callable[[Any], object], subjects: list[Any]) -> None:
    for subject in subjects:
        job(subject)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
