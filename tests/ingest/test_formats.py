"""What an upload is: bytes tell Parquet and compression, the name tells one text layout from another."""

from __future__ import annotations

import pytest

from processing.domain.errors import CustomerError
from processing.ingest.readers.formats import FileFormat, Layout, Packing, detect_format

TEXT = b"a,b\n1,2\n"
GZIP = b"\x1f\x8b\x08\x00"
ZSTD = b"\x28\xb5\x2f\xfd"
PARQUET = b"PAR1\x15\x04"


@pytest.mark.parametrize(
    ("name", "head", "found"),
    [
        ("metrics/a.csv", TEXT, "csv"),
        ("metrics/A.CSV", TEXT, "csv"),
        ("metrics/a.tsv", TEXT, "tsv"),
        ("events/a.ndjson", b"{}", "ndjson"),
        ("events/a.jsonl", b"{}", "ndjson"),
        ("events/a.json", b"{}", "ndjson"),
        ("events/a.JSON.GZ", GZIP, "ndjson.gz"),
        ("events/a.tsv.zst", ZSTD, "tsv.zst"),
        ("events/day.one/a.csv", TEXT, "csv"),
        ("metrics/a.parquet", PARQUET, "parquet"),
        ("metrics/a.csv", b"", "csv"),
    ],
)
def test_the_ending_tells_the_layout_in_any_case(name: str, head: bytes, found: str) -> None:
    assert str(detect_format(name, head)) == found


@pytest.mark.parametrize(
    ("name", "head", "found"),
    [
        ("metrics/data_0_1_2.csv.gz", GZIP, "csv.gz"),
        ("metrics/export-000000000000.csv", TEXT, "csv"),
        ("metrics/part-00000-6d0c1a3e-1b2f-4c52-8a60-6d0c1a3e0000.snappy.parquet", PARQUET, "parquet"),
        ("metrics/part-0000.c000.gz.parquet", PARQUET, "parquet"),
        ("metrics/part-00000-6d0c1a3e-c000.csv.gz", GZIP, "csv.gz"),
        ("metrics/part-00000-6d0c1a3e-c000.json.zst", ZSTD, "ndjson.zst"),
        ("metrics/data_0_0_0.snappy.parquet", PARQUET, "parquet"),
    ],
)
def test_names_that_warehouses_write_work_as_they_are(name: str, head: bytes, found: str) -> None:
    assert str(detect_format(name, head)) == found


@pytest.mark.parametrize(
    ("name", "head", "packing"),
    [
        ("a.csv", GZIP, Packing.GZIP),
        ("a.csv.zst", GZIP, Packing.GZIP),
        ("a.csv.gz", ZSTD, Packing.ZSTD),
        ("a.csv", b"\x50\x2a\x4d\x18\x00", Packing.ZSTD),
        ("a.csv", b"\x5f\x2a\x4d\x18\x00", Packing.ZSTD),
        ("a.csv", b"\x60\x2a\x4d\x18\x00", Packing.PLAIN),
        ("a.csv.gz", TEXT, Packing.PLAIN),
        ("a.csv.gz", b"", Packing.PLAIN),
    ],
)
def test_the_bytes_tell_the_packing_whatever_the_name_says(name: str, head: bytes, packing: Packing) -> None:
    assert detect_format(name, head).packing is packing


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.csv.gz", "a", "a.bin", ".parquet"])
def test_parquet_is_known_by_its_bytes_under_any_name(name: str) -> None:
    assert detect_format(name, PARQUET) == FileFormat(layout=Layout.PARQUET, packing=Packing.PLAIN)


@pytest.mark.parametrize("head", [b"", b"PAR", TEXT, GZIP, b"PARE"])
def test_a_parquet_name_without_parquet_bytes_is_refused_as_damaged(head: bytes) -> None:
    with pytest.raises(CustomerError) as refused:
        detect_format("metrics/a.snappy.parquet", head)
    assert refused.value.code == "damaged_parquet"


@pytest.mark.parametrize(
    "name", ["a", "csv", "a.gz", "a.zst", "a.xlsx", "a.csv.zip", "a.csv.gz.zst", "a.csv/b", "a.csv.", "", "gz"]
)
def test_other_names_are_refused_with_the_endings_that_work(name: str) -> None:
    with pytest.raises(CustomerError, match=r"\.csv, \.tsv, \.ndjson or \.parquet") as refused:
        detect_format(name, TEXT)
    assert refused.value.code == "unknown_format"
