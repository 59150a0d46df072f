"""A file that is four times as large takes about four times as long, whatever a customer writes into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.hostile.case import METRICS, ndjson
from tests.hostile.large import metrics_csv, metrics_parquet
from tests.support.ingest import ingest

SMALL: Final = 10_000
MARKS: Final = [f"\x1f{number}\x1e" for number in range(4 * SMALL)]
NESTED: Final = {str(number): {"b": 1} for number in range(500)}


def marks(size: int) -> bytes:
    """All that could be tried in turn for a mark that the file does not hold, and a bare CR that needs one."""
    return metrics_csv("u\rv,i,2026-11-18,m,1", "".join(reversed(MARKS[:size])) + ",i,2026-11-18,m,1")


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


def took(data: bytes, file: str) -> float:
    """Seconds of the processor, the least of some runs: others use the machine as well."""
    runs = []
    for _ in range(3):
        started = time.process_time()
        ingest(data, file, METRICS)
        runs.append(time.process_time() - started)
    return min(runs)


@pytest.mark.parametrize("name", GROWING)
def test_a_file_four_times_as_large_takes_about_four_times_as_long(name: str) -> None:
    file, data = GROWING[name]
    took(data(100), file)
    # What any file takes, and what the clock cannot tell, is allowed besides.
    assert took(data(4 * SMALL), file) < 5 * took(data(SMALL), file) + 0.3
