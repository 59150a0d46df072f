"""All rules of a dataset: those that its schema names, and those that follow from a column's type and presence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from processing.ingest.columns.conversion import type_error_of
from schemas.dataset_schema import Column, DatasetSchema
from schemas.rule import Rule, raw_column
from schemas.rule_codes import RuleCode


def typed_rows(rows: pl.LazyFrame, typed: Sequence[Sequence[pl.Expr]]) -> pl.LazyFrame:
    """Rows with the columns that rules read: raw ones, then the typed ones made of them."""
    for stage in typed:
        rows = rows.with_columns(stage)
    return rows


def all_rules(schema: DatasetSchema) -> tuple[Rule, ...]:
    """The rules on typed columns that are each accompanied by their raw value: column by column, then those on the row."""
    on_columns = (rule for name, column in schema.columns.items() for rule in (*_implied(name, column), *schema.rules_of(name)))
    return (*on_columns, *schema.rules_of(None))


def _implied(name: str, column: Column) -> Iterator[Rule]:
    typed, raw = pl.col(name), pl.col(raw_column(name))
    if column.needs_value:
        yield Rule(code=RuleCode.REQUIRED, hint="write a value", columns=(name,), fails=raw.is_null())
    type_error = type_error_of(column)
    if type_error is not None:
        code, hint = type_error
        yield Rule(code=code, hint=hint, columns=(name,), fails=raw.is_not_null() & typed.is_null())
