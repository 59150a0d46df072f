"""signals: a file under `signals/` that names finished days (contract section 4)."""

from __future__ import annotations

from datetime import date

import polars as pl

from schemas import rules
from schemas.dataset_schema import Column, DatasetSchema


def finished_dates(*, latest_day: date) -> DatasetSchema:
    """The schema of typed rows that each mark one day up to `latest_day`."""
    return DatasetSchema(
        name="signals",
        columns={"finished_date": Column(dtype=pl.Date(), description="a day that is complete, as YYYY-MM-DD")},
        rules=(rules.day_at_most("finished_date", latest_day),),
    )
