"""Raw batches are split into accepted and rejected rows; rejected ones carry every reason (contract section 5).

The good rows pay for one typed pass and one mask. What the mask turns down is collected and explained in groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final

import pandera.polars as pa
import polars as pl

from processing.tables.batches import LINE, RAW, RECORD
from processing.tables.casts import as_text
from processing.tables.column_plan import ColumnPlan
from processing.tables.compact import compacted
from processing.tables.conversion import convert
from processing.tables.header import fold
from processing.tables.rules import Rule, compile_rules, is_of_uploaded_text, raw_column
from schemas.customer_config import TimestampFormat

MASKED: Final = "(masked)"
"""What is shown in place of a value that the config masks."""

_BAD: Final = "__bad"
_LONGEST_NAME: Final = 128


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
    row: dict[str, Any] | None = None
    raw: str | None = None
    """Instead of `row`, for a record that could not be taken apart, or is nested too deeply to be shown so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape of an upload as its reader found it, and what the config masks in it."""

    header: Sequence[str]
    dtypes: Sequence[pl.DataType]
    masked: frozenset[str] = frozenset()
    """Columns whose values are shown nowhere: names of the contract, or of the header."""
    stray: Rule | None = None
    """What turns down records that are of no kind that the file may hold; they are not told what else they lack."""
    made_of: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Positions of columns that the reader computed, each with the uploaded positions that it comes from."""


class Validator:
    """Splits the batches of one upload by the rules of one schema."""

    def __init__(
        self, schema: pa.DataFrameSchema, plan: ColumnPlan, shape: Shape, timestamp: TimestampFormat | None = None
    ) -> None:
        self._shape = shape
        masked = _with_sources(plan.masked(shape.header, shape.masked), shape)
        # In either case, as later records of a file may have other names than the first.
        self._masked_names = {fold(name) for name in (*shape.masked, *(shape.header[position] for position in masked))}
        self._masked_columns = {
            name for name, column in plan.columns.items() if masked & _with_sources(column.positions, shape)
        } | {name for name in plan.columns if fold(name) in self._masked_names}
        self._rules = (*([shape.stray] if shape.stray is not None else []), *compile_rules(schema))
        self._columns = list(schema.columns)
        self._shown_names = _shown_names(shape.header)
        self._typed: list[pl.Expr] = []
        self._texts: list[pl.Expr] = []
        for name, column in schema.columns.items():
            planned = plan.columns[name]
            value = convert(planned, column, timestamp or TimestampFormat())
            text = as_text(planned.raw, planned.dtype)
            raw = text if any(map(is_of_uploaded_text, column.checks)) else planned.raw
            self._typed += [raw.alias(raw_column(name)), value.alias(name)]
            self._texts.append(text.alias(name))
        self._bad = reduce(or_, [rule.fails for rule in self._rules]).alias(_BAD)

    def split(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The accepted rows, typed and with RECORD, and the rejected ones as they were read."""
        checked = frame.lazy().with_columns(self._typed).with_columns(self._bad).collect()
        bad = checked.get_column(_BAD)
        if bad.null_count():
            raise AssertionError("a rule gave no verdict")
        if not bad.any():
            return checked.select(*self._columns, RECORD), frame.clear()
        accepted = checked.filter(~bad).select(*self._columns, RECORD)
        # Where little is left of a batch, what is left must not hold all of it.
        return (accepted if 2 * accepted.height > frame.height else compacted(accepted)), frame.filter(bad)

    def explain(self, rejected: pl.DataFrame) -> Iterator[RejectedRow]:
        """Every reason of each rejected row, in the order of the frame."""
        typed = rejected.lazy().with_columns(self._typed)
        verdicts = typed.select(rule.fails.alias(str(index)) for index, rule in enumerate(self._rules)).collect()
        texts = rejected.select(self._texts)
        for record, line, row, values, failed in zip(
            rejected.get_column(RECORD),
            rejected.get_column(LINE),
            self._uploaded(rejected),
            texts.iter_rows(named=True),
            verdicts.iter_rows(),
            strict=True,
        ):
            reasons = self._reasons(values, failed)
            if isinstance(row, str):
                yield RejectedRow(record=record, line=line, reasons=reasons, raw=row)
            else:
                yield RejectedRow(record=record, line=line, reasons=reasons, row=row)

    def shown(self, raw: str) -> str:
        """A record that could not be taken apart, as it may be shown: not at all where some of its values may not."""
        return MASKED if self._shape.masked else raw

    def masks(self, column: str) -> bool:
        """Whether the values of a contract column may not be shown."""
        return column in self._masked_columns

    def _uploaded(self, rejected: pl.DataFrame) -> Iterator[dict[str, Any] | str]:
        if RAW in rejected.columns:
            for text in rejected.get_column(RAW):
                try:
                    yield self._masked(_object_of(text))
                except RecursionError:
                    # How deep Python follows depends on who calls it; such a record is shown as its text.
                    yield self.shown(text)
            return
        shown = [
            as_text(pl.col(str(position)), dtype).alias(str(position))
            for position, dtype in enumerate(self._shape.dtypes)
            if str(position) in rejected.columns and position in self._shape.made_of.get(position, {position})
        ]
        frame = rejected.select(shown)
        positions = [int(name) for name in frame.columns]
        hidden = [fold(self._shape.header[position]) in self._masked_names for position in positions]
        names = [self._shown_names[position] for position in positions]
        for values in frame.iter_rows():
            yield {
                name: MASKED if hides and value is not None else value
                for name, value, hides in zip(names, values, hidden, strict=True)
            }

    def _masked(self, row: dict[str, Any]) -> dict[str, Any]:
        if not self._masked_names:
            return row
        return {name: value if value is None or fold(name) not in self._masked_names else MASKED for name, value in row.items()}

    def _reasons(self, values: dict[str, str | None], failed: tuple[bool, ...]) -> tuple[Reason, ...]:
        reasons: list[Reason] = []
        broken: set[str] = set()
        for rule, fails in zip(self._rules, failed, strict=True):
            # A value that does not fit its type must not also be blamed for what follows from its absence.
            if not fails or (rule.column is None and broken.intersection(rule.reads)):
                continue
            broken.update(rule.reads)
            value = values[rule.column] if rule.column is not None else None
            if value is not None and rule.column in self._masked_columns:
                value = MASKED
            reasons.append(Reason(rule=rule.name, column=rule.column, hint=rule.hint, value=value))
            if rule is self._shape.stray:
                break
        if not reasons:
            raise AssertionError("a rejected row has no reason")
        return tuple(reasons)


def _object_of(text: str) -> dict[str, Any]:
    """A JSON object as it was read: of a name that stands twice in it the first value counts."""
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> dict[str, Any]:
        # The record itself comes last, after all objects in it.
        nonlocal pairs
        pairs = found
        return dict(found)

    json.loads(text, object_pairs_hook=keep)
    row: dict[str, Any] = {}
    for name, value in pairs:
        row.setdefault(name, value)
    return row


def _shown_names(header: Sequence[str]) -> list[str]:
    """The header as it stands beside the values of each rejected row, so that a long name is not written a million times."""
    return [
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}... (column {position})"
        for position, name in enumerate(header, 1)
    ]


def _with_sources(positions: frozenset[int], shape: Shape) -> frozenset[int]:
    """The positions, and the uploaded ones that the computed among them come from."""
    return positions.union(*(shape.made_of.get(position, ()) for position in positions))
