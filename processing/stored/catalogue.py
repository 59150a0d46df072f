"""Every metric of a stream with the days that have it: past months from one file, later days from the files of their months.

The file says by which publications it knows a month. A month that has others by now is read anew from its days, so that what
is told is always what is published, whether the file is there, old or lost. Housekeeping writes both kinds of files, and so
does the turn that has published many days of which they do not tell.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Final

import polars as pl

from processing.domain import blob_names
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.publication.catalogue import DAY_SCHEMA, SPAN_SCHEMA, spans_of_days, spans_of_spans
from processing.stored.metric_days import AT_ONCE, published_days
from processing.stored.metric_months import month_of, rows_of_days, store_month, unknown_days

RECENT: Final = timedelta(days=28)
"""Before the last published day: the months of these days are always read from the days themselves."""
_MONTHS: Final = "dropzone_months_by_days"
"""Key in the file's metadata: month to the digest of its publications. What older programs wrote has no files of its days."""
_MONTH: Final = "month"
_SCHEMA: Final[dict[str, type[pl.DataType]]] = {_MONTH: pl.Date, **SPAN_SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMonths:
    """What the file holds."""

    digests: Mapping[date, str]
    """Month, by its first day, to the digest of the publications by which it is known."""
    spans: pl.DataFrame
    """Of each month, with the column `month`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMetrics:
    """Every metric that published days of a stream have."""

    through: date | None
    """The last published day; None while there is none."""
    spans: pl.DataFrame
    """As `publication.catalogue` describes them, over all days."""
    recent: pl.DataFrame
    """The rows of the last days, of RECENT at least."""


def known_metrics(lake: BlobStore, results: BlobStore, state: StreamState) -> KnownMetrics:
    """The metrics of a stream, by as few reads as there can be."""
    days = published_days(state)
    if not days:
        return KnownMetrics(through=None, spans=pl.DataFrame(schema=SPAN_SCHEMA), recent=pl.DataFrame(schema=DAY_SCHEMA))
    past = read_past_months(lake, state.stream)
    is_known = {month for month, digest in _past_digests(state, days).items() if past.digests.get(month) == digest}
    rows = _rows(lake, results, state, [day for day in days if month_of(day) not in is_known], threads=AT_ONCE)
    spans = past.spans.filter(pl.col(_MONTH).is_in(list(is_known))).drop(_MONTH)
    return KnownMetrics(
        through=days[-1],
        spans=spans_of_spans(pl.concat([spans, spans_of_days(rows)])),
        recent=rows.filter(pl.col("pst_date") > days[-1] - RECENT),
    )


def count_unknown_days(lake: BlobStore, state: StreamState) -> int:
    """How many days a question must read from their own files, because no file tells of them as they are."""
    days = published_days(state)
    digests, past = _past_digests(state, days), read_past_months(lake, state.stream)
    return len(unknown_days(lake, state, [day for day in days if _is_other(past, digests, month_of(day))]))


def store_months(lake: BlobStore, results: BlobStore, state: StreamState) -> int:
    """Write the files of the months that are known otherwise than they are now; returns how many were written."""
    days = published_days(state)
    digests, past = _past_digests(state, days), read_past_months(lake, state.stream)
    there = {info.name for info in lake.list_blobs(blob_names.STATE_CONTAINER, blob_names.metric_months_prefix(state.stream))}
    lost = {month for month in digests if blob_names.metric_month_name(state.stream, month) not in there}
    by_month = {month: list(each) for month, each in groupby(days, key=month_of)}
    months = {month: each for month, each in by_month.items() if month in lost or _is_other(past, digests, month)}
    stored = sum(store_month(lake, results, state, each) for each in months.values())
    # After the files of their days: a month whose digest is known is not looked at again.
    other = months.keys() & digests.keys()
    if not other and digests.keys() == past.digests.keys():
        return stored
    frames = [past.spans.filter(pl.col(_MONTH).is_in([month for month in digests if month not in other]))]
    for month in sorted(other):
        rows = _rows(lake, results, state, months[month])
        frames.append(spans_of_days(rows).with_columns(pl.lit(month, dtype=pl.Date).alias(_MONTH)).select(list(_SCHEMA)))
    data = io.BytesIO()
    metadata = {_MONTHS: json.dumps({month.isoformat(): digest for month, digest in sorted(digests.items())})}
    pl.concat(frames).sort(_MONTH, "metric_name", "id_type").write_parquet(data, metadata=metadata)
    lake.put(blob_names.STATE_CONTAINER, blob_names.catalogue_name(state.stream), data.getvalue())
    return max(stored, len(other))


def read_past_months(lake: BlobStore, stream: Stream) -> PastMonths:
    """What the file holds; nothing where there is none that can be read."""
    found = lake.get(blob_names.STATE_CONTAINER, blob_names.catalogue_name(stream))
    nothing = PastMonths(digests={}, spans=pl.DataFrame(schema=_SCHEMA))
    if found is None:
        return nothing
    try:
        digests = json.loads(pl.read_parquet_metadata(io.BytesIO(found[0]))[_MONTHS])
        spans = pl.read_parquet(io.BytesIO(found[0]))
    except (pl.exceptions.PolarsError, KeyError, ValueError):
        return nothing  # another program wrote it: it is made anew
    if spans.schema != pl.Schema(_SCHEMA):
        return nothing
    return PastMonths(digests={date.fromisoformat(month): digest for month, digest in digests.items()}, spans=spans)


def _rows(lake: BlobStore, results: BlobStore, state: StreamState, days: Iterable[date], *, threads: int = 1) -> pl.DataFrame:
    frames: Iterable[pl.DataFrame] = (
        rows.select(list(DAY_SCHEMA)).cast(pl.Schema(DAY_SCHEMA))
        for _, rows in rows_of_days(lake, results, state, days, threads=threads)
        if rows.width
    )
    return pl.concat([pl.DataFrame(schema=DAY_SCHEMA), *frames])


def _is_other(past: PastMonths, digests: Mapping[date, str], month: date) -> bool:
    """Whether a month is not over for good, or is known otherwise than it is now."""
    return month not in digests or past.digests.get(month) != digests[month]


def _past_digests(state: StreamState, days: list[date]) -> dict[date, str]:
    """Each month that none of the RECENT days lies in, with a digest of the publications of its days."""
    named: defaultdict[date, list[str]] = defaultdict(list)
    for day, record in state.days.items():
        if record.published is not None:
            named[month_of(day)].append(record.published.manifest)
    for each in state.closed:
        named[month_of(each.first)].append(each.document)
    oldest = month_of(days[-1] - RECENT) if days else date.min
    return {
        month: hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest() for month, names in named.items() if month < oldest
    }
