"""The same schema for pandera, so that another engine than ours can validate typed rows.

Every check is made from one of our rules and is called by its code. Rules on the text as it was uploaded stand on columns
of their own, which a frame of accepted rows does not have.
"""

from __future__ import annotations

import pandera.polars as pa
import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData

from schemas.dataset_schema import DatasetSchema
from schemas.rule import Rule, raw_column


def pandera_schema(schema: DatasetSchema) -> pa.DataFrameSchema:
    """The schema of typed rows, and of their uploaded texts where a frame has them."""
    columns = {
        name: pa.Column(
            column.dtype,
            [_check(rule) for rule in schema.rules_of(name) if not rule.is_of_uploaded_text],
            nullable=column.nullable,
            required=column.required,
            default=column.default,
            description=column.description,
        )
        for name, column in schema.columns.items()
    }
    uploaded = {
        raw_column(name): pa.Column(pl.String, checks, nullable=True, required=False)
        for name in schema.columns
        if (checks := [_check(rule) for rule in schema.rules_of(name) if rule.is_of_uploaded_text])
    }
    rows = [_check(rule) for rule in schema.rules_of(None)]
    return pa.DataFrameSchema(name=schema.name, strict=True, columns={**columns, **uploaded}, checks=rows)


def _check(rule: Rule) -> Check:
    def holds(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~rule.fails)

    return Check(holds, name=rule.code.value, error=rule.code.value, description=rule.hint)
