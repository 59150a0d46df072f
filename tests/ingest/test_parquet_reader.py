"""ParquetReader gives back what was written, whatever the types, the codec, the pages and the row groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.errors import CustomerError
from processing.ingest.readers.parquet.reader import ParquetReader
from processing.ingest.readers.random_access import WINDOW
from processing.ingest.readers.raw_batches import LINE, RECORD
from tests.support.parquet_files import BytesSource, parquet, read_all
from tests.support.soak import times

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_MOMENT = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - naive on purpose


class Kind(NamedTuple):
    """An Arrow type, what may stand in it, and what the reader makes of each value."""

    arrow: Any
    values: st.SearchStrategy[Any]
    dtype: pl.DataType
    seen: Callable[[Any], Any] = lambda value: value
    as_json: bool = False
    """Compare as JSON documents."""


def _cut(value: datetime) -> datetime:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def _clock(value: time) -> str:
    return value.isoformat("milliseconds" if value.microsecond and not value.microsecond % 1000 else "auto")


_STRUCT = pa.struct([("userID", pa.string()), ("n", pa.int64()), ("inner", pa.struct([("f", pa.float64())]))])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


KINDS = {
    "string": Kind(pa.string(), _TEXT, pl.String()),
    "large_string": Kind(pa.large_string(), _TEXT, pl.String()),
    "binary that is text": Kind(pa.binary(), _TEXT.map(str.encode), pl.String(), bytes.decode),
    "dictionary": Kind(pa.dictionary(pa.int32(), pa.string()), _TEXT, pl.String()),
    "bool": Kind(pa.bool_(), st.booleans(), pl.Boolean()),
    "int8": Kind(pa.int8(), st.integers(-128, 127), pl.Int64()),
    "int64": Kind(pa.int64(), _INT64, pl.Int64()),
    "uint64": Kind(pa.uint64(), st.integers(0, 2**64 - 1), pl.UInt64()),
    "float16": Kind(pa.float16(), st.floats(width=16, allow_nan=False), pl.Float64()),
    "float32": Kind(pa.float32(), st.floats(width=32, allow_nan=False), pl.Float64()),
    "float64": Kind(pa.float64(), _FINITE, pl.Float64()),
    "decimal": Kind(pa.decimal128(20, 4), st.decimals(-(10**15), 10**15, places=4), pl.Decimal(20, 4)),
    "wide decimal": Kind(
        pa.decimal256(50, 2), st.decimals(-(10**15), 10**15, places=2), pl.String(), lambda value: f"{value:.2f}"
    ),
    "date": Kind(pa.date32(), st.dates(), pl.Date()),
    "time": Kind(pa.time64("us"), st.times(), pl.String(), _clock),
    "time in ms": Kind(pa.time32("ms"), st.times().map(lambda at: at.replace(microsecond=0)), pl.String(), _clock),
    "naive us": Kind(pa.timestamp("us"), _MOMENT, pl.Datetime("us")),
    "naive ms": Kind(pa.timestamp("ms"), _MOMENT.map(_cut), pl.Datetime("ms")),
    "naive ns": Kind(pa.timestamp("ns"), _MOMENT, pl.Datetime("ns")),
    "utc us": Kind(pa.timestamp("us", "UTC"), _MOMENT.map(lambda at: at.replace(tzinfo=UTC)), pl.Datetime("us", "UTC")),
    "zoned us": Kind(
        pa.timestamp("us", "America/New_York"),
        _MOMENT.map(lambda at: at.replace(tzinfo=UTC)),
        pl.Datetime("us", "America/New_York"),
        lambda at: at,
    ),
    "null": Kind(pa.null(), st.none(), pl.String()),
    "struct": Kind(
        _STRUCT,
        st.fixed_dictionaries(
            {
                "userID": st.none() | _TEXT,
                "n": st.none() | _INT64,
                "inner": st.none() | st.fixed_dictionaries({"f": st.none() | _FINITE}),
            }
        ),
        pl.String(),
        _without_nulls,
        as_json=True,
    ),
    "map": Kind(
        pa.map_(pa.string(), pa.string()),
        st.dictionaries(_TEXT, st.none() | _TEXT, max_size=3).map(lambda value: list(value.items())),
        pl.String(),
        dict,
        as_json=True,
    ),
    "map of numbers": Kind(
        pa.map_(pa.int64(), pa.list_(pa.int64())),
        st.dictionaries(_INT64, st.lists(_INT64, max_size=2), max_size=3).map(lambda value: list(value.items())),
        pl.String(),
        lambda value: {str(key): inner for key, inner in value},
        as_json=True,
    ),
    "list": Kind(pa.list_(pa.string()), st.lists(st.none() | _TEXT, max_size=3), pl.String(), as_json=True),
    "list of structs": Kind(
        pa.list_(_STRUCT),
        st.lists(st.fixed_dictionaries({"userID": _TEXT, "n": st.none() | _INT64, "inner": st.none()}), max_size=2),
        pl.String(),
        lambda value: [_without_nulls(inner) for inner in value],
        as_json=True,
    ),
}


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5, unique=True))
    rows = draw(st.integers(0, 12))
    columns = [draw(st.lists(st.none() | KINDS[name].values, min_size=rows, max_size=rows)) for name in names]
    return names, columns


_OPTIONS = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "use_dictionary": st.booleans(),
        "row_group_size": st.integers(1, 12),
        "data_page_size": st.sampled_from([200, 1024 * 1024]),
        "write_page_checksum": st.booleans(),
        "write_page_index": st.booleans(),
    }
)


@settings(max_examples=times(300))
@given(_tables(), _OPTIONS)
def test_every_value_of_every_type_comes_back(table: tuple[list[str], list[list[Any]]], options: dict[str, Any]) -> None:
    names, columns = table
    arrays = [_array(values, KINDS[name].arrow) for name, values in zip(names, columns, strict=True)]
    reader = ParquetReader(BytesSource(parquet(pa.Table.from_arrays(arrays, names=names), **options)))
    frame, broken = read_all(reader)
    assert (reader.header, broken) == (tuple(names), [])
    assert reader.dtypes == tuple(KINDS[name].dtype for name in names)
    assert frame.get_column(RECORD).to_list() == list(range(1, len(columns[0]) + 1))
    assert frame.get_column(LINE).null_count() == frame.height
    for index, (name, values) in enumerate(zip(names, columns, strict=True)):
        kind = KINDS[name]
        column = frame.get_column(str(index))
        assert column.dtype == kind.dtype
        found = [json.loads(text) if kind.as_json and text is not None else text for text in column.to_list()]
        assert found == [None if value is None else kind.seen(value) for value in values], name


def test_old_timestamps_of_96_bits_keep_their_microseconds_in_every_year() -> None:
    moments = [datetime(9999, 12, 31, 23, 59, 59, 999_999), datetime(1600, 1, 1), None]  # noqa: DTZ001
    table = pa.table({"at": pa.array(moments, pa.timestamp("us"))})
    frame, _ = read_all(ParquetReader(BytesSource(parquet(table, use_deprecated_int96_timestamps=True))))
    assert frame.get_column("0").to_list() == moments


def test_a_uuid_is_its_usual_text() -> None:
    storage = pa.array([bytes(range(16)), None], pa.binary(16))
    table = pa.table({"timeuuid": pa.ExtensionArray.from_storage(pa.uuid(), storage)})
    frame, _ = read_all(ParquetReader(BytesSource(parquet(table))))
    assert frame.get_column("0").to_list() == ["00010203-0405-0607-0809-0a0b0c0d0e0f", None]


def test_an_offset_of_hours_keeps_its_clock_and_another_becomes_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    table = pa.table({"a": pa.array([noon], pa.timestamp("us", "+02:00")), "b": pa.array([noon], pa.timestamp("us", "+05:30"))})
    frame, _ = read_all(ParquetReader(BytesSource(parquet(table))))
    assert [frame.item(0, name) for name in ("0", "1")] == [noon, noon]
    assert frame.item(0, "0").utcoffset() == timedelta(hours=2)
    assert frame.schema["1"] == pl.Datetime("us", "UTC")


def test_json_of_nested_values_holds_dates_and_numbers_exactly() -> None:
    kind = pa.struct(
        [("at", pa.timestamp("ms", "UTC")), ("day", pa.date32()), ("t", pa.time64("us")), ("d", pa.decimal128(6, 2))]
    )
    value = {"at": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), "t": time(1, 2, 3), "d": Decimal("12.50")}
    frame, _ = read_all(ParquetReader(BytesSource(parquet(pa.table({"user": pa.array([value], kind)})))))
    assert frame.item(0, "0") == '{"at":"2026-01-02T00:00:00+00:00","day":"2026-01-02","t":"01:02:03","d":12.50}'


@pytest.mark.parametrize("kind", [pa.binary(), pa.struct([("userID", pa.binary())]), pa.list_(pa.binary())], ids=str)
def test_bytes_that_are_not_utf8_cost_their_own_row(kind: Any) -> None:
    good, bad = b"good", b"\xff\xfe"
    wrap: dict[bool, Callable[[bytes], Any]] = {True: lambda value: value, False: lambda value: {"userID": value}}
    values = [wrap[pa.types.is_binary(kind)](value) for value in (good, bad, good)]
    if pa.types.is_list(kind):
        values = [[good], [good, bad], []]
    table = pa.table({"a": pa.array([1, 2, 3]), "b": pa.array(values, kind)})
    frame, broken = read_all(ParquetReader(BytesSource(parquet(table))))
    assert frame.get_column(RECORD).to_list() == [1, 3]
    assert [(record.record, record.line, record.rule) for record in broken] == [(2, None, "not_utf8")]
    assert json.loads(broken[0].raw)["a"] == "2"


def test_text_that_breaks_its_promise_of_utf8_costs_its_own_row() -> None:
    text = pa.array([b"good", b"bad\xff", None]).view(pa.string())
    frame, broken = read_all(ParquetReader(BytesSource(parquet(pa.table({"a": text})))))
    assert frame.get_column("0").to_list() == ["good", None]
    assert json.loads(broken[0].raw) == {"a": "bad\\xff"}


def test_only_wanted_columns_are_fetched_and_stand_under_their_positions() -> None:
    rows = 200_000
    junk = ["j" * 100] * rows
    table = pa.table({"junk": junk, "a.b": ["x"] * rows, "more": junk, "n": [{"u": 1}] * rows})
    data = parquet(table, compression="none", use_dictionary=False)
    source = BytesSource(data)
    reader = ParquetReader(source, wanted=["a.b", "n"])
    frame, _ = read_all(reader)
    assert frame.columns == ["1", "3", RECORD, LINE]
    assert reader.header == ("junk", "a.b", "more", "n")
    assert reader.dtypes == (pl.Null(), pl.String(), pl.Null(), pl.String())
    assert frame.row(rows - 1) == ("x", '{"u":1}', rows, None)
    # Neighbouring buffers may fetch a window twice; what is not wanted stays away all the same.
    assert sum(length for _, length in source.requests) < len(data) * 0.5


def test_columns_may_be_chosen_after_the_header_was_seen() -> None:
    reader = ParquetReader(BytesSource(parquet(pa.table({"a": [1], "b": ["x"], "c": [2.5]}))))
    reader.narrow([2, 1])
    frame, _ = read_all(reader)
    assert frame.rows() == [("x", 2.5, 1, None)]


def test_small_row_groups_are_fetched_many_at_a_time() -> None:
    table = pa.table({"a": list(range(500_000)), "b": [str(index) for index in range(500_000)]})
    source = BytesSource(parquet(table, row_group_size=2_500))
    frame, _ = read_all(ParquetReader(source))
    assert frame.get_column("0").to_list() == list(range(500_000))
    assert source.size > 4 * 1024 * 1024
    assert len(source.requests) < 20
    assert max(length for _, length in source.requests) <= WINDOW


def test_a_small_file_is_fetched_at_once() -> None:
    source = BytesSource(parquet(pa.table({"a": list(range(1_000))}), row_group_size=100))
    assert read_all(ParquetReader(source))[0].height == 1_000
    assert source.requests == [(0, source.size)]


def test_a_name_that_stands_twice_is_in_the_header_twice() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    reader = ParquetReader(BytesSource(parquet(table)))
    assert reader.header == ("a", "a")
    assert read_all(reader)[0].rows() == [(1, "x", 1, None)]


def test_a_file_without_wanted_columns_still_counts_its_records() -> None:
    frame, _ = read_all(ParquetReader(BytesSource(parquet(pa.table({"a": [1, 2, 3]}), row_group_size=2)), wanted=[]))
    assert frame.rows() == [(1, None), (2, None), (3, None)]


def test_more_columns_than_the_contract_allows_are_refused() -> None:
    table = pa.table({f"c{index}": [1] for index in range(1_025)})
    with pytest.raises(CustomerError, match="1,025 columns") as refusal:
        ParquetReader(BytesSource(parquet(table)))
    assert refusal.value.code == "too_many_columns"


def _array(values: list[Any], kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).cast(kind)
    return pa.array(values, kind)
