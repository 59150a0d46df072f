"""Raw batches are split into accepted and rejected rows (contract section 5).

The good rows pay for one typed pass and one mask. What the mask turns down is collected and explained in groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from processing.frames.casts import as_text
from processing.frames.compact import compacted
from processing.ingest.columns.column_plan import ColumnPlan
from processing.ingest.columns.conversion import convert
from processing.ingest.columns.header import fold
from processing.ingest.columns.rules import all_rules, source_column, typed_rows
from processing.ingest.readers.raw_batches import RECORD
from processing.ingest.validation.explanation import Explainer, UploadShape
from schemas.customer_config import TimestampFormat
from schemas.dataset_schema import DatasetSchema
from schemas.rule import Rule, raw_column

_BAD: Final = "__bad"
_AS_IT_STANDS: Final = pl.QueryOptFlags.none()
"""To look for a better plan takes longer with each batch than it saves: every column is wanted, once."""


class Validator:
    """Splits the batches of one upload by the rules of one schema; safe to share between threads."""

    def __init__(
        self, schema: DatasetSchema, plan: ColumnPlan, shape: UploadShape, timestamp: TimestampFormat | None = None
    ) -> None:
        implied = all_rules(schema, plan.columns, timestamp, shape.no_ids)
        rules = (*([shape.wrong_kind] if shape.wrong_kind is not None else []), *implied)
        self._columns = list(schema.columns)
        raws: list[pl.Expr] = []
        values: list[pl.Expr] = []
        texts: dict[str, pl.Expr] = {}
        for name, column in schema.columns.items():
            planned = plan.columns[name]
            text = as_text(planned.raw, planned.dtype)
            is_text = any(rule.is_of_uploaded_text for rule in schema.rules_of(name))
            raws.append((text if is_text else planned.raw).alias(raw_column(name)))
            # What stands in the raw column is not computed once more; a constant stays one, and fits rows of any number.
            is_there = planned.positions and not (is_text and planned.dtype != pl.String)
            source = replace(planned, raw=pl.col(raw_column(name))) if is_there else planned
            values.append(convert(source, column, timestamp or TimestampFormat()).alias(name))
            texts[name] = text if planned.source is None else planned.source
            if planned.source is not None:
                raws.append(planned.source.alias(source_column(name)))
        self._typed = (raws, values)
        constant = {name for name, column in plan.columns.items() if not column.positions and name not in shape.no_ids}
        judged = _holding(rules, constant, self._typed)
        fails = (rule.fails for index, rule in enumerate(rules) if index not in judged)
        # What fails is bad, whatever other rules cannot tell; what only gave no verdict is not.
        self._bad = reduce(or_, fails, pl.lit(value=False)).fill_null(value=False).alias(_BAD)
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
        """The accepted rows, typed, and the rejected ones as they were read; both in the order of the batch."""
        judged = typed_rows(frame.lazy(), self._typed).with_columns(self._bad).select(*self._columns, _BAD)
        checked = judged.collect(optimizations=_AS_IT_STANDS)
        bad = checked.drop_in_place(_BAD)
        if not bad.any():
            return checked, frame.clear()
        accepted = checked.filter(~bad)
        # Where little is left of a batch, what is left must not hold all of it.
        return (accepted if 2 * accepted.height > frame.height else compacted(accepted)), frame.filter(bad)

    def masks(self, column: str) -> bool:
        """Whether the values of a contract column may not be shown."""
        return column in self.explainer.masked_columns


def _holding(rules: Sequence[Rule], constant: AbstractSet[str], typed: Sequence[Sequence[pl.Expr]]) -> set[int]:
    """Which rules hold for every row, because they are about columns that are the same in all of them."""
    same = [index for index, rule in enumerate(rules) if rule.columns and constant >= {*rule.columns}]
    read = {name for index in same for name in rules[index].columns}
    stages = [[each for each in stage if each.meta.output_name().removeprefix(raw_column("")) in read] for stage in typed]
    row = typed_rows(pl.LazyFrame({RECORD: [1]}), stages)
    fails = row.select(rules[index].fails.fill_null(value=False).alias(str(index)) for index in same).collect()
    return {index for index in same if fails.item(0, str(index)) is False}


def _with_sources(positions: frozenset[int], shape: UploadShape) -> frozenset[int]:
    """The positions, and the uploaded ones that the computed among them come from."""
    return positions.union(*(shape.derived_from.get(position, ()) for position in positions))
