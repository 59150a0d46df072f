"""Every metric of a stream with the days that have it: past months from a file that housekeeping writes, the rest from results.

The file says by which publications it knows a month. A month that has others by now is read anew from its days, so that what
is told is always what is published, whether the file is there, old or lost.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from processing.domain import blob_names
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.ports import BlobStore
from processing.publication.catalogue import (
    DAY_SCHEMA,
    SPAN_SCHEMA,
    rows_of_day,
    spans_of_days,
    spans_of_spans,
)
from processing.stored.metric_days import published_days, read_days

RECENT: Final = timedelta(days=28)
"""Before the last published day: the months of these days are always read from the days themselves."""
_MONTHS: Final = "dropzone_months"
"""Key in the file's metadata: month to the digest of its publications."""
_MONTH: Final = "month"
_SCHEMA: Final = {_MONTH: pl.Date, **SPAN_SCHEMA}


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
    rows = _rows(lake, results, state, [day for day in days if _month(day) not in is_known])
    spans = past.spans.filter(pl.col(_MONTH).is_in(list(is_known))).drop(_MONTH)
    return KnownMetrics(
        through=days[-1],
        spans=spans_of_spans(pl.concat([spans, spans_of_days(rows)])),
        recent=rows.filter(pl.col("pst_date") > days[-1] - RECENT),
    )


def store_past_months(lake: BlobStore, results: BlobStore, state: StreamState) -> int:
    """Write the file anew when months are over that it does not know as they are now; returns how many these are."""
    days = published_days(state)
    digests = _past_digests(state, days)
    past = read_past_months(lake, state.stream)
    other = {month for month, digest in digests.items() if past.digests.get(month) != digest}
    if not other and digests.keys() == past.digests.keys():
        return 0
    frames = [past.spans.filter(pl.col(_MONTH).is_in([month for month in digests if month not in other]))]
    for month in sorted(other):
        rows = _rows(lake, results, state, [day for day in days if _month(day) == month])
        frames.append(spans_of_days(rows).with_columns(pl.lit(month, dtype=pl.Date).alias(_MONTH)).select(list(_SCHEMA)))
    data = io.BytesIO()
    metadata = {_MONTHS: json.dumps({month.isoformat(): digest for month, digest in sorted(digests.items())})}
    pl.concat(frames).sort(_MONTH, "metric_name", "id_type").write_parquet(data, metadata=metadata)
    lake.put(blob_names.STATE_CONTAINER, blob_names.catalogue_name(state.stream), data.getvalue())
    return len(other)


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


def _rows(lake: BlobStore, results: BlobStore, state: StreamState, days: Iterable[date]) -> pl.DataFrame:
    frames = read_days(lake, results, state, days, lambda day, files: rows_of_day(files, day))
    return pl.concat([pl.DataFrame(schema=DAY_SCHEMA), *frames])


def _past_digests(state: StreamState, days: list[date]) -> dict[date, str]:
    """Each month that none of the RECENT days lies in, with a digest of the publications of its days."""
    named: defaultdict[date, list[str]] = defaultdict(list)
    for day, record in state.days.items():
        if record.published is not None:
            named[_month(day)].append(record.published.manifest)
    for each in state.closed:
        named[_month(each.first)].append(each.document)
    oldest = _month(days[-1] - RECENT) if days else date.min
    return {
        month: hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest() for month, names in named.items() if month < oldest
    }


def _month(day: date) -> date:
    return day.replace(day=1)
