"""The Delta tables of a customer's results, column by column (contract section 8)."""

from __future__ import annotations

from typing import Final

from processing.domain.publications import TableSpec

METRIC_ROWS: Final = TableSpec(
    name="metric_rows",
    columns={
        "pst_date": "date",
        "unit_id": "string",
        "id_type": "string",
        "metric_name": "string",
        "metric_value": "double",
        "numerator": "double",
        "denominator": "double",
        "value": "double",
    },
    partition_by=("pst_date",),
)

METRIC_DAYS: Final = TableSpec(
    name="metric_days",
    columns={
        "dataset": "string",
        "pst_date": "date",
        "metric_name": "string",
        "id_type": "string",
        "kind": "string",
        "units": "long",
        "count": "long",
        "sum": "double",
        "mean": "double",
        "stddev": "double",
        "min": "double",
        "p50": "double",
        "p90": "double",
        "p99": "double",
        "max": "double",
        "numerator": "double",
        "denominator": "double",
    },
    partition_by=("dataset", "pst_date"),
)

EVENTS: Final = TableSpec(
    name="events",
    columns={
        "pst_date": "date",
        "timestamp": "timestamp",
        "event_name": "string",
        "event_value": "string",
        "event_value_numeric": "double",
        "event_metadata": "string",
        "user": "string",
        "user_id": "string",
        "timeuuid": "string",
    },
    partition_by=("pst_date",),
)

FIRST_EXPOSURES: Final = TableSpec(
    name="first_exposures",
    columns={
        "pst_date": "date",
        "experiment": "string",
        "group_id": "string",
        "unit_id": "string",
        "id_type": "string",
        "timestamp": "timestamp",
        "metadata_json": "string",
    },
    partition_by=("pst_date",),
)

DAYS: Final = TableSpec(
    name="days",
    columns={
        "dataset": "string",
        "pst_date": "date",
        "seq": "long",
        "published_at": "timestamp",
        "metric_rows_version": "long",
        "metric_days_version": "long",
        "events_version": "long",
        "first_exposures_version": "long",
        "experiment_results_version": "long",
    },
    partition_by=("dataset",),
)
"""One file for each dataset, with a row for each of its published days: a reader reads all of them, whatever their number."""

TABLES: Final = {spec.name: spec for spec in (METRIC_ROWS, METRIC_DAYS, EVENTS, FIRST_EXPOSURES, DAYS)}
