"""The datasets by name: which schema a dataset has, for an upload of a given day (contract section 4).

A new dataset is one file in `schemas/` and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

import pandera.polars as pa
import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.errors import CustomerError
from schemas.metrics import metrics


class SchemaFactory(Protocol):
    """Makes the schema of typed rows for an upload that may speak of days up to `latest_day`."""

    def __call__(self, *, latest_day: date) -> pa.DataFrameSchema:
        """The schema."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetKind:
    """What ingest knows of a dataset."""

    dataset: Dataset
    schema: SchemaFactory
    day: Callable[[], pl.Expr]
    """The day of a typed row, as Date."""


_KINDS: Final = {
    Dataset.METRICS: DatasetKind(dataset=Dataset.METRICS, schema=metrics, day=lambda: pl.col("date")),
}


def kind_of(dataset: Dataset) -> DatasetKind:
    """The kind of a dataset; CustomerError for one that this version does not take yet."""
    kind = _KINDS.get(dataset)
    if kind is None:
        taken = ", ".join(f"{name}/" for name in _KINDS)
        raise CustomerError("dataset_not_taken", f"{dataset}/ is not taken yet: upload to {taken}")
    return kind


def schema_of(kind: DatasetKind, upload_day: date) -> pa.DataFrameSchema:
    """The schema for an upload made on `upload_day`: rows may speak of days up to the next one."""
    return kind.schema(latest_day=upload_day + timedelta(days=1))
