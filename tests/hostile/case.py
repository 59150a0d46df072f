"""One nasty file and the receipt that it must get, decided from the contract."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from processing.domain.datasets import Dataset

DAY: Final = "2026-11-18"
"""The PST day of every upload here."""
UPLOADED_AT: Final = datetime(2026, 11, 18, 20, tzinfo=UTC)
"""Last-Modified of every upload here: noon of that day in PST."""
HEADER: Final = "unit_id,id_type,date,metric_name,metric_value"
EVENTS_HEADER: Final = "timestamp,event_name,user"

METRICS: Final = Dataset.METRICS
EVENTS: Final = Dataset.EVENTS
EXPOSURES: Final = Dataset.EXPOSURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file, and everything that its receipt must say."""

    name: str
    """What is nasty about it."""
    data: bytes | Callable[[], bytes]
    """The file, or what builds it where it is large."""
    file: str = "a.csv"
    dataset: Dataset = METRICS
    config: Mapping[str, Any] = field(default_factory=dict)
    status: str = "accepted"
    error: str | None = None
    """Code of the refusal."""
    format: str | None = "csv"
    accepted: int = 0
    filtered: int = 0
    rejected: Sequence[str] = ()
    """Every rejected row as `record@line rule:column ...`, `-` for no line, the column left out for a rule on the row."""
    refused_with: int = 0
    """Sound rows of a refused file, which are counted as rejected with the bad ones."""
    days: Mapping[str, int] | None = None
    """Accepted rows by day; None for all of them on the day of the upload."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Code to count, all warnings of one code together."""
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """Some columns of the accepted rows, in the order of the file; times as ISO 8601."""
    exposures: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """The same for rows of an upload below events/ that are exposures."""
    shown: Sequence[object] = ()
    """When given, what is shown of each rejected row: `row`, or `raw`."""
    secrets: Sequence[str] = ()
    """Texts that must occur neither in the receipt nor among the rejected rows."""
    says: str = ""
    """When given, a text that the message of the refusal holds."""
    differs: str = ""
    """Why the program does something else for now."""


def refused(name: str, error: str, data: bytes | Callable[[], bytes], **more: Any) -> Case:
    """A file that is refused as a whole before any of its rows counts."""
    return Case(name=name, data=data, status="rejected", error=error, **more)


def with_rejects(name: str, data: bytes | Callable[[], bytes], *, rejected: Sequence[str], **more: Any) -> Case:
    """A file that is accepted without some of its rows, and refused where none is left (contract section 3)."""
    if not more.get("accepted"):
        return Case(name=name, data=data, status="rejected", error="nothing_accepted", rejected=rejected, **more)
    return Case(name=name, data=data, status="accepted_with_rejects", rejected=rejected, **more)


def table(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    """Lines below a header, each ended."""
    return "".join(line + end for line in (header, *lines)).encode()


def metric(**changed: object) -> dict[str, Any]:
    """A sound row of metrics, with some keys changed."""
    return {"unit_id": "u1", "id_type": "user_id", "date": DAY, "metric_name": "m", "metric_value": 1, **changed}


def event(**changed: object) -> dict[str, Any]:
    """A sound event, with some keys changed."""
    return {"timestamp": 1795000000, "event_name": "e", "user": {"userID": "u1"}, **changed}


def exposure(**changed: object) -> dict[str, Any]:
    """A sound exposure, with some keys changed."""
    return {"timestamp": 1795000000, "experiment": "x", "group_id": "g", "unit_id": "u1", **changed}


def ndjson(*rows: dict[str, Any] | str) -> bytes:
    """One object a line; text stands as it is."""
    return "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows).encode()


def gz(data: bytes) -> bytes:
    """A gzip archive."""
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    """A zstd archive of one frame."""
    return bytes(pa.compress(data, codec="zstd", asbytes=True))
