"""The rows of `metric_days` of a stream by the month: one file in place of the two blobs that each of its days takes to read.

A file says by which publication it knows each of its days. A day that has another one by now is read from its own files, so
that what is told is always what is published, whether the file is there, old, damaged or lost.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby
from typing import Final

import polars as pl

from processing.domain import blob_names
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.frames.ordered_pool import in_order, pool_of
from processing.ports import BlobStore
from processing.publication.catalogue import DAY
from processing.stored.closed_days import with_closed_days
from processing.stored.metric_days import read_days

_KNOWN: Final = "dropzone_days"
"""Key in the file's metadata: what `MetricMonth` has besides the rows."""
_MONTHS_AT_ONCE: Final = 4
_Days = Iterable[tuple[date, pl.DataFrame]]
_AHEAD: Final = 3
"""Months that are in hand at once, the one that is asked for among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMonth:
    """What the file of a month holds."""

    manifests: Mapping[date, str] = field(default_factory=dict)
    """Each day to the manifest of the publication that its rows are from."""
    documents: frozenset[str] = frozenset()
    """Documents of closed days that say the same of their days."""
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    """The columns of the table, and `pst_date`; no columns where there is no row."""

    def of_day(self, day: date) -> pl.DataFrame:
        """The rows of one day."""
        return self.rows.filter(pl.col(DAY) == day) if self.rows.width else self.rows


def rows_of_days(
    lake: BlobStore,
    results: BlobStore,
    state: StreamState,
    days: Iterable[date],
    *,
    name: str | None = None,
    threads: int = 1,
) -> Iterator[tuple[date, pl.DataFrame]]:
    """The rows of each of these published days, in their order; of one metric or event, or of all.

    No columns where a day has no row. OperatorError when a file or a manifest is gone though it is named.
    """
    by_month = [list(each) for _, each in groupby(days, key=month_of)]
    with pool_of(min(threads, _MONTHS_AT_ONCE), "months") as pool:
        read_each = partial(read_days, lake, results, state, read=_full_rows, threads=threads)
        read = partial(_rows_of_month, lake, state, read_each, name)
        for found in in_order(read, by_month, pool, most=_AHEAD):
            yield from found


def unknown_days(lake: BlobStore, state: StreamState, days: Iterable[date]) -> list[date]:
    """Those of these published days that no file of a month tells of as they are."""
    found: list[date] = []
    for month, each in groupby(days, key=month_of):
        found += _unknown(lake, state, read_month(lake, state.stream, month), list(each))
    return found


def store_month(lake: BlobStore, results: BlobStore, state: StreamState, days: Collection[date]) -> bool:
    """Write the file of the month that these are the published days of, where it tells of another; whether it was written."""
    month = month_of(min(days))
    known = read_month(lake, state.stream, month)
    documents = frozenset(each.document for each in state.closed if any(map(each.has, days)))
    manifests = _manifests(lake, state, days)
    if known.manifests == manifests and known.documents == documents:
        return False
    other = {day for day, manifest in manifests.items() if known.manifests.get(day) != manifest}
    read = dict(read_days(lake, results, state, sorted(other), _full_rows))
    frames = [read[day] if day in other else known.of_day(day) for day in sorted(days)]
    rows = _joined(frames)
    tree = {"manifests": {day.isoformat(): name for day, name in sorted(manifests.items())}, "documents": sorted(documents)}
    data = io.BytesIO()
    # A column for a month without a row: a file needs one.
    (rows if rows.width else pl.DataFrame(schema={DAY: pl.Date})).write_parquet(data, metadata={_KNOWN: json.dumps(tree)})
    lake.put(blob_names.STATE_CONTAINER, blob_names.metric_month_name(state.stream, month), data.getvalue())
    return True


def read_month(lake: BlobStore, stream: Stream, month: date) -> MetricMonth:
    """What the file of a month holds; nothing where there is none that can be read."""
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.metric_month_name(stream, month))
    if found is None:
        return MetricMonth()
    try:
        tree = json.loads(pl.read_parquet_metadata(io.BytesIO(found[0]))[_KNOWN])
        rows = pl.read_parquet(io.BytesIO(found[0]))
        manifests = {date.fromisoformat(day): str(name) for day, name in tree["manifests"].items()}
        documents = frozenset(tree["documents"])
    except (pl.exceptions.PolarsError, AttributeError, KeyError, TypeError, ValueError):
        return MetricMonth()  # another program wrote it: it is made anew
    return MetricMonth(manifests=manifests, documents=documents, rows=rows if rows.height else pl.DataFrame())


def month_of(day: date) -> date:
    """The month of a day, by its first."""
    return day.replace(day=1)


def _rows_of_month(
    lake: BlobStore, state: StreamState, read_each: Callable[[list[date]], _Days], name: str | None, days: list[date]
) -> list[tuple[date, pl.DataFrame]]:
    known = read_month(lake, state.stream, month_of(days[0]))
    unknown = _unknown(lake, state, known, days)
    read = read_each(unknown) if unknown else ()
    found = {day: _named(rows, name) for day, rows in read}
    rows = _named(known.rows, name)
    by_day = rows.partition_by(DAY, as_dict=True) if rows.height else {}
    return [(day, found[day] if day in found else by_day.get((day,), rows.clear())) for day in days]


def _named(rows: pl.DataFrame, name: str | None) -> pl.DataFrame:
    return rows if name is None or not rows.width else rows.filter(pl.col("metric_name") == name)


def _unknown(lake: BlobStore, state: StreamState, known: MetricMonth, days: Collection[date]) -> list[date]:
    """The days of which a file does not tell, or tells of another publication."""
    certain = [each for each in state.closed if each.document in known.documents]
    asked = [day for day in days if not (day in known.manifests and any(each.has(day) for each in certain))]
    named = [day for day in asked if day in known.manifests]
    manifests = _manifests(lake, state, named)
    return [day for day in asked if day not in manifests or manifests[day] != known.manifests[day]]


def _manifests(lake: BlobStore, state: StreamState, days: Collection[date]) -> dict[date, str]:
    """The manifest by which each of these days is published; documents of closed days are read for those in them alone."""
    closed = {day for day in days if day not in state.days}
    records = (with_closed_days(lake, state, closed) if closed else state).days
    found = ((day, records[day].published) for day in days if day in records)
    return {day: published.manifest for day, published in found if published is not None}


def _full_rows(day: date, files: list[bytes]) -> tuple[date, pl.DataFrame]:
    rows = _joined(pl.read_parquet(io.BytesIO(data)) for data in files)
    return day, rows.with_columns(pl.lit(day, dtype=pl.Date).alias(DAY)) if rows.width else rows


def _joined(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Rows of several files, of whichever program; sorted, so that a metric's rows lie together."""
    having = [each for each in frames if each.height]
    return (
        pl.concat(having, how="diagonal_relaxed").sort("metric_name", "id_type", maintain_order=True)
        if having
        else pl.DataFrame()
    )
