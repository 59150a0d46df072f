"""What an upload is: bytes tell Parquet and compression, the name tells one text layout from another."""

from __future__ import annotations

import gzip
import zlib

import pytest

from processing.domain.errors import CustomerError
from processing.ingest.readers.foreign_formats import foreign_format
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
        ("metrics/trail.csv ", TEXT, "csv"),
        ("metrics/trail.csv\t", TEXT, "csv"),
        ("metrics/trail.csv .gz ", GZIP, "csv.gz"),
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


def test_the_bytes_below_a_name_that_ends_like_a_folder_decide() -> None:
    assert detect_format("metrics/2026-11-18/", TEXT).layout is Layout.CSV


@pytest.mark.parametrize(
    "name", ["a", "csv", "a.gz", "a.txt", "a.csv.zip", "a.csv.gz.zst", "a.csv/b", "a.csv.", "", "000000_0", "x0000_part_00"]
)
@pytest.mark.parametrize(
    ("head", "found"),
    [
        (TEXT, "csv"),
        (b"u1\tuser_id\t2026-11-18\n", "tsv"),
        (b"u1\x01user_id\x012026-11-18\n", "csv"),
        (b'\xef\xbb\xbf{"unit_id": "u1"}\n', "ndjson"),
        ("unit_id,date\n".encode("utf-16"), "csv"),
        (gzip.compress(TEXT, mtime=0), "csv.gz"),
        (gzip.compress(b'{"unit_id": "u1"}\n', mtime=0), "ndjson.gz"),
        (gzip.compress(TEXT * 10_000, mtime=0)[:200], "csv.gz"),
        (gzip.compress(b"", mtime=0), "csv.gz"),
        (PARQUET, "parquet"),
    ],
)
def test_the_bytes_tell_the_layout_where_no_ending_does(name: str, head: bytes, found: str) -> None:
    assert str(detect_format(name, head)) == found


@pytest.mark.parametrize("head", [b"", b"some prose", b"\x00\x01\x02,\x03", b"\n\n"])
def test_bytes_that_look_like_nothing_are_refused_with_the_endings_that_work(head: bytes) -> None:
    with pytest.raises(CustomerError, match=r"\.csv, \.tsv, \.ndjson or \.parquet") as refused:
        detect_format("metrics/a", head)
    assert refused.value.code == "unknown_format"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "Excel"),
        (b"PK\x03\x04" + bytes(26) + b"a.csv", "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"\r\n<!DOCTYPE html><html>", "HTML"),
        (b"<?xml version='1.0'?><Error/>", "XML"),
        (b"Obj\x01\x02", "Avro"),
        (b"ARROW1\0\0", "Arrow"),
        (b"FEA1", "Arrow"),
        (b"ORC\x0a\x03\x00", "ORC"),
        (b"a.csv".ljust(257, b"\0") + b"ustar", "tar"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (zlib.compress(TEXT * 50), "zlib"),
        (b"%PDF-1.7", "PDF"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"\x04\x22\x4d\x18", "LZ4"),
        (b"SQLite format 3\0", "SQLite"),
    ],
)
@pytest.mark.parametrize("name", ["metrics/a", "metrics/a.xlsx", "metrics/a.parquet"])
def test_what_is_no_text_is_called_by_its_name(name: str, head: bytes, what: str) -> None:
    with pytest.raises(CustomerError) as refused:
        detect_format(name, head)
    assert what in refused.value.message


@pytest.mark.parametrize("text", [b"SEQ,unit_id\n", b"ORC_ID,unit_id\n", b"x^2,unit_id\n", b"RCF,a\n", b"BZh,a\n", b"Rar!,a\n"])
def test_a_header_that_begins_like_another_format_is_a_header(text: bytes) -> None:
    assert foreign_format(text) is None
