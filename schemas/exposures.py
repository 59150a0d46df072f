"""exposures: who saw which group of which experiment (contract section 4)."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from schemas import rules
from schemas.dataset_schema import Column, DatasetSchema, Meaning


def exposures(*, latest: datetime, id_types: tuple[str, ...] | None = None, is_closed: pl.Expr | None = None) -> DatasetSchema:
    """The schema of typed exposure rows, none of which may be later than `latest`.

    `id_types` are the only ones taken, when given; `is_closed` tells the rows of days that cannot be changed any more.
    """
    return DatasetSchema(
        name="exposures",
        columns={
            "timestamp": Column(
                dtype=rules.INSTANT, meaning=Meaning.TIMESTAMP, description="unix time, or ISO 8601 with an offset"
            ),
            "experiment": Column(dtype=pl.String(), description="the experiment"),
            "group_id": Column(dtype=pl.String(), description="the group that the unit saw"),
            "unit_id": Column(dtype=pl.String(), is_id=True, description="who saw it"),
            "id_type": Column(
                dtype=pl.String(), required=False, default="user_id", description="the kind of id, for example stable_id"
            ),
            "metadata_json": Column(
                dtype=pl.String(),
                meaning=Meaning.JSON_OBJECT,
                nullable=True,
                required=False,
                description="a JSON object, one level deep",
            ),
        },
        rules=(
            *rules.instants("timestamp", latest),
            *rules.open_day("timestamp", is_closed),
            rules.length("experiment", 1, 127),
            rules.length("unit_id", 1, 512),
            *rules.id_type("id_type", id_types),
            rules.uploaded_length("metadata_json", 2, 16_384),
        ),
    )
