"""Rejected rows as NDJSON, all of them, and the count and first examples of each broken rule (contract section 5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import polars as pl

from processing.domain.records import BrokenRule, Example
from processing.tables.batches import BrokenRecord
from processing.tables.compact import compacted, text_bytes
from processing.tables.validation import Reason, RejectedRow, Validator

_EXAMPLES: Final = 20
_SHOWN: Final = 64
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
        self._broken: list[RejectedRow] = []
        self._held = 0
        self._bytes = 0
        self._rules: dict[tuple[str, str | None], _RuleTally] = {}
        self.count = 0
        """Rejected rows so far."""

    def add(self, validator: Validator, rejected: pl.DataFrame) -> None:
        """Take rows that the validator rejected."""
        if rejected.height:
            own = compacted(rejected)
            self._frames.setdefault(validator, []).append(own)
            self._hold(own.height, text_bytes(own))

    def add_broken(self, validator: Validator, broken: Sequence[BrokenRecord]) -> None:
        """Take records that could not even be taken apart."""
        if broken:
            self._broken += [_as_rejected(each, validator.shown(each.raw)) for each in broken]
            self._hold(len(broken), sum(len(each.raw) for each in broken))

    def close(self) -> None:
        """Write what is held and close the file."""
        self._write()
        self._file.close()

    def rules(self) -> tuple[BrokenRule, ...]:
        """The broken rules, most frequent first."""
        found = [tally.rule() for tally in self._rules.values()]
        return tuple(sorted(found, key=lambda rule: (-rule.count, rule.rule, rule.column or "")))

    def _hold(self, rows: int, size: int) -> None:
        self.count += rows
        self._held += rows
        self._bytes += size
        if self._held >= _GROUP or self._bytes >= _GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        rows = list(self._broken)
        for validator, frames in self._frames.items():
            rows += validator.explain(pl.concat(frames))
        for row in sorted(rows, key=lambda each: each.record):
            self._file.write(json.dumps(_as_json(row), ensure_ascii=False) + "\n")
            for reason in row.reasons:
                self._rules.setdefault((reason.rule, reason.column), _RuleTally(reason)).add(row, reason)
        self._frames, self._broken, self._held, self._bytes = {}, [], 0, 0
        if self._spill is not None and self._file.tell() >= _LARGEST_FILE:
            self._file.close()
            self._spill(self._path)
            self._file = self._open()

    def _open(self) -> TextIO:
        return self._path.open("w", encoding="utf-8", newline="\n")


class _RuleTally:
    def __init__(self, first: Reason) -> None:
        self._first = first
        self._count = 0
        self._examples: list[Example] = []

    def add(self, row: RejectedRow, reason: Reason) -> None:
        self._count += 1
        if len(self._examples) < _EXAMPLES:
            shown = reason.value if row.raw is None else row.raw
            value = None if shown is None else shown[:_SHOWN]
            self._examples.append(Example(record=row.record, line=row.line, value=value))

    def rule(self) -> BrokenRule:
        return BrokenRule(
            rule=self._first.rule,
            column=self._first.column,
            count=self._count,
            hint=self._first.hint,
            examples=tuple(self._examples),
        )


def _as_rejected(broken: BrokenRecord, raw: str) -> RejectedRow:
    reason = Reason(rule=broken.rule, column=None, hint=broken.hint, value=None)
    return RejectedRow(record=broken.record, line=broken.line, reasons=(reason,), raw=raw)


def _as_json(row: RejectedRow) -> dict[str, Any]:
    reasons = [
        {"rule": reason.rule, "column": reason.column, "value": reason.value, "message": reason.hint} for reason in row.reasons
    ]
    body = {"raw": row.raw} if row.raw is not None else {"row": row.row}
    return {"record": row.record, "line": row.line, "reasons": reasons, **body}
