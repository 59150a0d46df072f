"""One table as the bytes of an upload in every format of the contract (section 3)."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from processing.ingest.readers.formats import Packing
from tests.support.parquet_files import parquet

Table = Sequence[Mapping[str, Any]]
BOM = b"\xef\xbb\xbf"
_PACKERS: Mapping[Packing, Callable[[bytes], bytes]] = {
    Packing.PLAIN: bytes,
    Packing.GZIP: lambda data: gzip.compress(data, 1, mtime=0),
    Packing.ZSTD: lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
}


def as_csv(rows: Table, columns: Sequence[str], *, delimiter: str = ",", newline: str = "\n", bom: bool = False) -> bytes:
    """CSV of texts; None and what is absent are empty fields."""
    text = io.StringIO(newline="")
    # The module leaves a CR bare where lines end with LF, and at the end of a line that would make it CRLF.
    bare = any("\r" in str(cell) for row in rows for cell in row.values())
    writer = csv.DictWriter(
        text, columns, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL
    )
    writer.writeheader()
    writer.writerows(rows)
    return (BOM if bom else b"") + text.getvalue().encode()


def as_ndjson(
    rows: Table, columns: Sequence[str], *, newline: str = "\n", bom: bool = False, ascii_only: bool = False
) -> bytes:
    """NDJSON of any JSON values, what is absent left out."""
    objects = [{name: row[name] for name in columns if name in row} for row in rows]
    text = "".join(json.dumps(each, ensure_ascii=ascii_only) + newline for each in objects)
    return (BOM if bom else b"") + text.encode()


def as_parquet(rows: Table, columns: Sequence[str], types: Mapping[str, Any] | None = None, **options: Any) -> bytes:
    """Parquet of the Arrow types given, text where none is."""
    arrays = {name: pa.array([row.get(name) for row in rows], (types or {}).get(name, pa.string())) for name in columns}
    return parquet(pa.table(arrays), **options)


def packed(data: bytes, packing: Packing) -> bytes:
    """`data` compressed."""
    return _PACKERS[packing](data)
