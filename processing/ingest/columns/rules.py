"""All rules of a dataset: those that its schema names, and those that follow from a column's type and presence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import polars as pl

from processing.ingest.columns.column_plan import PlannedColumn
from processing.ingest.columns.conversion import type_error_of
from schemas.customer_config import TimestampFormat
from schemas.dataset_schema import Column, DatasetSchema, Meaning
from schemas.rule import Rule, raw_column
from schemas.rule_codes import RuleCode

_SHOWN_SQL: Final = 200
_KINDS: Final[Mapping[object, str]] = MappingProxyType(
    {pl.Date: "day", pl.Float64: "number", pl.Boolean: "true or false", Meaning.TIMESTAMP: "time"}
)


def typed_rows(rows: pl.LazyFrame, typed: Sequence[Sequence[pl.Expr]]) -> pl.LazyFrame:
    """Rows with the columns that rules read: raw ones, then the typed ones made of them."""
    for stage in typed:
        rows = rows.with_columns(stage)
    return rows


def all_rules(
    schema: DatasetSchema,
    plan: Mapping[str, PlannedColumn] = MappingProxyType({}),
    timestamp: TimestampFormat | None = None,
    no_ids: Mapping[str, pl.Expr] = MappingProxyType({}),
) -> tuple[Rule, ...]:
    """The rules on typed columns that are each accompanied by their raw value: column by column, then those on the row.

    Their hints say what the config in force reads, where the `plan` and the format of instants are given; `no_ids` tells for
    a column which records hold in it what is no id.
    """
    found: list[Rule] = []
    for name, column in schema.columns.items():
        if name in no_ids:
            hint = "write the id as text or as a number; objects, lists, true and false are no ids"
            found.append(Rule(code=RuleCode.NOT_AN_ID, hint=hint, columns=(name,), fails=no_ids[name]))
        planned = plan.get(name)
        if planned is not None and planned.computed_by is not None:
            found += _of_computed(schema.name, name, column, planned)
        else:
            found += _implied(name, column, planned, timestamp)
        found += schema.rules_of(name)
    return (*found, *schema.rules_of(None))


def source_column(name: str) -> str:
    """Where the uploaded text stands that a typed column is computed from."""
    return f"__source_{name}"


def _implied(name: str, column: Column, planned: PlannedColumn | None, timestamp: TimestampFormat | None) -> Iterator[Rule]:
    typed, raw = pl.col(name), pl.col(raw_column(name))
    if column.needs_value:
        yield Rule(code=RuleCode.REQUIRED, hint="write a value", columns=(name,), fails=raw.is_null())
    type_error = type_error_of(column, planned, timestamp)
    if type_error is not None:
        code, hint = type_error
        yield Rule(code=code, hint=hint, columns=(name,), fails=raw.is_not_null() & typed.is_null())


def _of_computed(dataset: str, name: str, column: Column, planned: PlannedColumn) -> Iterator[Rule]:
    """The same for a column that the config computes, of a value that was uploaded and gives none or no right one."""
    typed, raw = pl.col(name), pl.col(raw_column(name))
    sql = (planned.computed_by or "")[:_SHOWN_SQL]
    type_error = type_error_of(column)
    kind = _KINDS.get(column.dtype.base_type() if column.meaning is None else column.meaning, "value")
    hint = (
        f"the config computes {name} by select: {sql}, which gives no {kind} of this: "
        f"write it as that expects, or have the operator change datasets.{dataset}.select.{name}"
    )
    code = RuleCode.REQUIRED if type_error is None else type_error[0]
    if column.needs_value:
        absent = raw.is_null()
        if planned.source is None:
            yield Rule(code=RuleCode.REQUIRED, hint=hint, columns=(name,), fails=absent)
        else:
            source = pl.col(source_column(name))
            yield Rule(code=code, hint=hint, columns=(name,), fails=absent & source.is_not_null())
            yield Rule(code=RuleCode.REQUIRED, hint="write a value", columns=(name,), fails=absent & source.is_null())
    if type_error is not None:
        yield Rule(code=code, hint=hint, columns=(name,), fails=raw.is_not_null() & typed.is_null())
