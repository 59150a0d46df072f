"""Names of journal segments: rows that came over HTTP, on their way to be an upload (protocol, Journal)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Final

from processing.domain.blob_names import journal_container
from processing.domain.datasets import Dataset
from processing.domain.days import parse_day

_SEGMENT: Final = re.compile(r"(?P<dataset>metrics|events|exposures)/(?P<day>\d{4}-\d{2}-\d{2})/(?P<id>[0-9a-f]{32})", re.ASCII)
_UPLOAD: Final = re.compile(r"(?:metrics|events|exposures)/api/\d{4}-\d{2}-\d{2}/[0-9a-f]{32}(?:-\d+)?\.ndjson", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment. Printed it is the name of its blob in the customer's container of journals."""

    customer: str
    dataset: Dataset
    day: date
    """The day on which it was begun, whatever days its rows are of."""
    id: str
    """32 hexadecimal digits that nobody can guess."""

    @classmethod
    def begin(cls, customer: str, dataset: Dataset, day: date) -> Segment:
        """One that nobody else begins."""
        return cls(customer=customer, dataset=dataset, day=day, id=secrets.token_hex(16))

    @classmethod
    def parse(cls, customer: str, name: str) -> Segment | None:
        """The inverse of `str`; None for any other name."""
        match = _SEGMENT.fullmatch(name)
        day = parse_day(match["day"]) if match else None
        if match is None or day is None:
            return None
        return cls(customer=customer, dataset=Dataset(match["dataset"]), day=day, id=match["id"])

    def __str__(self) -> str:
        """The name of its blob."""
        return f"{self.dataset}/{self.day.isoformat()}/{self.id}"

    @property
    def container(self) -> str:
        """Where its blob lies."""
        return journal_container(self.customer)

    def upload(self, number: int = 0) -> str:
        """The upload that it becomes; a later number where a blob of somebody else's has that name."""
        suffix = f"-{number}" if number else ""
        return f"{self.dataset}/api/{self.day.isoformat()}/{self.id}{suffix}.ndjson"


def is_journal_upload(name: str) -> bool:
    """Whether an upload of this name is what a segment became: its rows came over HTTP and were answered."""
    return _UPLOAD.fullmatch(name) is not None
