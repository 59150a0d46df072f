"""Rejected rows as NDJSON, and the count and first examples of each broken rule (contract section 5).

All of them are written up to a bound of bytes; what lies behind it is counted and not written. Memory is bounded by what
rows become, not by what they are: a few bytes of a file may stand for a long text in each of a million rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.receipts import BrokenRule
from processing.frames.compact import compacted
from processing.ingest.fixes.fix_file import FixFile
from processing.ingest.readers.raw_batches import RAW, RECORD, BrokenRecords
from processing.ingest.readers.upload_form import UploadedRecords
from processing.ingest.shown_rows import raw_sizes
from processing.ingest.spilled_file import SpilledFile
from processing.ingest.validation.explanation import NOTHING, TEXT, Explained, joined, merged
from processing.ingest.validation.validator import Validator

_GROUP: Final = 20_000
_GROUP_BYTES: Final = 24 * 1024 * 1024
_CELL: Final = 16
"""Bytes of a value in memory, besides long text."""
_SIZE: Final = "__size"
"""Column of how many bytes a row is worth, about, in memory or in the file, whichever is more (Int64)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows of one kind that one validator turned down."""

    validator: Validator
    frame: pl.DataFrame
    """In the order of the file, with RECORD and _SIZE."""
    is_broken: bool
    """Whether they could not even be taken apart."""

    def explained(self, first: int, last: int) -> Explained:
        """Those whose records are numbered so, with their lines."""
        frame = self.frame.filter(pl.col(RECORD).is_between(first, last))
        if not frame.height:
            return NOTHING
        explainer = self.validator.explainer
        return explainer.explain_broken(BrokenRecords(frame)) if self.is_broken else explainer.explain(frame)

    def counted(self) -> Explained:
        """All of them, without their lines."""
        explainer = self.validator.explainer
        return explainer.count_broken(BrokenRecords(self.frame)) if self.is_broken else explainer.count(self.frame)


class RejectWriter:
    """Writes the rejected rows of one upload in the order of the file, group by group, up to `most` bytes in all.

    Explaining rows has a fixed cost, so that rows are held until a group is full. Where `spill` is given, a file that has
    grown to 64 MiB is handed to it and begun anew, so that scratch disk is bounded whatever is rejected. The same rows are
    written into `fixes`, up to a bound of its own.
    """

    def __init__(
        self,
        path: Path,
        spill: Callable[[Path], None] | None = None,
        *,
        most: int | None = None,
        fixes: FixFile | None = None,
    ) -> None:
        self.path: Final = path
        self.fixes: Final = fixes
        self._most = most
        self._file = SpilledFile(path, spill)
        self._held: dict[tuple[Validator, bool], list[pl.DataFrame]] = {}
        self._arrived: list[tuple[Validator, bool, pl.DataFrame]] = []
        self._held_rows = 0
        self._held_bytes = 0
        self._rules: dict[tuple[str, str | None], BrokenRule] = {}
        self.count = 0
        """Rejected rows so far."""
        self.unwritten_from: int | None = None
        """The first record that is counted and not written; None while all are."""

    def add(self, validator: Validator, rejected: pl.DataFrame) -> None:
        """Take rows that the validator rejected."""
        if rejected.height:
            texts = [
                pl.col(name).str.len_bytes().cast(pl.Int64) for name, dtype in rejected.schema.items() if dtype == pl.String
            ]
            held = pl.sum_horizontal(pl.repeat(rejected.width * _CELL, pl.len(), dtype=pl.Int64), *texts)
            # What is not written takes up what it is, and no more.
            is_written = self.unwritten_from is None
            size = pl.max_horizontal(held, pl.lit(validator.explainer.sizes(rejected))) if is_written else held
            self._take(validator, rejected.with_columns(size.alias(_SIZE)), is_broken=False)

    def add_broken(self, validator: Validator, broken: BrokenRecords) -> None:
        """Take records that could not even be taken apart."""
        if len(broken):
            size = raw_sizes(broken.frame.get_column(RAW))
            self._take(validator, broken.frame.with_columns(size.alias(_SIZE)), is_broken=True)

    def add_uploaded(self, uploaded: UploadedRecords) -> None:
        """Take the records of a batch that are given to `add` and `add_broken`, as they stand in the upload."""
        if self.fixes is not None and self.unwritten_from is None and self.fixes.unwritten_from is None:
            self.fixes.take(uploaded)

    def end_batch(self) -> None:
        """Write what is held where that is enough, now that all rows up to here are given: lines stand in their order."""
        held = self._held_bytes + (0 if self.fixes is None else self.fixes.held)
        if self._held_rows >= _GROUP or held >= _GROUP_BYTES:
            self._write()
        for validator, is_broken, frame in self._arrived:
            # What is held of a batch must not hold all of it; broken records are copies already.
            self._held.setdefault((validator, is_broken), []).append(frame if is_broken else compacted(frame))
        self._arrived = []

    def close(self) -> None:
        """Write what is held and close the file."""
        self._write()
        self._file.close()
        if self.fixes is not None:
            self.fixes.close()

    def rules(self) -> tuple[BrokenRule, ...]:
        """The broken rules, most frequent first."""
        return tuple(sorted(self._rules.values(), key=lambda rule: (-rule.count, rule.rule, rule.column or "")))

    def _take(self, validator: Validator, frame: pl.DataFrame, *, is_broken: bool) -> None:
        self.count += frame.height
        self._held_rows += frame.height
        self._held_bytes += int(frame.get_column(_SIZE).sum())
        self._arrived.append((validator, is_broken, frame))

    def _write(self) -> None:
        for validator, is_broken, frame in self._arrived:
            self._held.setdefault((validator, is_broken), []).append(frame)
        rows = [
            _Rows(validator=validator, frame=pl.concat(frames).sort(RECORD), is_broken=is_broken)
            for (validator, is_broken), frames in self._held.items()
        ]
        self._held, self._arrived, self._held_rows, self._held_bytes = {}, [], 0, 0
        for first, last in _groups([each.frame for each in rows]):
            if self.unwritten_from is not None:
                break
            lines, rules = merged([each.explained(first, last) for each in rows])
            self._put(lines)
            self._tally(rules)
        else:
            self._forget()
            return
        self._forget()
        # Counted together, as no line is made of them.
        left = [replace(each, frame=each.frame.filter(pl.col(RECORD) >= first)) for each in rows]
        self._tally(merged([each.counted() for each in left if each.frame.height])[1])

    def _put(self, lines: pl.DataFrame) -> None:
        """Write the lines that there is room for."""
        if self._most is not None:
            ends = self._file.written + (pl.col(TEXT).str.len_bytes().cast(pl.Int64) + 1).cum_sum()
            beyond = lines.filter(ends > self._most)
            if beyond.height:
                self.unwritten_from = beyond.item(0, RECORD)
                lines = lines.head(lines.height - beyond.height)
        if not lines.height:
            return
        if self.fixes is not None and self.fixes.unwritten_from is None:
            self.fixes.put(lines)
        # Joined here, no line becomes an object of Python.
        text = lines.get_column(TEXT).str.join("\n").item()
        self._file.write(text.encode() + b"\n")

    def _forget(self) -> None:
        if self.fixes is not None:
            self.fixes.forget()

    def _tally(self, rules: Iterable[BrokenRule]) -> None:
        for rule in rules:
            key = (rule.rule, rule.column)
            self._rules[key] = joined(self._rules[key], rule) if key in self._rules else rule


def _groups(frames: Sequence[pl.DataFrame]) -> Iterator[tuple[int, int]]:
    """The first and the last record of runs that are written at once, in the order of the file."""
    if not frames:
        return
    order = pl.concat([frame.select(RECORD, _SIZE) for frame in frames]).sort(RECORD)
    group = pl.col(_SIZE).cum_sum() // _GROUP_BYTES + pl.int_range(pl.len()) // _GROUP
    runs = order.group_by(group.alias("group"), maintain_order=True).agg(first=pl.first(RECORD), last=pl.last(RECORD))
    yield from runs.select("first", "last").iter_rows()
