"""Arrow columns as Polars ones of a few types, value for value: what Parquet can hold, made plain.

Text, truth values, whole numbers, doubles, decimals, dates and instants keep their kind; times of day become text, structs,
maps and lists JSON text. Bytes count as text, and where they are not UTF-8 the row is reported, not the column refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.frames.casts import as_text

_MOST_DAYS: Final = 73_000_000
"""About 200,000 years to either side of 1970; the engine knows 60,000 more, and panics beyond."""
_DAY_IN_UNITS: Final = {"ms": 86_400_000, "us": 86_400_000_000}
_DAY_IN_NANOSECONDS: Final = 86_400 * 10**9
_NANOSECONDS: Final = {"s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}
_UUID_HEX: Final = (0, 8, 12, 16, 20, 32)
_MOST_DIGITS: Final = 38
_ESCAPES: Final = {chr(code): f"\\u{code:04x}" for code in range(32)} | {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_IS_TEXT: Final = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_SIMPLE: Final = (
    (pa.types.is_boolean, pl.Boolean()),
    (pa.types.is_uint64, pl.UInt64()),
    (pa.types.is_integer, pl.Int64()),
    (pa.types.is_duration, pl.Int64()),
    (pa.types.is_floating, pl.Float64()),
    (pa.types.is_date, pl.Date()),
    # A file may hold times that no day has, and they must not be lost.
    (pa.types.is_time, pl.String()),
)
_IS_LIST: Final = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """The values of one column of a batch."""

    values: pl.Series
    """Of `column_dtype`."""
    not_utf8: pl.Series | None
    """Boolean, true for rows whose bytes are not UTF-8; their values are null. None when there are none."""


def column_dtype(kind: Any) -> pl.DataType:
    """The Polars type that columns of an Arrow type get.

    Raises CustomerError for a type that no Parquet file of the contract has.
    """
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return pl.String() if _is_uuid(kind) else column_dtype(kind.storage_type)
    if types.is_dictionary(kind):
        return column_dtype(kind.value_type)
    if types.is_null(kind) or _is(kind, _IS_TEXT) or _is_nested(kind):
        return pl.String()
    if types.is_decimal(kind):
        return pl.Decimal(kind.precision, kind.scale) if kind.precision <= _MOST_DIGITS else pl.String()
    if types.is_timestamp(kind):
        return pl.Datetime("ms" if kind.unit == "s" else kind.unit, _zone(kind))
    for test, dtype in _SIMPLE:
        if test(kind):
            return dtype
    raise CustomerError(
        RefusalCode.UNSUPPORTED_PARQUET, f"columns of type {str(kind)[:64]} are not read: write text or numbers instead"
    )


def to_column(array: Any) -> ParquetColumn:
    """An Arrow array as a column of `column_dtype`; nested values as JSON text."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return ParquetColumn(_uuid_text(array.storage), None) if _is_uuid(kind) else to_column(array.storage)
    if pa.types.is_dictionary(kind):
        return _from_dictionary(array)
    if pa.types.is_null(kind):
        return ParquetColumn(pl.repeat(None, len(array), dtype=pl.String, eager=True), None)
    if _is(kind, _IS_TEXT):
        return _text(array)
    if _is_nested(kind):
        return _as_json(array)
    if pa.types.is_decimal(kind) and kind.precision > _MOST_DIGITS:
        return ParquetColumn(_series(array.cast(pa.string())), None)
    if pa.types.is_time(kind):
        return ParquetColumn(_time_text(array), None)
    return ParquetColumn(_plain(array, column_dtype(kind)), None)


def _plain(array: Any, dtype: pl.DataType) -> pl.Series:
    types, kind = pa.types, array.type
    if types.is_decimal(kind):
        array = array.cast(pa.decimal128(kind.precision, kind.scale))
    elif types.is_duration(kind):
        array = array.cast(pa.int64())
    elif types.is_date64(kind):
        array = array.cast(pa.date32())
    elif isinstance(dtype, pl.Datetime):
        # Under a zone Arrow keeps instants in UTC, so that renaming the zone changes none.
        unit = pa.timestamp(dtype.time_unit, dtype.time_zone)
        array = (array.cast(pa.timestamp("ms", kind.tz)) if kind.unit == "s" else array).view(unit)
    return _clipped(_series(array).cast(dtype))


