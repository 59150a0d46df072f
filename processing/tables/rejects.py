"""Rejected rows as NDJSON, all of them, and the count and first examples of each broken rule (contract section 5)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

import polars as pl

from processing.domain.records import BrokenRule
from processing.tables.batches import RAW, BrokenRecords
from processing.tables.compact import compacted, text_bytes
from processing.tables.explanation import joined, merged
from processing.tables.validation import Validator

_GROUP: Final = 20_000
_GROUP_BYTES: Final = 32 * 1024 * 1024
_LARGEST_FILE: Final = 64 * 1024 * 1024


class RejectWriter:
    """Writes the rejected rows of one upload in the order in which they are given, group by group.

    Explaining rows has a fixed cost, so that rows are held until a group is full. Where `spill` is given, a file that has
    grown to 64 MiB is handed to it and begun anew, so that scratch disk is bounded whatever is rejected.
    """

    def __init__(self, path: Path, spill: Callable[[Path], None] | None = None) -> None:
        self._path = path
        self._spill = spill
        self._file = self._open()
        self._frames: dict[Validator, list[pl.DataFrame]] = {}
        self._broken: dict[Validator, list[pl.DataFrame]] = {}
        self._held = 0
        self._bytes = 0
        self._rules: dict[tuple[str, str | None], BrokenRule] = {}
        self.count = 0
        """Rejected rows so far."""

    def add(self, validator: Validator, rejected: pl.DataFrame) -> None:
        """Take rows that the validator rejected."""
        if rejected.height:
            own = compacted(rejected)
            self._frames.setdefault(validator, []).append(own)
            self._hold(own.height, text_bytes(own))

    def add_broken(self, validator: Validator, broken: BrokenRecords) -> None:
        """Take records that could not even be taken apart."""
        if len(broken):
            self._broken.setdefault(validator, []).append(broken.frame)
            self._hold(len(broken), int(broken.frame.get_column(RAW).str.len_bytes().sum()))

    def close(self) -> None:
        """Write what is held and close the file."""
        self._write()
        self._file.close()

    def rules(self) -> tuple[BrokenRule, ...]:
        """The broken rules, most frequent first."""
        return tuple(sorted(self._rules.values(), key=lambda rule: (-rule.count, rule.rule, rule.column or "")))

    def _hold(self, rows: int, size: int) -> None:
        self.count += rows
        self._held += rows
        self._bytes += size
        if self._held >= _GROUP or self._bytes >= _GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        groups = [
            *(each.explainer.explain_broken(BrokenRecords(pl.concat(frames))) for each, frames in self._broken.items()),
            *(each.explainer.explain(pl.concat(frames)) for each, frames in self._frames.items()),
        ]
        self._frames, self._broken, self._held, self._bytes = {}, {}, 0, 0
        if not groups:
            return
        lines, rules = merged(groups)
        self._file.write(lines)
        self._file.write("\n")
        for rule in rules:
            key = (rule.rule, rule.column)
            self._rules[key] = joined(self._rules[key], rule) if key in self._rules else rule
        if self._spill is not None and self._file.tell() >= _LARGEST_FILE:
            self._file.close()
            self._spill(self._path)
            self._file = self._open()

    def _open(self) -> TextIO:
        return self._path.open("w", encoding="utf-8", newline="\n")
