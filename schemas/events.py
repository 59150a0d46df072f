"""events: one row for each event (contract section 4)."""

from __future__ import annotations

from datetime import datetime

import pandera.polars as pa
import polars as pl

from schemas import rules


def events(*, latest: datetime, is_closed: pl.Expr | None = None) -> pa.DataFrameSchema:
    """The schema of typed event rows, none of which may be later than `latest`.

    `is_closed` tells the rows of days that cannot be changed any more.
    """
    return pa.DataFrameSchema(
        name="events",
        strict=True,
        columns={
            "timestamp": pa.Column(
                rules.INSTANT,
                [*rules.instants(latest), *rules.open_day(is_closed)],
                description="unix time, or ISO 8601 with an offset",
                metadata=rules.TIMESTAMP,
            ),
            "event_name": pa.Column(pl.String, [rules.length(1, 127), rules.plain_name()], description="the event"),
            "event_value": pa.Column(
                pl.String,
                rules.length(0, 127),
                nullable=True,
                required=False,
                description="a value; a number also counts as one",
            ),
            "event_metadata": pa.Column(
                pl.String,
                rules.uploaded_length(2, 16_384),
                nullable=True,
                required=False,
                description="a JSON object, one level deep",
                metadata=rules.JSON_OBJECT,
            ),
            "user": pa.Column(
                pl.String,
                [rules.uploaded_length(2, 16_384), rules.few_custom_ids(100), rules.short_custom_ids(127)],
                description="a JSON object with userID, or customIDs with 1 to 100 entries",
                metadata=rules.USER,
            ),
            "timeuuid": pa.Column(
                pl.String,
                nullable=True,
                required=False,
                description="a UUID; the same one twice is one event",
                metadata=rules.UUID,
            ),
            "is_test": pa.Column(
                pl.Boolean, required=False, default=False, description="true for rows that must not enter results"
            ),
        },
    )
