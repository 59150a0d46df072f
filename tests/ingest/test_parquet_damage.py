"""Damaged, hostile and foreign Parquet files end in a refusal that says what to do, never in a crash, a hang or a flood."""

from __future__ import annotations

import random
import resource
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processing.domain.errors import CustomerError
from processing.ingest.readers.parquet.footer import read_footer
from processing.ingest.readers.parquet.reader import ParquetReader
from tests.support.batches import batches_of
from tests.support.parquet_files import BytesSource, parquet, read_all
from tests.support.soak import times

_FILES = 1_000
_ROWS = 120


def _table() -> Any:
    return pa.table(
        {
            "unit_id": [f"u{index}" for index in range(_ROWS)],
            "id_type": pa.array(["user_id"] * _ROWS).dictionary_encode(),
            "date": [date(2026, 1, 1)] * _ROWS,
            "metric_value": [index / 3 for index in range(_ROWS)],
            "is_test": [index % 2 == 0 for index in range(_ROWS)],
            "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * _ROWS, pa.timestamp("us", "America/New_York")),
            "user": [{"userID": f"x{index}", "n": index} for index in range(_ROWS)],
            "map": pa.array([[("k", "v")]] * _ROWS, pa.map_(pa.string(), pa.string())),
            "list": [[1, 2, None]] * _ROWS,
            "decimal": [Decimal("1.50")] * _ROWS,
            "nothing": pa.nulls(_ROWS),
        }
    )


def _samples(seed: random.Random) -> list[bytes]:
    return [
        parquet(
            _table(),
            compression=codec,
            data_page_version=seed.choice(["1.0", "2.0"]),
            use_dictionary=dictionary,
            row_group_size=seed.choice([40, 1000]),
            data_page_size=seed.choice([200, 100_000]),
            use_deprecated_int96_timestamps=seed.random() < 0.3,
        )
        for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4")
        for dictionary in (True, False)
    ]


def _damaged(seed: random.Random, whole: bytes) -> bytes:
    data = bytearray(whole)
    footer = int.from_bytes(data[-8:-4], "little")
    match seed.randrange(5):
        case 0:
            del data[seed.randrange(len(data)) :]
        case 1:
            for _ in range(seed.choice([1, 2, 30])):
                data[seed.randrange(len(data))] ^= 1 << seed.randrange(8)
        case 2:
            for _ in range(seed.choice([1, 2, 4])):
                data[len(data) - 9 - seed.randrange(footer)] = seed.randrange(256)
        case 3:
            data[seed.randrange(4, len(data) - 8 - footer)] = seed.randrange(256)
        case _:
            at = seed.randrange(len(data))
            del data[at : at + seed.randrange(1, 50)]
    return bytes(data)


def test_a_thousand_random_damages_are_read_or_refused() -> None:
    seed = random.Random(20261121)
    samples = _samples(seed)
    codes: Counter[str] = Counter()
    for _ in range(times(_FILES)):
        data = _damaged(seed, seed.choice(samples))
        try:
            read_all(ParquetReader(BytesSource(data)))
        except CustomerError as refusal:
            codes[refusal.code] += 1
    sizes = {"record_too_long", "too_many_columns", "unpacks_too_large", "too_many_rows"}
    assert set(codes) <= {"damaged_parquet", "unsupported_parquet", *sizes}
    assert codes.total() > times(_FILES) // 2


def _code(data: bytes) -> str:
    with pytest.raises(CustomerError) as refusal:
        read_all(ParquetReader(BytesSource(data)))
    return refusal.value.code


def test_every_truncation_is_refused() -> None:
    whole = parquet(pa.table({"a": list(range(50))}))
    assert {_code(whole[:length]) for length in range(len(whole))} == {"damaged_parquet"}


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1PAR1", b"unit_id,date\n1,2026-01-01\n", b"PAR1" + b"\xff" * 8 + b"PAR1", b"\0" * 100]
)
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    assert _code(data) == "damaged_parquet"


def test_an_encrypted_file_is_refused_as_encrypted() -> None:
    data = parquet(pa.table({"a": [1]}))
    with pytest.raises(CustomerError, match="encrypted") as refusal:
        ParquetReader(BytesSource(b"PARE" + data[4:-4] + b"PARE"))
    assert refusal.value.code == "unsupported_parquet"


def test_a_codec_that_is_not_read_is_refused_by_its_name() -> None:
    data = parquet(pa.table({"a": [1] * 9}), compression="snappy")
    # Field 4 of the column's metadata, a 32-bit number: 1 (snappy) becomes 3 (LZO).
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = data.index(b"\x15\x02\x16\x12", footer)
    with pytest.raises(CustomerError, match="LZO") as refusal:
        read_all(ParquetReader(BytesSource(data[: at + 1] + b"\x06" + data[at + 2 :])))
    assert refusal.value.code == "unsupported_parquet"


