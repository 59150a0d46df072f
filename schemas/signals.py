"""signals: a file under `signals/` that names finished days (contract section 4)."""

from __future__ import annotations

from datetime import date

import pandera.polars as pa
import polars as pl

from schemas import rules


def finished_dates(*, latest_day: date) -> pa.DataFrameSchema:
    """The schema of typed rows that each mark one day up to `latest_day`."""
    return pa.DataFrameSchema(
        name="signals",
        strict=True,
        columns={
            "finished_date": pa.Column(
                pl.Date, rules.day_at_most(latest_day), description="a day that is complete, as YYYY-MM-DD"
            )
        },
    )