def _time_text(array: Any) -> pl.Series:
    """Times of day as ISO 8601; before those that lie outside of the day stands how many days, such as `1d 00:30:00`."""
    scale = _NANOSECONDS[array.type.unit]
    day = _DAY_IN_NANOSECONDS // scale
    number = pl.lit(_series(array.view(pa.int32() if pa.types.is_time32(array.type) else pa.int64())).cast(pl.Int64))
    days = number.floordiv(day)
    time = as_text(((number - days * day) * scale).cast(pl.Time), pl.Time())
    return pl.select(pl.when(days == 0).then(time).otherwise(days.cast(pl.String) + "d " + time)).to_series()


def _clipped(values: pl.Series) -> pl.Series:
    """The values, days and instants that no calendar knows replaced by the farthest ones, which break the same rules."""
    dtype = values.dtype
    if dtype == pl.Date:
        low, high = -_MOST_DAYS, _MOST_DAYS
    elif isinstance(dtype, pl.Datetime) and dtype.time_unit in _DAY_IN_UNITS:
        high = _MOST_DAYS * _DAY_IN_UNITS[dtype.time_unit]
        low = -high
    else:
        return values
    numbers = values.to_physical()
    return values if numbers.is_between(low, high).all() else numbers.clip(low, high).cast(dtype)


def _series(array: Any) -> pl.Series:
    series = pl.from_arrow(array)
    if not isinstance(series, pl.Series):
        raise TypeError(f"no column from {array.type}")
    return series


def _from_dictionary(array: Any) -> ParquetColumn:
    # Gathered texts share the bytes of the dictionary: a long text that stands in every row is held once.
    indices = _series(array.indices).cast(pl.UInt32)
    entries = to_column(array.dictionary)
    bad = None if entries.not_utf8 is None else entries.not_utf8.gather(indices).fill_null(value=False)
    return ParquetColumn(entries.values.gather(indices), bad if bad is not None and bad.any() else None)


def _text(array: Any) -> ParquetColumn:
    # The engine trusts Arrow's promise that text is UTF-8, and a file can break it: bytes are checked here.
    kind = array.type
    if pa.types.is_string(kind):
        array = array.view(pa.binary())
    elif pa.types.is_large_string(kind):
        array = array.view(pa.large_binary())
    elif not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        array = array.cast(pa.large_binary())
    data = _series(array).cast(pl.Binary)
    try:
        return ParquetColumn(data.cast(pl.String), None)
    except pl.exceptions.ComputeError:
        texts = pl.Series([_decoded(value) for value in data], dtype=pl.String)
        return ParquetColumn(texts, texts.is_null() & data.is_not_null())


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _uuid_text(array: Any) -> pl.Series:
    digits = _series(array.cast(pa.large_binary())).bin.encode("hex")
    parts = [digits.str.slice(start, end - start) for start, end in pairwise(_UUID_HEX)]
    return pl.select(pl.concat_str(parts, separator="-")).to_series()


# JSON. Every function gives a text for each value, and null for null.


def _as_json(array: Any) -> ParquetColumn:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType) and not _is_uuid(kind):
        return _as_json(array.storage)
    if pa.types.is_dictionary(kind) and _is_nested(kind.value_type):
        entries, indices = _as_json(array.dictionary), _series(array.indices).cast(pl.UInt32)
        bad = None if entries.not_utf8 is None else entries.not_utf8.gather(indices).fill_null(value=False)
        return ParquetColumn(entries.values.gather(indices), bad)
    if pa.types.is_struct(kind):
        return _struct_json(array)
    if pa.types.is_map(kind):
        return _map_json(array)
    if _is(kind, _IS_LIST):
        return _list_json(array, _as_json, "[", "]")
    column = to_column(array)
    return ParquetColumn(_leaf_json(column.values), column.not_utf8)


def _leaf_json(values: pl.Series) -> pl.Series:
    text = pl.select(as_text(pl.lit(values), values.dtype)).to_series()
    if values.dtype == pl.Boolean or values.dtype.is_integer() or values.dtype.is_decimal():
        return text
    if values.dtype.is_float():
        # JSON knows no NaN and no infinity; as text they are at least seen.
        return pl.select(pl.when(pl.lit(values).is_finite()).then(pl.lit(text)).otherwise(_quoted(text))).to_series()
    return _quoted(text)


