"""The units of experiments and what they came to, day after day: one more day costs its own rows and the units there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from processing.publication.experiments.buckets import Buckets
from processing.publication.experiments.unit_totals import ITEM, ROWS, TOTALS, added, no_totals, totals_before, totals_of_day
from processing.publication.experiments.units import UNIT, UNITS, counted_exposures, unmixed, with_exposed
from processing.publication.key_filter import KeyFilter
from schemas.experiments import ExperimentConfig

_DAY: Final = "__day"
RowsOf = Callable[[date], Iterable[pl.DataFrame]]
"""Gives `unit_totals.ROWS` of a day of all tables, in frames."""


class RunningTotals:
    """Units and totals of some experiments, in the buckets of `held`."""

    def __init__(self, held: Buckets, check_deadline: Callable[[], None]) -> None:
        self._held = held
        self._check_deadline = check_deadline
        self.names: set[tuple[str, str]] = set()
        """Source and name of every metric that anybody has rows of, on the days that were added."""

    def load(self, units: Iterable[pl.DataFrame], totals: Iterable[pl.DataFrame]) -> None:
        """Take what an earlier day left of other experiments than those that are here."""
        for kind, schema, frames in (("units", UNITS, units), ("totals", TOTALS, totals)):
            for frame in frames:
                self._check_deadline()
                self._held.add(kind, frame.select(list(schema)))

    def add_day(
        self, day: date, exposed: Iterable[pl.DataFrame], rows_of: RowsOf, experiments: Mapping[str, ExperimentConfig]
    ) -> None:
        """Go on by a day with these experiments, which are all that are here."""
        for frame in exposed:
            self._held.add("exposed", counted_exposures(frame, day, experiments))
        new = self._with_units(day)
        self._divide("rows", self._known(self._named(rows_of(day)), "units"))
        if new:
            for earlier in _days_before(day, experiments):
                frames = self._known(rows_of(earlier), "new")
                self._divide("before", (frame.with_columns(pl.lit(earlier).alias(_DAY)) for frame in frames))
        for number in range(self._held.count):
            self._check_deadline()
            self._with_totals(day, number, experiments)

    def units(self) -> Iterator[pl.DataFrame]:
        """The units, bucket by bucket."""
        return (self._units(number) for number in range(self._held.count))

    def totals(self) -> Iterator[pl.DataFrame]:
        """Their totals, of those alone that saw one group, bucket by bucket, each with the bucket of its units."""
        return (self._totals(number) for number in range(self._held.count))

    def _units(self, number: int) -> pl.DataFrame:
        found = self._held.get("units", number)
        return pl.DataFrame(schema=dict(UNITS)) if found is None else found

    def _totals(self, number: int) -> pl.DataFrame:
        found = self._held.get("totals", number)
        return no_totals() if found is None else found

    def _with_units(self, day: date) -> int:
        """Take the day's exposures into the units; how many of them are new."""
        new = 0
        for number in range(self._held.count):
            self._check_deadline()
            exposed = self._held.take("exposed", number)
            units = self._units(number)
            if exposed is not None:
                units = with_exposed(units, exposed, day)
                self._held.put("units", number, units)
            today = unmixed(units).filter(pl.col("exposed_on") == day)
            self._held.put("new", number, today)
            new += today.height
        return new

    def _known(self, frames: Iterable[pl.DataFrame], kind: str) -> Iterator[pl.DataFrame]:
        """The rows of units of a kind, and perhaps a few more."""
        if self._held.count == 1:
            units = self._held.get(kind, 0)
            keys = pl.DataFrame(schema=dict.fromkeys(UNIT, pl.String())) if units is None else units.select(UNIT).unique()
            yield from (frame.join(keys, on=UNIT, how="semi") for frame in frames)
            return
        filter_ = KeyFilter(UNIT)
        for number in range(self._held.count):
            units = self._held.get(kind, number)
            if units is not None:
                filter_.add(units)
        yield from (filter_.known(frame) for frame in frames)

    def _named(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        for frame in frames:
            self.names.update(frame.select(ITEM).unique().iter_rows())
            yield frame

    def _divide(self, kind: str, frames: Iterable[pl.DataFrame]) -> None:
        for frame in frames:
            self._check_deadline()
            self._held.add(kind, frame)

    def _with_totals(self, day: date, number: int, experiments: Mapping[str, ExperimentConfig]) -> None:
        units, new = unmixed(self._units(number)), self._held.take("new", number)
        rows, before = self._held.take("rows", number), self._held.take("before", number)
        several = [self._totals(number)]
        if rows is not None:
            several.append(totals_of_day(units, rows, day, experiments))
        if before is not None and new is not None:
            for (earlier,), part in before.partition_by(_DAY, as_dict=True).items():
                several.append(totals_before(new, part.select(list(ROWS)), earlier, day, experiments))
        self._held.put("totals", number, added(several, units))


def _days_before(day: date, experiments: Mapping[str, ExperimentConfig]) -> list[date]:
    longest = max((each.cuped_days for each in experiments.values()), default=0)
    return [day - timedelta(days=number) for number in range(longest, 0, -1)]
