"""Staged rows as the log stream shows them, whatever dataset they are of, masked as the customer's config says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from processing.publication.events.user_ids import USER, find_ids, numbered_users

COLUMNS: Final[Mapping[Dataset, tuple[str, ...]]] = MappingProxyType(
    {
        Dataset.METRICS: ("date", "metric_name", "metric_value", "numerator", "denominator", "unit_id", "id_type", "is_test"),
        Dataset.EVENTS: ("timestamp", "event_name", "event_value", "user", "is_test"),
        Dataset.EXPOSURES: ("timestamp", "experiment", "group_id", "unit_id", "id_type"),
    }
)
"""What is read of a staged part."""
_NAME: Final = {Dataset.METRICS: "metric_name", Dataset.EVENTS: "event_name", Dataset.EXPOSURES: "experiment"}
_AT: Final = {Dataset.METRICS: "date", Dataset.EVENTS: "timestamp", Dataset.EXPOSURES: "timestamp"}
_VALUE: Final = {Dataset.METRICS: "metric_value", Dataset.EVENTS: "event_value"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitId:
    """Whom a row is about."""

    id_type: str
    unit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One accepted row."""

    dataset: Dataset
    received_at: datetime
    """When its upload was written, or rows over HTTP were last added to what they stand in."""
    upload: str | None
    """None for a row over HTTP that is no upload yet."""
    at: str
    """Its day, or its instant in UTC."""
    name: str
    """Of the metric, the event or the experiment."""
    value: float | str | None
    """Of a metric or an event."""
    numerator: float | str | None
    denominator: float | str | None
    group_id: str | None
    """Of an exposure."""
    ids: tuple[UnitId, ...]
    is_test: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which rows are shown; None shows all."""

    dataset: Dataset | None = None
    name: str | None = None
    id_type: str | None = None
    unit_id: str | None = None
    is_test: bool | None = None

    def takes(self, row: LogRow) -> bool:
        """Whether it shows a row that is not masked yet."""
        return (
            self.dataset in (None, row.dataset)
            and self.name in (None, row.name)
            and self.is_test in (None, row.is_test)
            and any(self.id_type in (None, each.id_type) and self.unit_id in (None, each.unit_id) for each in row.ids)
        )


def rows_of(frame: pl.DataFrame, dataset: Dataset, received_at: datetime, upload: str | None) -> Iterator[LogRow]:
    """The rows of a frame of staged rows, in their order."""
    ids = _ids_of_events(frame) if dataset is Dataset.EVENTS else _own_ids(frame)
    for row, own in zip(frame.iter_rows(named=True), ids, strict=True):
        yield LogRow(
            dataset=dataset,
            received_at=received_at,
            upload=upload,
            at=_printed(row[_AT[dataset]]),
            name=row[_NAME[dataset]],
            value=row[_VALUE[dataset]] if dataset in _VALUE else None,
            numerator=row.get("numerator"),
            denominator=row.get("denominator"),
            group_id=row.get("group_id"),
            ids=own,
            is_test=bool(row.get("is_test")),
        )


def masked(row: LogRow, columns: Collection[str]) -> dict[str, Any]:
    """The row with what stands in these columns masked, by the names of the fields."""
    hides_ids = not {"unit_id", "user"}.isdisjoint(columns)
    value = _VALUE.get(row.dataset)
    of_fields = {"at": _AT[row.dataset], "name": _NAME[row.dataset], "value": value}
    shown = {
        name: MASKED if found is not None and of_fields.get(name, name) in columns else found
        for name in ("at", "name", "value", "numerator", "denominator", "group_id")
        for found in (getattr(row, name),)
    }
    ids = [
        {
            "id_type": MASKED if "id_type" in columns else each.id_type,
            "unit_id": MASKED if hides_ids else each.unit_id,
        }
        for each in row.ids
    ]
    return {
        "dataset": row.dataset.value,
        "received_at": row.received_at,
        "upload": row.upload,
        **shown,
        "ids": ids,
        "is_test": row.is_test,
    }


def _own_ids(frame: pl.DataFrame) -> list[tuple[UnitId, ...]]:
    return [(UnitId(id_type=kind, unit_id=unit),) for kind, unit in frame.select("id_type", "unit_id").iter_rows()]


def _ids_of_events(frame: pl.DataFrame) -> list[tuple[UnitId, ...]]:
    numbered, users = numbered_users(frame)
    by_user: dict[int, list[UnitId]] = {}
    for number, id_type, unit in find_ids(users).select(USER, "id_type", "unit_id").iter_rows():
        by_user.setdefault(number, []).append(UnitId(id_type=id_type, unit_id=unit))
    return [tuple(by_user.get(number, ())) for number in numbered.get_column(USER)]


def _printed(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
