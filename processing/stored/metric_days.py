"""The published days of a stream, and their files of `metric_days`, as the manifests name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Final, TypeVar

from processing.domain.stream_state import StreamState
from processing.frames.ordered_pool import in_order, pool_of
from processing.ports import BlobStore
from processing.publication.delta.specs import METRIC_DAYS
from processing.stored.closed_days import with_closed_days
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result

T = TypeVar("T")
AT_ONCE: Final = 8
"""Days that are read beside each other for somebody who waits: they are small, and most of the time is waited for storage."""


def published_days(state: StreamState) -> list[date]:
    """The days of a stream that have a publication, in order; closed days apart are not looked at one by one."""
    open_days = {day for day, record in state.days.items() if record.published is not None}
    return sorted(open_days.union(*map(_run, ((each.first, each.last) for each in state.closed))))


def read_days(
    lake: BlobStore,
    results: BlobStore,
    state: StreamState,
    days: Iterable[date],
    read: Callable[[date, list[bytes]], T],
    *,
    threads: int = 1,
) -> Iterator[T]:
    """What `read` makes of each day and its files of `metric_days`, in the order of the days.

    OperatorError when a file or a manifest is gone though it is named.
    """
    wanted = list(days)
    known = with_closed_days(lake, state, {day for day in wanted if day not in state.days})

    def of_day(day: date) -> T:
        manifest = read_manifest(lake, known, day)
        names = () if manifest is None else manifest.names_in(METRIC_DAYS.name)
        return read(day, [read_result(results, state.customer, name) for name in names])

    with pool_of(threads, "days") as pool:
        yield from in_order(of_day, wanted, pool, most=2 * threads)


def _run(ends: tuple[date, date]) -> set[date]:
    first, last = ends
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}
