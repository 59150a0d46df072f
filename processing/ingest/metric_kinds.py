"""Notices metrics that a file shows as another kind, value or ratio, than their stream has had (contract section 4).

A row with both parts of a ratio makes its metric one from its day on, and rows without them lose their value there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

from processing.domain.reasons import WarningCode
from processing.domain.receipts import MASKED, ReceiptWarning
from processing.ingest.validation.explanation import MOST_EXAMPLES

MOST_COUNTED: Final = 200_000
"""Metrics by days of one file whose rows are counted."""
_SHOWN: Final = 64
_PARTS: Final = ("numerator", "denominator")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKinds:
    """What a stream has shown of its metrics."""

    ratio_since: Mapping[str, date] = field(default_factory=dict)
    """The metrics that are ratios, with the first published day that shows it."""
    values_among: Callable[[Collection[str]], Collection[str]] = lambda _: ()
    """Which of these metrics are values by the stream's newest publication; asked only where a file shows a new ratio."""


KindRow = tuple[str, date, int, int]
"""Metric, day, rows with both parts of a ratio, rows without."""


def kind_rows(accepted: pl.DataFrame, *, may_show_ratios: bool, ratios: Collection[str]) -> list[KindRow]:
    """The rows of each metric and day of a batch by their kind; none where no kind can change by them."""
    if not may_show_ratios:
        if not ratios or not accepted.height:
            return []
        accepted = accepted.filter(pl.col("metric_name").is_in(list(ratios)))
    tests = accepted.get_column("is_test")
    if tests.any():
        accepted = accepted.filter(~tests)  # they enter no results
    has_parts = pl.all_horizontal(pl.col(_PARTS).is_not_null())
    counts = accepted.group_by("metric_name", "date").agg(has_parts.sum().alias("with"), (~has_parts).sum().alias("without"))
    return list(counts.iter_rows())


@dataclass(slots=True)
class KindTally:
    """Counts the rows of a file by metric, day and kind."""

    _with: Counter[tuple[str, date]] = field(default_factory=Counter)
    _without: Counter[tuple[str, date]] = field(default_factory=Counter)

    def add(self, rows: Iterable[KindRow]) -> None:
        """Take the rows of a batch."""
        for name, day, carrying, without in rows:
            key = (name, day)
            if len(self._without) >= MOST_COUNTED and key not in self._without:
                continue
            self._without[key] += without
            if carrying:
                self._with[key] += carrying

    def warnings(self, known: KnownKinds, pinned: Collection[str], *, is_masked: bool) -> list[ReceiptWarning]:
        """One warning of all metrics that are shown as another kind.

        It counts the rows that lose their value; where none of the file does, those that make their metric a ratio.
        """
        since = dict(known.ratio_since)
        new: dict[str, date] = {}
        for name, day in self._with:
            if name not in pinned and day < since.get(name, date.max):
                new[name] = min(day, new.get(name, day))
        lost = Counter[str]()
        for (name, day), count in self._without.items():
            if name not in pinned and count and day >= min(since.get(name, date.max), new.get(name, date.max)):
                lost[name] += count
        were_values = set(known.values_among(tuple(new))) if new else set()
        became_values = {name: count for name, count in lost.items() if name not in new}
        became_ratios = {name: lost[name] for name in new if name in were_values or lost[name]}
        if not became_values and not became_ratios:
            return []
        messages = []
        if became_values:
            each = _listed(became_values, is_masked=is_masked)
            messages.append(f"rows without numerator and denominator have no value where the metric is a ratio: {each}")
        if became_ratios:
            each = _listed(became_ratios, is_masked=is_masked)
            messages.append(
                "rows with numerator and denominator make these metrics ratios, and rows without both lose their value from "
                f"that day on, in all files; in this one: {each}"
            )
        carrying = sum(count for (name, _), count in self._with.items() if name in became_ratios)
        count = sum(became_values.values()) + sum(became_ratios.values()) or carrying
        return [ReceiptWarning(code=WarningCode.KIND_CHANGED, message="; ".join(messages), count=count)]


def _listed(metrics: Mapping[str, int], *, is_masked: bool) -> str:
    frequent = sorted(metrics, key=lambda name: (-metrics[name], name))
    shown = (
        f"{MASKED if is_masked else repr(name[:_SHOWN])} ({metrics[name]:,} row{'' if metrics[name] == 1 else 's'})"
        for name in frequent[:MOST_EXAMPLES]
    )
    more = f" and {len(metrics) - MOST_EXAMPLES:,} more" if len(metrics) > MOST_EXAMPLES else ""
    return ", ".join(shown) + more
