"""What a file takes grows as the file does, whatever a customer writes into it.

Each file is large enough that work which grew faster would outlast the limit of a whole test by far; none is judged by a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.hostile.case import METRICS, ndjson
from tests.hostile.large import metrics_csv, metrics_parquet
from tests.support.ingest import ingest

SIZE: Final = 100_000
NESTED: Final = {str(number): {"b": 1} for number in range(500)}


def marks(size: int) -> bytes:
    """All that could be tried in turn for a mark that the file does not hold, and a bare CR that needs one."""
    return metrics_csv(
        "u\rv,i,2026-11-18,m,1", "".join(f"\x1f{number}\x1e" for number in reversed(range(4 * size))) + ",i,2026-11-18,m,1"
    )


def quotes(size: int) -> bytes:
    return metrics_csv(*['"u,i,2026-11-18,m,1', 'u",i,2026-11-18,m,1'] * size)


def long_row(size: int) -> bytes:
    return metrics_csv("\t".join(["u" * size * 20] * 5), delimiter="\t")


def names_of_one_record(size: int) -> bytes:
    return ndjson({}) * 1_000 + ndjson({str(number): 1 for number in range(size)})


GROWING: Final[dict[str, tuple[str, Callable[[int], bytes]]]] = {
    "csv: marks": ("a.csv", marks),
    "csv: bare CRs": ("a.csv", lambda size: metrics_csv(*["u\r\rv,i,2026-11-18,m,x"] * size)),
    "csv: quotes that open and never end": ("a.csv", quotes),
    "csv: id types": ("a.csv", lambda size: metrics_csv(*(f"u,user_id{number},2026-11-18,m,x" for number in range(size)))),
    "tsv: ragged": ("a.tsv", lambda size: metrics_csv(*["u\ti"] * size, delimiter="\t")),
    "tsv: one long row": ("a.tsv", long_row),
    "ndjson: broken": ("a.ndjson", lambda size: b'{"a":\n{}\n' * size),
    "ndjson: deep": ("a.ndjson", lambda size: (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}\n") * (size // 20)),
    "ndjson: objects": ("a.ndjson", lambda size: ndjson(NESTED) * (size // 100)),
    "ndjson: names of one record": ("a.ndjson", names_of_one_record),
    "parquet: long values": ("a.parquet", lambda size: metrics_parquet(size // 10, unit_id="x" * 10_000)),
    "parquet: bytes that are no text": ("a.parquet", lambda size: metrics_parquet(size // 10, unit_id=b"\xff" * 500)),
}


@pytest.mark.parametrize("name", GROWING)
def test_a_large_file_is_read_to_its_end(name: str) -> None:
    file, data = GROWING[name]
    rows = ingest(data(SIZE), file, METRICS).outcome.rows
    assert rows.read > 0
    assert rows.read == rows.accepted + rows.rejected + rows.filtered