def _quoted(text: pl.Series) -> pl.Series:
    if text.str.contains(r'["\\\x00-\x1f]').any():
        text = text.str.replace_many(_ESCAPES)
    return '"' + text + '"'


def _struct_json(array: Any) -> ParquetColumn:
    members: list[pl.Expr] = []
    bad: list[pl.Series] = []
    # flatten() brings down the struct's own nulls and its offset.
    for field, child in zip(array.type, array.flatten(), strict=True):
        column = _as_json(child)
        name = _quoted(pl.Series([field.name], dtype=pl.String))[0]
        members.append(pl.lit(name + ":") + pl.lit(column.values))
        if column.not_utf8 is not None:
            bad.append(column.not_utf8)
    valid = _series(array.is_valid())
    body = pl.concat_str(members, separator=",", ignore_nulls=True) if members else pl.lit("")
    text = pl.select(pl.when(pl.lit(valid)).then(pl.lit("{") + body + pl.lit("}"))).to_series()
    return ParquetColumn(text, reduce(or_, bad) if bad else None)


def _map_json(array: Any) -> ParquetColumn:
    def entry(pairs: Any) -> ParquetColumn:
        keys, items = to_column(pairs.field(0)) if _is_text_key(pairs) else _as_json(pairs.field(0)), _as_json(pairs.field(1))
        names = _quoted(pl.select(as_text(pl.lit(keys.values), keys.values.dtype)).to_series())
        text = names + ":" + items.values.fill_null("null")
        bad = [column.not_utf8 for column in (keys, items) if column.not_utf8 is not None]
        return ParquetColumn(text, reduce(or_, bad) if bad else None)

    return _list_json(array, entry, "{", "}")


def _is_text_key(pairs: Any) -> bool:
    return not _is_nested(pairs.type.field(0).type)


def _list_json(array: Any, element: Callable[[Any], ParquetColumn], opening: str, closing: str) -> ParquetColumn:
    # Plain lists with offsets: a slice keeps its parent's values, and fixed-size lists have no offsets.
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        array = array.cast(pa.large_list(kind.value_field))
    offsets = array.offsets
    first = offsets[0].as_py() if len(offsets) else 0
    last = offsets[-1].as_py() if len(offsets) else 0
    if pa.types.is_map(kind):
        inner = pa.StructArray.from_arrays(
            [array.keys.slice(first, last - first), array.items.slice(first, last - first)], names=["key", "value"]
        )
    else:
        inner = array.values.slice(first, last - first)
    column = element(inner)
    starts = _series(offsets.cast(pa.int64())).to_numpy() - first
    texts = _grouped(column.values.fill_null("null"), starts)
    valid = _series(array.is_valid())
    text = pl.select(pl.when(pl.lit(valid)).then(pl.lit(opening) + pl.lit(texts).list.join(",") + pl.lit(closing))).to_series()
    bad = None if column.not_utf8 is None else _grouped(column.not_utf8, starts).list.any()
    return ParquetColumn(text, bad)


def _grouped(values: pl.Series, starts: Any) -> pl.Series:
    return _series(
        pa.LargeListArray.from_arrays(pa.array(starts, pa.int64()), values.to_arrow(compat_level=pl.CompatLevel.oldest()))
    )


def _is(kind: Any, tests: tuple[Any, ...]) -> bool:
    return any(test(kind) for test in tests)


def _is_nested(kind: Any) -> bool:
    return pa.types.is_struct(kind) or pa.types.is_map(kind) or _is(kind, _IS_LIST)


def _is_uuid(kind: Any) -> bool:
    return bool(kind.extension_name == "arrow.uuid")


def _zone(kind: Any) -> str | None:
    """The zone of a timestamp type as Polars knows it; hours of offset keep their clock, what is unknown becomes UTC."""
    try:
        if kind.tz is None:
            return None
        dtype = _series(pa.array([], pa.timestamp("us", kind.tz))).dtype
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            ZoneInfo(dtype.time_zone)
            return dtype.time_zone
    except (pl.exceptions.PolarsError, ValueError, OSError):
        # ValueError is also what a name gives that is not UTF-8.
        pass
    return "UTC"
