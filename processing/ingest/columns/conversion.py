"""Raw columns to typed ones, by what each column of a schema means."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from processing.frames.casts import TYPE_HINTS, as_ids, as_text, cast_value
from processing.frames.decimals import DecimalMark, numbers_with_point, with_point
from processing.frames.json_objects import parse_objects, parse_users, parse_uuids
from processing.ingest.columns.column_plan import PlannedColumn
from processing.ingest.columns.timestamps import INSTANT, in_zone, parse_formatted, parse_instants
from schemas.customer_config import EXCEL, TimestampFormat
from schemas.dataset_schema import Column, Meaning
from schemas.rule_codes import RuleCode

_TYPE_ERRORS: Final = {
    Meaning.TIMESTAMP: (
        RuleCode.NOT_A_TIMESTAMP,
        "write unix time in seconds, or ISO 8601 with an offset such as 2026-11-18T09:00:00Z",
    ),
    Meaning.JSON_OBJECT: (RuleCode.NOT_AN_OBJECT, 'write a JSON object, such as {"plan": "pro"}'),
    Meaning.USER: (
        RuleCode.USER_WITHOUT_ID,
        'write a JSON object with userID, or with an entry in customIDs: {"userID": "u1"}',
    ),
    Meaning.UUID: (RuleCode.NOT_A_UUID, "write a UUID: 8-4-4-4-12 hexadecimal digits"),
}
_TYPE_RULES: Final = {
    pl.Float64: RuleCode.NOT_A_NUMBER,
    pl.Date: RuleCode.NOT_A_DATE,
    pl.Boolean: RuleCode.NOT_A_BOOLEAN,
}


def type_error_of(
    column: Column, planned: PlannedColumn | None = None, timestamp: TimestampFormat | None = None
) -> tuple[RuleCode, str] | None:
    """Rule and hint for a value that is there and does not become one of the column; None where every text does.

    The hint says what the config in force has read: how the column is `planned`, and how its instants are written.
    """
    if column.meaning is Meaning.TIMESTAMP and timestamp is not None:
        code, hint = _TYPE_ERRORS[column.meaning]
        return code, _timestamp_hint(timestamp) or hint
    if column.meaning is not None:
        return _TYPE_ERRORS[column.meaning]
    dtype = column.dtype.base_type()
    if dtype == pl.String:
        return None
    if dtype == pl.Float64 and planned is not None and planned.decimal is not DecimalMark.POINT:
        return _TYPE_RULES[dtype], "write a number with a comma, such as 12,5, as csv.decimal of the config says"
    return _TYPE_RULES[dtype], TYPE_HINTS[dtype]


def _timestamp_hint(timestamp: TimestampFormat) -> str | None:
    zone = f" in {timestamp.zone}" if timestamp.zone is not None else ""
    if timestamp.format == EXCEL:
        return f"write the number by which Excel keeps a time{zone}, such as 46344.375, as timestamp.format of the config says"
    if timestamp.format is not None:
        return f"write the time as {timestamp.format}{zone}, as timestamp.format of the config says"
    if timestamp.zone is not None:
        return f"write unix time in seconds, or ISO 8601 such as 2026-11-18T09:00:00, which the config reads{zone}"
    return None


def convert(planned: PlannedColumn, column: Column, timestamp: TimestampFormat) -> pl.Expr:
    """The typed values of a contract column; null where the raw value does not fit.

    A column with a default has it where nothing is given, never where something is given that does not fit.
    """
    raw, source = planned.raw, planned.dtype
    match column.meaning:
        case Meaning.TIMESTAMP:
            value = _instant(raw, source, timestamp)
        case Meaning.JSON_OBJECT:
            value = as_text(raw, source).map_batches(parse_objects, return_dtype=pl.String)
        case Meaning.USER:
            value = as_text(raw, source).map_batches(parse_users, return_dtype=pl.String)
        case _ if column.is_id:
            text = as_text(raw, source)
            # A function of a constant would give one row for all.
            value = text.map_batches(as_ids, return_dtype=pl.String) if text.meta.root_names() else text
        case Meaning.UUID:
            value = parse_uuids(as_text(raw, source))
        case _:
            if source == pl.String and column.dtype == pl.Float64:
                raw = with_point(raw, planned.decimal)
            elif source == pl.String and column.may_be_number:
                raw = numbers_with_point(raw, planned.decimal)
            value = cast_value(raw, source, column.dtype)
    if column.default is not None:
        value = pl.when(planned.raw.is_null()).then(pl.lit(column.default)).otherwise(value)
    return value


def _instant(raw: pl.Expr, source: pl.DataType, timestamp: TimestampFormat) -> pl.Expr:
    if isinstance(source, pl.Datetime):
        # A column of instants without a zone is in the zone that the config names, and in UTC by default.
        zoned = raw if source.time_zone is not None else in_zone(raw, timestamp.zone or "UTC")
        return zoned.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    text = as_text(raw, source)
    if timestamp.format is not None:
        return parse_formatted(text, timestamp.format, timestamp.zone)
    return text.map_batches(partial(parse_instants, zone=timestamp.zone), return_dtype=INSTANT)
