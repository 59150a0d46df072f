"""events: one row for each event (contract section 4)."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from schemas import rules
from schemas.dataset_schema import Column, DatasetSchema, Meaning


def events(*, latest: datetime, is_closed: pl.Expr | None = None) -> DatasetSchema:
    """The schema of typed event rows, none of which may be later than `latest`.

    `is_closed` tells the rows of days that cannot be changed any more.
    """
    return DatasetSchema(
        name="events",
        columns={
            "timestamp": Column(
                dtype=rules.INSTANT, meaning=Meaning.TIMESTAMP, description="unix time, or ISO 8601 with an offset"
            ),
            "event_name": Column(dtype=pl.String(), description="the event"),
            "event_value": Column(
                dtype=pl.String(),
                may_be_number=True,
                nullable=True,
                required=False,
                description="a value; a number also counts as one",
            ),
            "event_metadata": Column(
                dtype=pl.String(),
                meaning=Meaning.JSON_OBJECT,
                nullable=True,
                required=False,
                description="a JSON object, one level deep",
            ),
            "user": Column(
                dtype=pl.String(),
                meaning=Meaning.USER,
                description="a JSON object with userID, or customIDs with 1 to 100 entries",
            ),
            "timeuuid": Column(
                dtype=pl.String(),
                meaning=Meaning.UUID,
                nullable=True,
                required=False,
                description="a UUID; the same one twice is one event",
            ),
            "is_test": Column(
                dtype=pl.Boolean(), required=False, default=False, description="true for rows that must not enter results"
            ),
        },
        rules=(
            *rules.instants("timestamp", latest),
            *rules.open_day("timestamp", is_closed),
            rules.length("event_name", 1, 127),
            rules.plain_name("event_name"),
            rules.length("event_value", 0, 127),
            rules.uploaded_length("event_metadata", 2, 16_384),
            rules.uploaded_length("user", 2, 16_384),
            rules.few_custom_ids("user", 100),
            rules.short_custom_ids("user", 127),
        ),
    )
