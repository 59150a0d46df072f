"""Raw batches are split into accepted and rejected rows (contract section 5).

The good rows pay for one typed pass and one mask. What the mask turns down is collected and explained in groups.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

import pandera.polars as pa
import polars as pl

from processing.tables.batches import RECORD
from processing.tables.casts import as_text
from processing.tables.column_plan import ColumnPlan
from processing.tables.compact import compacted
from processing.tables.conversion import convert
from processing.tables.explanation import Explainer, Shape
from processing.tables.header import fold
from processing.tables.rules import compile_rules, is_of_uploaded_text, raw_column
from schemas.customer_config import TimestampFormat

_BAD: Final = "__bad"


class Validator:
    """Splits the batches of one upload by the rules of one schema; safe to share between threads."""

    def __init__(
        self, schema: pa.DataFrameSchema, plan: ColumnPlan, shape: Shape, timestamp: TimestampFormat | None = None
    ) -> None:
        rules = (*([shape.stray] if shape.stray is not None else []), *compile_rules(schema))
        self._columns = list(schema.columns)
        self._typed: list[pl.Expr] = []
        texts: dict[str, pl.Expr] = {}
        for name, column in schema.columns.items():
            planned = plan.columns[name]
            value = convert(planned, column, timestamp or TimestampFormat())
            text = as_text(planned.raw, planned.dtype)
            raw = text if any(map(is_of_uploaded_text, column.checks)) else planned.raw
            self._typed += [raw.alias(raw_column(name)), value.alias(name)]
            texts[name] = text
        self._bad = reduce(or_, [rule.fails for rule in rules]).alias(_BAD)
        masked = _with_sources(plan.masked(shape.header, shape.masked), shape)
        # In either case, as later records of a file may have other names than the first.
        masked_names = frozenset(fold(name) for name in (*shape.masked, *(shape.header[position] for position in masked)))
        masked_columns = (
            name
            for name, column in plan.columns.items()
            if masked & _with_sources(column.positions, shape) or fold(name) in masked_names
        )
        self.explainer: Final = Explainer(
            rules=rules,
            typed=self._typed,
            texts=texts,
            shape=shape,
            masked_columns=frozenset(masked_columns),
            masked_names=masked_names,
        )
        """Explains the rows that this validator turns down."""

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

    def masks(self, column: str) -> bool:
        """Whether the values of a contract column may not be shown."""
        return column in self.explainer.masked_columns


def _with_sources(positions: frozenset[int], shape: Shape) -> frozenset[int]:
    """The positions, and the uploaded ones that the computed among them come from."""
    return positions.union(*(shape.made_of.get(position, ()) for position in positions))
