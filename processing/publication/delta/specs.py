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

EVENT_UNITS: Final = TableSpec(
    name="event_units",
    columns={
        "pst_date": "date",
        "unit_id": "string",
        "id_type": "string",
        "event_name": "string",
        "count": "long",
        "sum": "double",
    },
    partition_by=("pst_date",),
    is_younger=True,
)
"""`sum` is null where no event of the unit has a number, and where it lies beyond all floats."""

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

EXPERIMENT_RESULTS: Final = TableSpec(
    name="experiment_results",
    columns={
        "pst_date": "date",
        "experiment": "string",
        "metric_name": "string",
        "kind": "string",
        "id_type": "string",
        "group_id": "string",
        "is_control": "boolean",
        "units": "long",
        "mixed_units": "long",
        "total": "double",
        "denominator": "double",
        "mean": "double",
        "stddev": "double",
        "delta": "double",
        "ci_low": "double",
        "ci_high": "double",
        "lift": "double",
        "lift_low": "double",
        "lift_high": "double",
        "p_value": "double",
        "p_adjusted": "double",
        "cuped_mean": "double",
        "cuped_delta": "double",
        "cuped_ci_low": "double",
        "cuped_ci_high": "double",
        "cuped_lift": "double",
        "cuped_lift_low": "double",
        "cuped_lift_high": "double",
        "cuped_p_value": "double",
        "cuped_p_adjusted": "double",
        "variance_reduction": "double",
        "sequential_low": "double",
        "sequential_high": "double",
        "confidence": "double",
        "srm_p": "double",
        "srm": "boolean",
        "note": "string",
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
        "event_units_version": "long",
        "first_exposures_version": "long",
        "experiment_results_version": "long",
    },
    partition_by=("dataset",),
    added=("event_units_version",),
)
"""One file for each dataset, with a row for each of its published days: a reader reads all of them, whatever their number."""

TABLES: Final = {
    spec.name: spec for spec in (METRIC_ROWS, METRIC_DAYS, EVENTS, EVENT_UNITS, FIRST_EXPOSURES, EXPERIMENT_RESULTS, DAYS)
}

EXPOSED_UNITS: Final = TableSpec(
    name="_exposed_units",
    columns={
        "pst_date": "date",
        "experiment": "string",
        "id_type": "string",
        "unit_id": "string",
        "group_id": "string",
        "least_group": "string",
        "greatest_group": "string",
    },
    partition_by=("pst_date",),
)
"""No table, but files that only this program reads: the units that were exposed on a day, again or for the first time, with
the day's first group of each, and the first and last of its groups by name: a unit of which these differ saw two."""

EXPERIMENT_UNITS: Final = TableSpec(
    name="_experiment_units",
    columns={
        "pst_date": "date",
        "experiment": "string",
        "id_type": "string",
        "unit_id": "string",
        "group_id": "string",
        "exposed_on": "date",
        "is_mixed": "boolean",
    },
    partition_by=("pst_date",),
)
"""The same of all units of experiments through a day."""

UNIT_TOTALS: Final = TableSpec(
    name="_unit_totals",
    columns={
        "pst_date": "date",
        "experiment": "string",
        "id_type": "string",
        "unit_id": "string",
        "source": "string",
        "metric_name": "string",
        "first": "double",
        "second": "double",
        "first_before": "double",
        "second_before": "double",
    },
    partition_by=("pst_date",),
)
"""The same of what such a unit came to: `first` and `second` are a value, a numerator and its denominator, or an event's count
and sum; `_before`, what they were on the days before its exposure."""
