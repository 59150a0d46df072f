"""exposures: who saw which group of which experiment (contract section 4)."""

from __future__ import annotations

from datetime import datetime

import pandera.polars as pa
import polars as pl

from schemas import rules


def exposures(
    *, latest: datetime, id_types: tuple[str, ...] | None = None, is_closed: pl.Expr | None = None
) -> pa.DataFrameSchema:
    """The schema of typed exposure rows, none of which may be later than `latest`.

    `id_types` are the only ones taken, when given; `is_closed` tells the rows of days that cannot be changed any more.
    """
    return pa.DataFrameSchema(
        name="exposures",
        strict=True,
        columns={
            "timestamp": pa.Column(
                rules.INSTANT,
                [*rules.instants(latest), *rules.open_day(is_closed)],
                description="unix time, or ISO 8601 with an offset",
                metadata=rules.TIMESTAMP,
            ),
            "experiment": pa.Column(pl.String, rules.length(1, 127), description="the experiment"),
            "group_id": pa.Column(pl.String, description="the group that the unit saw"),
            "unit_id": pa.Column(pl.String, rules.length(1, 512), description="who saw it"),
            "id_type": pa.Column(
                pl.String,
                rules.id_type(id_types),
                required=False,
                default="user_id",
                description="the kind of id, for example stable_id",
            ),
            "metadata_json": pa.Column(
                pl.String,
                rules.uploaded_length(2, 16_384),
                nullable=True,
                required=False,
                description="a JSON object, one level deep",
                metadata=rules.JSON_OBJECT,
            ),
        },
    )
