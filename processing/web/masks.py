"""What the customer's config masks is masked in every answer: names that are columns of uploads (contract section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from schemas.customer_config import CustomerConfig

_NAMES: Final = {Dataset.METRICS: "metric_name", Dataset.EVENTS: "event_name"}


@dataclass(frozen=True, slots=True)
class Masks:
    """The columns of the contract whose values are masked."""

    columns: Mapping[Dataset, frozenset[str]]
    named: frozenset[str]
    """The names in the config, folded."""

    def hides(self, column: str) -> bool:
        """Whether any dataset masks a column: results come from several."""
        return any(column in each for each in self.columns.values())

    def hides_field(self, dataset: Dataset, column: str | None, field: str | None) -> bool:
        """Whether the value of a field that was sent for a column is masked; None is a row as a whole, which may hold any."""
        from processing.ingest.columns.header import fold  # noqa: PLC0415 - with it comes the engine

        return (
            column is None
            or field is None
            or not self.columns[dataset].isdisjoint((column, field))
            or fold(field) in self.named
        )

    def hides_names(self, dataset: Dataset) -> bool:
        """Whether the names of metrics, or of events, are masked."""
        return _NAMES.get(dataset) in self.columns.get(dataset, ())

    def shown(self, value: str, column: str) -> str:
        """A value of a column, masked where the config says so."""
        return MASKED if self.hides(column) else value

    def linked(self, id_types: Iterable[str]) -> dict[str, str]:
        """What links call id types: as they are called, or by their places among them where those names are masked."""
        is_hidden = self.hides("id_type")
        return {each: str(place) if is_hidden else each for place, each in enumerate(sorted(id_types), start=1)}

    def of_results(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of `experiment_results` with the names in it masked."""
        of_metric = "metric_name" if row["kind"] in ("value", "ratio") else "event_name"
        columns = {"metric_name": of_metric, "group_id": "group_id", "id_type": "id_type"}
        return {**row, **{name: self.shown(row[name], column) for name, column in columns.items()}}


def masks_in(config: CustomerConfig) -> Masks:
    """What a config masks."""
    from processing.ingest.columns.header import fold  # noqa: PLC0415 - with it comes the engine
    from processing.ingest.masked_columns import masked_columns  # noqa: PLC0415 - with it comes the engine

    return Masks(masked_columns(config), frozenset(map(fold, config.mask_values)))
