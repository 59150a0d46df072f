"""Raw batches are split into accepted and rejected rows; rejected ones carry every reason (contract section 5).

The good rows pay for one typed pass and one mask. What the mask turns down is collected and explained in groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

import pandera.polars as pa
import polars as pl

from processing.tables.batches import LINE, RECORD, RawBatch
from processing.tables.casts import cast_text
from processing.tables.rules import compile_rules, raw_column

_BAD: Final = "__bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one row was rejected."""

    rule: str
    column: str | None
    hint: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A rejected row with all its reasons, as it was uploaded."""

    record: int
    line: int | None
    reasons: tuple[Reason, ...]
    row: dict[str, str | None] | None = None
    raw: str | None = None
    """Instead of `row`, for a record that could not be taken apart."""


class Validator:
    """Splits the batches of one upload by the rules of its schema."""

    def __init__(self, schema: pa.DataFrameSchema, header: tuple[str, ...], positions: Mapping[str, int]) -> None:
        self._header = header
        self._rules = compile_rules(schema)
        self._columns = list(schema.columns)
        typed = []
        for name, column in schema.columns.items():
            raw = pl.col(str(positions[name])) if name in positions else pl.lit(None, pl.String)
            value = cast_text(raw, column.dtype.type())
            if column.default is not None:
                # The default stands for an absent value; it must not hide a value that is there and does not fit.
                value = pl.when(raw.is_null()).then(pl.lit(column.default)).otherwise(value)
            typed += [raw.alias(raw_column(name)), value.alias(name)]
        self._typed = typed
        self._bad = reduce(or_, [rule.fails for rule in self._rules]).alias(_BAD)

    def split(self, batch: RawBatch) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The accepted rows, typed and with RECORD, and the rejected ones as they were read."""
        checked = batch.frame.lazy().with_columns(self._typed).with_columns(self._bad).collect()
        bad = checked.get_column(_BAD)
        if bad.null_count():
            raise AssertionError("a rule gave no verdict")
        if not bad.any():
            return checked.select(*self._columns, RECORD), batch.frame.clear()
        accepted = checked.filter(~bad).select(*self._columns, RECORD)
        rejected = batch.frame.filter(bad)
        return accepted, rejected

    def explain(self, rejected: pl.DataFrame) -> Iterator[RejectedRow]:
        """Every reason of each rejected row, in the order of the frame."""
        typed = rejected.lazy().with_columns(self._typed)
        verdicts = typed.select(rule.fails.alias(str(index)) for index, rule in enumerate(self._rules)).collect()
        raws = typed.select(raw_column(name) for name in self._columns).collect()
        uploaded = rejected.select(str(position) for position in range(len(self._header)))
        for record, line, row, raw, failed in zip(
            rejected.get_column(RECORD),
            rejected.get_column(LINE),
            uploaded.iter_rows(),
            raws.iter_rows(),
            verdicts.iter_rows(),
            strict=True,
        ):
            values = dict(zip(self._columns, raw, strict=True))
            yield RejectedRow(
                record=record,
                line=line,
                reasons=self._reasons(values, failed),
                row=dict(zip(self._header, row, strict=True)),
            )

    def _reasons(self, values: dict[str, str | None], failed: tuple[bool, ...]) -> tuple[Reason, ...]:
        reasons: list[Reason] = []
        broken: set[str] = set()
        for rule, fails in zip(self._rules, failed, strict=True):
            # A value that does not fit its type must not also be blamed for what follows from its absence.
            if not fails or (rule.column is None and broken.intersection(rule.reads)):
                continue
            broken.update(rule.reads)
            value = values[rule.column] if rule.column is not None else None
            reasons.append(Reason(rule=rule.name, column=rule.column, hint=rule.hint, value=value))
        if not reasons:
            raise AssertionError("a rejected row has no reason")
        return tuple(reasons)
