"""A day of metrics from its staged parts: the files of `metric_rows` and `metric_days` (contract section 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.publications import TableFile
from processing.frames.ordered_pool import WORKERS, in_order
from processing.publication.delta.specs import METRIC_DAYS, METRIC_ROWS
from processing.publication.inputs import staged_rows
from processing.publication.metrics import aggregates, transforms
from processing.publication.metrics.codes import METRIC, MetricCodes, MetricOrder, NameSet, of_names
from processing.publication.metrics.shares import Share, planned, weighed
from processing.publication.metrics.values import MetricRun, MetricValues
from processing.publication.model import AT_ONCE, DayInput, DayRequest, DayResult, Emit
from processing.publication.result_files import DayFiles
from processing.publication.shuffle import Bucket, Shuffle
from processing.publication.sums import finite_figures

_BUCKET: Final = 4 * 1024 * 1024
"""Bytes of parts whose rows make a bucket; as many buckets as there are threads are in memory at once."""
_FEWEST_BUCKETS: Final = 16
_ALONE: Final = 8 * 1024 * 1024
"""Bytes of parts that one thread works on."""


@dataclass(slots=True)
class _PartSummaries:
    """What the parts hold in sum."""

    rows: list[int] = field(default_factory=list)
    """Of each part."""
    test_rows: int = 0
    candidates: NameSet = field(default_factory=NameSet)
    """Numbers of metrics that look like ratios; it may be that all rows that say so are superseded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShuffledShare:
    shuffle: Shuffle
    completes: bool
    """Whether all rows of its metrics were there, when it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """What the rows of a bucket came to."""

    file: TableFile
    shown: pl.Series
    """The METRICs that it shows to be ratios."""
    without_value: Mapping[str, int]
    run: MetricRun
    """What it says of all metrics."""
    merged: int
    """Rows that went into others."""


@dataclass(slots=True)
class _Published:
    files: list[TableFile] = field(default_factory=list)
    taken: int = 0
    """Rows that were worked on, superseded ones among them."""
    merged: int = 0
    """Rows that went into others of aggregated metrics."""
    totals: list[pl.DataFrame] = field(default_factory=list)
    ratios: NameSet = field(default_factory=NameSet)
    """Places of metrics that clean rows of the day show to be ratios."""
    without_value: Counter[str] = field(default_factory=Counter)
    """Clean rows that have no value because their metric is a ratio and they carry none."""

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def compute_metric_day(request: DayRequest, inputs: Sequence[DayInput], scratch: Path, emit: Emit) -> DayResult:
    """Remove duplicates, find the ratios, value every row and sum up."""
    large = sum(each.size for each in inputs) > _ALONE
    with ThreadPoolExecutor(WORKERS, "day") if large else nullcontext() as pool:
        return _MetricDay(request, inputs, scratch, emit, pool).compute()


class _MetricDay:
    def __init__(
        self, request: DayRequest, inputs: Sequence[DayInput], scratch: Path, emit: Emit, pool: ThreadPoolExecutor | None
    ) -> None:
        self._request = request
        self._inputs = sorted(inputs, key=lambda each: each.order)
        self._scratch = scratch
        self._pool = pool
        self._size = sum(each.size for each in inputs)
        self._codes = MetricCodes()
        self._row_files = DayFiles(request, METRIC_ROWS, scratch, emit)
        self._total_files = DayFiles(request, METRIC_DAYS, scratch, emit)

    def compute(self) -> DayResult:
        summaries, shuffles = self._shuffled_shares()
        rows_in = sum(summaries.rows) - summaries.test_rows
        order = self._codes.order()
        # A metric whose kind is pinned is what it is, whatever rows and earlier days show.
        is_value, is_ratio = (self._pinned(order, kind) for kind in ("value", "ratio"))
        before = (_among(order, self._request.ratios_before) | is_ratio) & ~is_value
        candidates = order.places_of(summaries.candidates) & ~is_value
        published = self._published(shuffles, order, before | candidates)
        shown = published.ratios.among(len(order.names)) & ~is_value
        if (candidates & ~(shown | before)).any():
            # What looks like a ratio mostly is one; here all rows that say so are superseded.
            _, shuffles = self._shuffled_shares()
            published = self._published(shuffles, order, before | shown)
        if published.taken != rows_in:
            raise AssertionError("not every row of the day stands in one share of it")
        totals, overflowed = finite_figures(pl.concat(published.totals)) if published.totals else (None, 0)
        return DayResult(
            outputs=(
                self._row_files.output(published.files),
                self._total_files.output([] if totals is None else [self._total_files.write(totals)]),
            ),
            input_rows=tuple(summaries.rows),
            rows=published.rows,
            superseded=rows_in - published.rows - published.merged,
            merged=published.merged,
            test_rows=summaries.test_rows,
            ratios=tuple(order.names.filter(shown)),
            overflowed=overflowed,
            without_value=dict(published.without_value),
        )

    def _pinned(self, order: MetricOrder, kind: str) -> pl.Series:
        """Whether each of the names in their order is pinned to a kind."""
        return _among(order, [name for name, own in self._request.kinds.items() if own == kind])

    def _shuffled_shares(self) -> tuple[_PartSummaries, Iterator[_ShuffledShare]]:
        """What the parts hold in sum, and their rows as a whole, or in shares where that would not fit on scratch disk."""
        summaries = _PartSummaries()
        if self._size <= AT_ONCE:
            return summaries, iter([_ShuffledShare(shuffle=self._shuffled(self._parts(summaries), self._size), completes=True)])
        weights = pl.concat([weighed(coded) for coded in self._parts(summaries)])
        order = self._codes.order()
        shares = planned(weights.with_columns(order.places(weights.get_column(METRIC))))

        def shuffled(share: Share) -> _ShuffledShare:
            own = (share.of(coded, order) for coded in self._parts(_PartSummaries()))
            return _ShuffledShare(shuffle=self._shuffled(own, self._size // len(shares)), completes=share.completes)

        return summaries, map(shuffled, shares)

    def _parts(self, summaries: _PartSummaries) -> Iterator[pl.DataFrame]:
        """The coded result rows of each part, in order."""

        def read(each: DayInput) -> tuple[int, pl.Series, pl.DataFrame]:
            part = staged_rows(each)
            rows = aggregates.with_operations(transforms.result_rows(part), self._request.aggregates)
            coded = self._codes.coded(rows)
            return part.height, transforms.ratio_metrics(coded), coded

        for height, candidates, coded in in_order(read, self._inputs, self._pool, most=WORKERS):
            self._request.check_deadline()
            summaries.rows.append(height)
            summaries.test_rows += height - coded.height
            summaries.candidates.add(candidates)
            yield coded

    def _shuffled(self, parts: Iterator[pl.DataFrame], size: int) -> Shuffle:
        """The rows of `size` bytes of parts; later ones stand behind earlier ones."""
        # The unit alone would do, but for a unit that has most of the rows.
        by = pl.col("unit_id").hash(1) ^ pl.col(METRIC).hash(2)
        buckets = max(_FEWEST_BUCKETS, size // _BUCKET)
        shuffle = Shuffle(self._scratch / "shuffle", by, squeeze=_put_together, buckets=buckets, pool=self._pool)
        for coded in parts:
            shuffle.add(coded)
        return shuffle

    def _published(self, shuffles: Iterator[_ShuffledShare], order: MetricOrder, is_ratio: pl.Series) -> _Published:
        """Every clean row, valued, as files that are emitted; and the totals. `is_ratio` is told of each name in order."""
        published = _Published()
        values = MetricValues(self._scratch / "values")
        publish = partial(self._publish, order=order, is_ratio=is_ratio)
        for shuffled in shuffles:
            published.taken += shuffled.shuffle.rows
            for each in in_order(publish, shuffled.shuffle.buckets(), self._pool, most=WORKERS):
                self._request.check_deadline()
                published.merged += each.merged
                published.files.append(each.file)
                published.ratios.add(each.shown)
                published.without_value.update(each.without_value)
                values.add(each.run)
            if shuffled.completes and values.has_runs:
                sums = values.sums()
                of_sums = of_names(is_ratio, sums.get_column(METRIC))
                published.totals.append(transforms.metric_totals(order.named(sums), values.totals(sums), of_sums))
                values.clear()
        return published

    def _publish(self, bucket: Bucket, *, order: MetricOrder, is_ratio: pl.Series) -> _Bucket:
        """The file of a bucket, and what it says of its metrics."""
        one_each, merged = aggregates.finished(aggregates.put_together(bucket()))
        latest = order.sorted(one_each)
        del one_each
        of_rows = of_names(is_ratio, latest.get_column(METRIC))
        rows = transforms.valued_rows(order.named(latest), of_rows)
        del latest
        return _Bucket(
            file=self._row_files.write(rows),
            shown=transforms.ratio_metrics(rows),
            without_value=transforms.rows_without_value(rows, of_rows),
            run=MetricRun.of(rows),
            merged=merged,
        )


def _put_together(rows: pl.LazyFrame) -> pl.LazyFrame:
    return aggregates.put_together(rows.collect()).lazy()


def _among(order: MetricOrder, names: Sequence[str]) -> pl.Series:
    """Whether each of the names in their order is one of these."""
    return order.names.is_in(pl.Series(names, dtype=pl.String).implode())
