"""A stream: the days of one dataset of one customer, processed in order by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from processing.domain.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Stream:
    """What names a stream: nothing of one has to do with another (contract section 6)."""

    customer: str
    dataset: Dataset

    def __str__(self) -> str:
        return f"{self.customer}/{self.dataset}"
