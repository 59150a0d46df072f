"""Frames as Parquet files of Delta tables, with the statistics that readers skip files by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from processing.domain.publications import TableFile, TableSpec

_DTYPES: Final[Mapping[str, pl.DataType]] = {
    "string": pl.String(),
    "double": pl.Float64(),
    "long": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}
_LONGEST_STATISTIC: Final = 64
_ROW_GROUP: Final = 65_536
"""Rows; files are in the order of what they are asked for by, and a reader leaves out the groups that it need not see."""


def file_schema(spec: TableSpec) -> dict[str, pl.DataType]:
    """Columns of a table's files: all but the partition columns."""
    return {name: _DTYPES[kind] for name, kind in spec.columns.items() if name not in spec.partition_by}


def write_table_file(
    frame: pl.DataFrame, spec: TableSpec, folder: Path, *, name: str, partition: Mapping[str, str]
) -> TableFile:
    """Write `frame` as one file of the table below `folder`, where it lies at the returned path.

    The frame may hold more columns than the table has; those missing are written as null.
    """
    schema = file_schema(spec)
    columns = [
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(dtype).alias(column)
        for column, dtype in schema.items()
    ]
    rows = frame.select(columns)
    path = "/".join([*(f"{column}={partition[column]}" for column in spec.partition_by), name])
    target = folder / spec.name / path
    target.parent.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(target, compression="zstd", compression_level=3, row_group_size=_ROW_GROUP)
    return TableFile(
        path=path, size=target.stat().st_size, rows=rows.height, partition=dict(partition), statistics=_statistics(rows)
    )


def _statistics(rows: pl.DataFrame) -> str:
    low, high = rows.min().row(0), rows.max().row(0)
    lows: dict[str, Any] = {}
    highs: dict[str, Any] = {}
    for name, least, most in zip(rows.columns, low, high, strict=True):
        if isinstance(least, float) and not rows.get_column(name).is_finite().all():
            continue  # JSON has no word for infinity, and NaN lies within no bounds
        # A bound must be a true bound: one that is too long to print is left out, never cut.
        if (
            least is None
            or isinstance(least, bool)
            or len(str(least)) > _LONGEST_STATISTIC
            or len(str(most)) > _LONGEST_STATISTIC
        ):
            continue
        lows[name], highs[name] = _printed(least), _printed(most)
    return json.dumps(
        {
            "numRecords": rows.height,
            "minValues": lows,
            "maxValues": highs,
            "nullCount": {name: rows.get_column(name).null_count() for name in rows.columns},
        },
        allow_nan=False,
    )


def _printed(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