def test_a_page_with_a_wrong_checksum_is_refused() -> None:
    text = "a" * 1000
    data = parquet(
        pa.table({"a": [text]}), write_page_checksum=True, compression="none", use_dictionary=False, write_statistics=False
    )
    at = data.index(text.encode()) + 500
    assert _code(data[:at] + b"b" + data[at + 1 :]) == "damaged_parquet"


def test_a_footer_that_claims_more_rows_than_there_are_is_refused() -> None:
    data = parquet(pa.table({"a": [1] * 9}), compression="none")
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # 9 as a variable-length number is one byte; another one-byte number keeps all lengths.
    assert _code(data[:footer] + data[footer:].replace(b"\x16\x12", b"\x16\x7e")) == "damaged_parquet"


def test_a_page_that_claims_a_gigabyte_is_refused_before_it_is_unpacked() -> None:
    table = pa.table({"a": ["x" * 10_000_000] * 20})
    data = parquet(table, compression="zstd", use_dictionary=False, data_page_size=2**31 - 1)
    assert len(data) < 100_000
    with pytest.raises(CustomerError, match="page of 200,000"):
        read_all(ParquetReader(BytesSource(data)))


def test_a_file_of_more_than_100_million_rows_is_refused_at_once() -> None:
    data = parquet(pa.table({"a": [1] * 9}), compression="none")
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # The count 9 as a longer number, 2^40: of the file and of its row group.
    long = data[footer:-8].replace(b"\x16\x12", b"\x16\x80\x80\x80\x80\x80\x40")
    assert _code(data[:footer] + long + len(long).to_bytes(4, "little") + b"PAR1") == "too_many_rows"


def test_a_column_that_hides_its_place_is_known_as_encrypted() -> None:
    # A column chunk without metadata in the footer is how an encrypted one looks.
    footer = read_footer(_footer_with_hidden_column(), body=1_000)
    assert [chunk is None for chunk in footer.groups[0].chunks] == [True]


def _footer_with_hidden_column() -> bytes:
    chunk = b"\x26\x08\x00"
    group = b"\x19\x1c" + chunk + b"\x16\x00\x16\x02\x00"
    return b"\x15\x04" + b"\x26\x02" + b"\x19\x1c" + group + b"\x00"


def _growth(reader: ParquetReader) -> tuple[int, int]:
    """Rows read, and MiB by which the peak of this process rose."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = sum(batch.read for batch in batches_of(reader))
    return rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


def test_one_long_text_named_by_very_many_rows_does_not_flood_memory() -> None:
    # 10 GB unpacked: the file holds one text of 1 MB and a number for each row.
    rows = 10_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 1_000_000]))
    data = parquet(pa.table({"id": list(range(rows)), "a": text}), store_schema=False, compression="zstd")
    read, grown = _growth(ParquetReader(BytesSource(data)))
    assert (read, len(data) < 1_000_000) == (rows, True)
    assert grown < 700


def test_long_texts_that_share_a_beginning_do_not_flood_memory() -> None:
    rows = 1_000
    table = pa.table({"a": ["x" * 1_000_000] * rows})
    data = parquet(table, compression="zstd", use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY")
    del table
    read, grown = _growth(ParquetReader(BytesSource(data)))
    assert (read, len(data) < 1_000_000) == (rows, True)
    assert grown < 500


def test_a_record_longer_than_16_mib_is_refused() -> None:
    data = parquet(pa.table({"a": ["short", "x" * (16 * 1024 * 1024 + 1)]}))
    with pytest.raises(CustomerError, match="record 2 ") as refusal:
        read_all(ParquetReader(BytesSource(data)))
    assert refusal.value.code == "record_too_long"


def test_errors_of_the_source_are_not_blamed_on_the_file() -> None:
    class Gone(Exception):
        pass

    class Failing(BytesSource):
        failing = False

        def read(self, offset: int, length: int) -> bytes:
            if self.failing:
                raise Gone
            return super().read(offset, length)

    rows = 600_000
    source = Failing(parquet(pa.table({"a": list(range(rows))}), use_dictionary=False, compression="none"))
    reader = ParquetReader(source)
    source.failing = True
    with pytest.raises(Gone):
        read_all(reader)


def test_the_engine_alone_would_have_read_what_the_fuzz_is_made_of() -> None:
    for data in _samples(random.Random(1)):
        assert pq.read_table(pa.BufferReader(data)).num_rows == _ROWS
        assert read_all(ParquetReader(BytesSource(data)))[0].height == _ROWS


def test_names_of_members_count_in_what_a_batch_becomes() -> None:
    """As text they stand in each row: a file of a few KB would be gigabytes of it at once."""
    data = parquet(pa.table({"a": [{"n" * 20_000: 1}] * 10_000, "b": [[{"m" * 2_000: 1}] * 10] * 10_000}))
    sizes = [task().frame.select("0", "1").estimated_size() for task in ParquetReader(BytesSource(data)).batch_tasks()]
    assert max(sizes) < 80 * 1024**2
