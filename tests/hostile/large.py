"""Uploads that are large in one respect."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.case import HEADER


def metrics_csv(*lines: str, more: str = "", delimiter: str = ",") -> bytes:
    """Lines below the header of metrics, with `more` columns in it."""
    header = (HEADER + more).replace(",", delimiter)
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def metrics_parquet(rows: int, **columns: Any) -> bytes:
    """The same row so many times, with some of its values changed."""
    out = io.BytesIO()
    sound: dict[str, Any] = {"unit_id": "u", "id_type": "i", "date": "2026-11-18", "metric_name": "m", "metric_value": 1.0}
    table = pa.table({name: pa.array([value] * rows) for name, value in (sound | columns).items()})
    pq.write_table(table, out, compression="zstd", write_statistics=False, store_schema=False)
    return out.getvalue()
