"""Wide tables of metrics: a record with values of several metrics in columns becomes a row for each (contract section 4)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processing.ingest.readers.raw_batches import RECORD


def long_rows(records: pl.DataFrame, numbers: pl.Series, values: Mapping[str, str]) -> tuple[pl.DataFrame, pl.Series]:
    """The rows of typed records, one for each value that is not null, and the numbers of the records that they come from.

    `values` are the metrics and their columns. The rows of one metric stay in the order of their records.
    """
    kept = records.with_columns(numbers.alias(RECORD))
    each = [
        kept.filter(pl.col(column).is_not_null()).select(
            "unit_id",
            "id_type",
            "date",
            pl.lit(metric).alias("metric_name"),
            pl.col(column).alias("metric_value"),
            pl.lit(None, pl.Float64).alias("numerator"),
            pl.lit(None, pl.Float64).alias("denominator"),
            "is_test",
            RECORD,
        )
        for metric, column in values.items()
    ]
    rows = pl.concat(each)
    return rows.drop(RECORD), rows.get_column(RECORD)
