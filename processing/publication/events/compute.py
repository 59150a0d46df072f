"""A day of events from its staged parts: the files of `events`, `event_units` and `metric_days` (contract section 8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.publications import TableFile
from processing.publication.delta.specs import EVENT_UNITS, EVENTS, METRIC_DAYS
from processing.publication.events import transforms
from processing.publication.events.user_ids import find_ids, numbered_users
from processing.publication.inputs import part_rows
from processing.publication.model import AT_ONCE, DayInput, DayRequest, DayResult, Emit
from processing.publication.result_files import DayFiles
from processing.publication.shuffle import Shuffle
from processing.publication.sums import finite_figures

_BUCKETS: Final = 64
"""Events are wide; a bucket of them must fit in memory."""
_ROWS_AT_ONCE: Final = 100_000
"""Rows of which the ids are looked at together."""
_USERS_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of their users, those of each row counted: an id takes six bytes at least, and each becomes a row."""


@dataclass(slots=True)
class _Counts:
    inputs: list[int] = field(default_factory=list)
    test_rows: int = 0


@dataclass(slots=True)
class _Published:
    files: list[TableFile] = field(default_factory=list)
    totals: pl.DataFrame | None = None
    """None while there are no events."""
    taken: int = 0
    """Rows that were worked on, superseded ones among them."""


@dataclass(slots=True)
class _Units:
    files: list[TableFile] = field(default_factory=list)
    counts: list[pl.DataFrame] = field(default_factory=list)
    """Of each file, the units of each event name and id type."""
    overflowed: int = 0
    """Sums that are null because they lie beyond all floats."""


def compute_event_day(request: DayRequest, inputs: Sequence[DayInput], scratch: Path, emit: Emit) -> DayResult:
    """Drop repeated events, find the ids of the others, count and sum up; of a large day in several passes."""
    passes = max(1, -(-sum(each.size for each in inputs) // AT_ONCE))
    units = Shuffle(scratch / "units", transforms.UNIT, reduce=transforms.added_units)
    files, unit_files, total_files = (DayFiles(request, spec, scratch, emit) for spec in (EVENTS, EVENT_UNITS, METRIC_DAYS))
    published = _Published()
    for number in range(passes):
        counts = _Counts()
        own = pl.struct(transforms.SHUFFLED_BY).hash(seed=5) % passes == number if passes > 1 else pl.lit(value=True)
        events = _clean_rows(request, inputs, own, scratch / "shuffle", counts)
        published.taken += events.rows
        _write_events(request, files, events, units, published)
    rows_in = sum(counts.inputs) - counts.test_rows
    if published.taken != rows_in:
        raise AssertionError("not every row of the day stands in one pass over it")
    rows = sum(file.rows for file in published.files)
    counted = _write_units(request, unit_files, units)
    totals, overflowed = _totals(published.totals, counted.counts)
    return DayResult(
        outputs=(
            files.output(published.files),
            unit_files.output(counted.files),
            total_files.output([] if totals is None else [total_files.write(totals)]),
        ),
        input_rows=tuple(counts.inputs),
        rows=rows,
        superseded=rows_in - rows,
        test_rows=counts.test_rows,
        ratios=(),
        overflowed=overflowed + counted.overflowed,
    )


def _clean_rows(request: DayRequest, inputs: Sequence[DayInput], own: pl.Expr, folder: Path, counts: _Counts) -> Shuffle:
    """The `own` among the day's rows without test rows, divided so that all rows of one timeuuid are together."""
    shuffle = Shuffle(folder, transforms.SHUFFLED_BY, squeeze=transforms.earliest_rows, buckets=_BUCKETS)
    for each in inputs:
        request.check_deadline()
        part = part_rows(each)
        rows = transforms.result_rows(part.lazy()).collect()
        counts.inputs.append(part.height)
        counts.test_rows += part.height - rows.height
        shuffle.add(rows.drop("is_test").filter(own))
    return shuffle


def _write_events(request: DayRequest, files: DayFiles, events: Shuffle, units: Shuffle, published: _Published) -> None:
    """Write files of `events`; their ids go to `units`, their totals to what is published."""
    for bucket in events.buckets():
        described = []
        sums = [] if published.totals is None else [published.totals]
        for rows in _slices(transforms.earliest_rows(bucket().lazy()).collect()):
            request.check_deadline()
            numbered, different = numbered_users(rows)
            users = find_ids(different).lazy()
            described.append(transforms.described_rows(numbered.lazy(), users).collect())
            ids = transforms.event_ids(described[-1].lazy(), users).collect().lazy()
            units.add(transforms.event_units(ids).collect())
            sums.append(transforms.event_totals(ids).collect())
        published.totals = transforms.added_totals(pl.concat(sums).lazy()).collect()
        published.files.append(files.write(pl.concat(described)))


def _slices(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in their order, so many at a time that their ids fit in memory; one alone, however many it has."""
    held = rows.get_column("user").str.len_bytes().fill_null(0).cast(pl.Int64).cum_sum()
    start = 0
    while start < rows.height:
        before = held[start - 1] if start else 0
        fitting = int(held.search_sorted(before + _USERS_AT_ONCE, side="right"))
        end = min(start + _ROWS_AT_ONCE, max(start + 1, fitting), rows.height)
        yield rows.slice(start, end - start)
        start = end


def _write_units(request: DayRequest, files: DayFiles, units: Shuffle) -> _Units:
    """Write files of `event_units`, each in the order of its names, types and ids, and count what stands in them."""
    written = _Units()
    for bucket in units.buckets():
        request.check_deadline()
        rows, overflowed = finite_figures(transforms.event_unit_rows(bucket().lazy()).collect())
        written.overflowed += overflowed
        written.counts.append(transforms.counted_units(rows.lazy()).collect())
        if rows.height:
            written.files.append(files.write(rows))
    return written


def _totals(totals: pl.DataFrame | None, counted: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame | None, int]:
    """The rows of `metric_days`, None when there are none; and how many figures are null because they overflowed."""
    if totals is None or not counted:
        return None, 0
    return finite_figures(transforms.metric_day_rows(totals.lazy(), pl.concat(counted).lazy()).collect())
