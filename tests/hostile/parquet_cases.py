"""Parquet of every type that could stand for a value, and Parquet that is broken."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.case import EVENTS, Case, refused, table, with_rejects

NAME: Final[dict[str, Any]] = {"file": "a.parquet", "format": "parquet"}
D: Final = date(2026, 11, 18)
NINE: Final = datetime(2026, 11, 18, 9, 0, 0, 123456, UTC)


def written(columns: dict[str, Any] | Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns) if isinstance(columns, dict) else columns, file, **options)
    return file.getvalue()


def metrics(count: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "unit_id": [f"u{number + 1}" for number in range(count)],
        "id_type": ["t"] * count,
        "date": ["2026-11-18"] * count,
        "metric_name": ["m"] * count,
        "metric_value": [1.0] * count,
        **changed,
    }


def events(count: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "timestamp": [1795000000] * count,
        "event_name": ["e"] * count,
        "user": ['{"userID":"u"}'] * count,
        **changed,
    }


GOOD: Final = written(metrics(3))


def clock(kind: Any, *numbers: int | None) -> Any:
    """Times of day from their numbers of units, also such as no day has."""
    return pa.array(numbers, pa.int32() if pa.types.is_time32(kind) else pa.int64()).view(kind)


def without_row_groups() -> bytes:
    file = io.BytesIO()
    pq.ParquetWriter(file, pa.table(metrics()).schema).close()
    return file.getvalue()


def not_utf8() -> bytes:
    text = pa.array([b"u1", b"\xff", b"u3"], pa.binary())
    return written(metrics(3, unit_id=pa.Array.from_buffers(pa.string(), 3, text.buffers())))


def instants(kind: Any, *values: datetime) -> bytes:
    return written(events(len(values), timestamp=pa.array(values, kind)))


CASES = (
    Case(name="parquet with defaults", data=GOOD, **NAME, accepted=3, values={"unit_id": ["u1", "u2", "u3"]}),
    Case(name="parquet without rows", data=written(pa.table(metrics()).slice(0, 0)), **NAME),
    Case(
        name="parquet without row groups",
        data=without_row_groups(),
        **NAME,
    ),
    Case(
        name="parquet with a row in each group",
        data=written(metrics(50), row_group_size=1),
        **NAME,
        accepted=50,
        values={"unit_id": [f"u{number}" for number in range(1, 51)]},
    ),
    Case(
        name="parquet with dictionaries and long strings",
        data=written(
            metrics(
                4,
                unit_id=pa.array(["a", "b", "a", "b"]).dictionary_encode(),
                id_type=pa.array(["t"] * 4, pa.large_string()),
                metric_name=pa.array(["m"] * 4, pa.string_view()),
                metric_value=pa.array([1.0, 2.0, 1.0, None]).dictionary_encode(),
                numerator=pa.array([None, None, None, 3], pa.int8()),
                denominator=pa.array([None, None, None, 4], pa.uint64()),
            )
        ),
        **NAME,
        accepted=4,
        values={"unit_id": ["a", "b", "a", "b"], "metric_value": [1, 2, 1, None], "numerator": [None, None, None, 3]},
    ),
    with_rejects(
        "parquet with decimals, whole numbers and floats that are not finite",
        written(
            metrics(
                5,
                unit_id=pa.array([Decimal(10**19 + 1)] * 5, pa.decimal128(20, 0)),
                metric_value=pa.array([Decimal("1.50"), None, None, None, None], pa.decimal128(10, 2)),
                numerator=pa.array([1, 2, 3, 4, None], pa.int64()),
                denominator=pa.array([0.5, float("nan"), float("inf"), 2.0, 1.0], pa.float32()),
            )
        ),
        **NAME,
        rejected=["2@- finite:denominator", "3@- finite:denominator", "5@- value_missing"],
        accepted=2,
        values={"unit_id": ["10000000000000000001"] * 2, "metric_value": [1.5, None], "denominator": [0.5, 2]},
    ),
    Case(
        name="parquet with ids of every number type",
        data=written(
            metrics(
                3, unit_id=pa.array([12345678901234567890, 0, 7], pa.uint64()), id_type=[1, 2, 3], metric_name=[1.0, 2.5, 1e20]
            )
        ),
        **NAME,
        accepted=3,
        values={"unit_id": ["12345678901234567890", "0", "7"], "id_type": ["1", "2", "3"]},
    ),
    Case(
        name="parquet with days as date32, date64, and as times",
        data=written(metrics(2, date=pa.array([D, date(2024, 2, 29)], pa.date32()))),
        **NAME,
        accepted=2,
        days={"2024-02-29": 1, "2026-11-18": 1},
        values={"date": ["2026-11-18", "2024-02-29"]},
    ),
    Case(
        name="parquet with days as times of a zone keep the day that they show",
        data=written(
            metrics(
                1,
                date=pa.array(
                    [datetime(2026, 11, 18, 23, tzinfo=timezone(timedelta(hours=-8)))],
                    pa.timestamp("us", "America/Los_Angeles"),
                ),
            )
        ),
        **NAME,
        accepted=1,
    ),
    with_rejects(
        "parquet with days out of range",
        written(metrics(3, date=pa.array([D, date(9999, 12, 31), None], pa.date32()))),
        **NAME,
        rejected=["2@- date_in_future:date", "3@- required:date"],
        accepted=1,
    ),
    with_rejects(
        "parquet with a day as a number and a value as a time",
        written(metrics(2, date=[20261118, 20775])),
        **NAME,
        rejected=["1@- not_a_date:date", "2@- not_a_date:date"],
    ),
    *(
        with_rejects(
            f"parquet with times of day in {kind} where a value, a day and an optional number belong",
            written(
                metrics(
                    3,
                    unit_id=clock(kind, 0, hour, -1),
                    metric_value=clock(kind, None, hour * 24, None),
                    denominator=clock(kind, None, None, -hour),
                    date=pa.array(["2026-11-18"] * 3),
                )
            ),
            **NAME,
            rejected=["1@- value_missing", "2@- not_a_number:metric_value", "3@- not_a_number:denominator"],
            shown=[
                row | {"unit_id": "00:00:00"},
                row | {"unit_id": "01:00:00", "metric_value": "1d 00:00:00"},
                row | {"denominator": "-1d 23:00:00", "unit_id": last},
            ],
        )
        for kind, hour, last in (
            (pa.time32("ms"), 3_600_000, "-1d 23:59:59.999"),
            (pa.time64("us"), 3_600_000_000, "-1d 23:59:59.999999"),
            (pa.time64("ns"), 3_600_000_000_000, "-1d 23:59:59.999999999"),
        )
        for row in [{"id_type": "t", "date": "2026-11-18", "metric_name": "m"}]
    ),
    with_rejects(
        "parquet with flags as booleans, numbers and texts",
        written(metrics(4, is_test=pa.array([1, 0, None, 2], pa.int8()))),
        **NAME,
        rejected=["4@- not_a_boolean:is_test"],
        accepted=3,
        values={"is_test": [True, False, False]},
    ),
    with_rejects(
        "parquet with a column of nulls and one of booleans for numbers",
        written(metrics(2, metric_value=[True, None], numerator=pa.nulls(2))),
        **NAME,
        rejected=["1@- not_a_number:metric_value", "2@- value_missing"],
    ),
    with_rejects(
        "parquet with bytes that are no text",
        not_utf8(),
        **NAME,
        rejected=["2@- not_utf8"],
        accepted=2,
        values={"unit_id": ["u1", "u3"]},
    ),
    Case(
        name="parquet with text as bytes",
        data=written(metrics(1, unit_id=[b"Zo\xc3\xab"])),
        **NAME,
        accepted=1,
        values={"unit_id": ["Zoë"]},
    ),
    *(
        Case(
            name=f"parquet with times in {unit}, {zone or 'naive'}",
            data=instants(pa.timestamp(unit, zone), NINE if zone else NINE.replace(tzinfo=None)),
            **NAME,
            dataset=EVENTS,
            accepted=1,
            values={"timestamp": [shown]},
        )
        for zone in (None, "UTC", "America/New_York", "+05:30")
        for unit, shown in (
            ("s", "2026-11-18T09:00:00+00:00"),
            ("ms", "2026-11-18T09:00:00.123000+00:00"),
            ("us", "2026-11-18T09:00:00.123456+00:00"),
            ("ns", "2026-11-18T09:00:00.123456+00:00"),
        )
    ),
    with_rejects(
        "parquet with times at the ends of the day and beyond",
        instants(
            pa.timestamp("us", "UTC"),
            datetime(2026, 11, 18, 7, 59, 59, 999999, UTC),
            datetime(2026, 11, 18, 8, tzinfo=UTC),
            datetime(1999, 12, 31, tzinfo=UTC),
            datetime(2026, 11, 19, 20, 0, 0, 1, UTC),
            datetime(9999, 12, 31, tzinfo=UTC),
        ),
        **NAME,
        dataset=EVENTS,
        rejected=["3@- before_2000:timestamp", "4@- timestamp_in_future:timestamp", "5@- timestamp_in_future:timestamp"],
        accepted=2,
        days={"2026-11-17": 1, "2026-11-18": 1},
    ),
    *(
        with_rejects(
            f"parquet with times in {unit}, {zone or 'naive'}, that no calendar knows",
            written(
                events(4, timestamp=pa.array([1795000000 * per_second, 2**63 - 1, -(2**63), 2**62], pa.timestamp(unit, zone)))
            ),
            **NAME,
            dataset=EVENTS,
            rejected=["2@- timestamp_in_future:timestamp", "3@- before_2000:timestamp", "4@- timestamp_in_future:timestamp"],
            accepted=1,
        )
        for zone in (None, "UTC", "America/New_York")
        for unit, per_second in (("ms", 10**3), ("us", 10**6), ("ns", 10**9))
    ),
    with_rejects(
        "parquet with days that no calendar knows",
        written(metrics(6, date=pa.array([20775, 2**31 - 1, -(2**31), -719163, -719162, 2932897], pa.date32()))),
        **NAME,
        rejected=["2@- not_a_date:date", "3@- not_a_date:date", "4@- not_a_date:date", "6@- not_a_date:date"],
        accepted=2,
        days={"0001-01-01": 1, "2026-11-18": 1},
    ),
    with_rejects(
        "parquet with times for days that no calendar knows",
        written(metrics(3, date=pa.array([0, 2**63 - 1, -(2**62)], pa.timestamp("us")))),
        **NAME,
        rejected=["2@- not_a_date:date", "3@- not_a_date:date"],
        accepted=1,
        days={"1970-01-01": 1},
    ),
    Case(
        name="parquet with days that no calendar knows deep inside metadata",
        data=written(events(1, event_metadata=pa.array([{"a": [2**31 - 1]}], pa.struct([("a", pa.list_(pa.date32()))])))),
        **NAME,
        dataset=EVENTS,
        accepted=1,
    ),
    Case(
        name="parquet with int96 times",
        data=written(
            events(1, timestamp=pa.array([NINE.replace(tzinfo=None)], pa.timestamp("ns"))), use_deprecated_int96_timestamps=True
        ),
        **NAME,
        dataset=EVENTS,
        accepted=1,
        values={"timestamp": ["2026-11-18T09:00:00.123456+00:00"]},
    ),
    Case(
        name="parquet with times as numbers, and a warning for those in ms",
        data=written(events(2, timestamp=pa.array([1795000000, 1795000000123], pa.int64()))),
        **NAME,
        dataset=EVENTS,
        accepted=2,
        warnings={"timestamp_not_seconds": 1},
        values={"timestamp": ["2026-11-18T11:06:40+00:00", "2026-11-18T11:06:40.123000+00:00"]},
    ),
    with_rejects(
        "parquet with structs and maps for users and metadata",
        written(
            events(
                4,
                user=pa.array(
                    [
                        {"userID": "u", "customIDs": [("a", "1"), ("b", 'q"\n')]},
                        {"userID": None, "customIDs": [("a", "1")]},
                        {"userID": None, "customIDs": []},
                        None,
                    ],
                    pa.struct([("userID", pa.string()), ("customIDs", pa.map_(pa.string(), pa.string()))]),
                ),
                event_metadata=pa.array([[("k", 1.5), ("l", None)], [], None, None], pa.map_(pa.string(), pa.float64())),
            )
        ),
        **NAME,
        dataset=EVENTS,
        rejected=["3@- user_without_id:user", "4@- required:user"],
        accepted=2,
        values={
            "user": ['{"userID":"u","customIDs":{"a":"1","b":"q\\"\\n"}}', '{"customIDs":{"a":"1"}}'],
            "event_metadata": ['{"k":1.5,"l":null}', "{}"],
        },
    ),
    with_rejects(
        "parquet with lists and numbers for metadata",
        written(events(2, event_metadata=[[1, 2], None])),
        **NAME,
        dataset=EVENTS,
        rejected=["1@- not_an_object:event_metadata"],
        accepted=1,
    ),
    Case(
        name="parquet with nested metadata",
        data=written(events(1, event_metadata=[{"a": {"b": [1, None]}, "c": "x", "d": date(2026, 11, 18)}])),
        **NAME,
        dataset=EVENTS,
        accepted=1,
        values={"event_metadata": ['{"a":"{\\"b\\":[1,null]}","c":"x","d":"2026-11-18"}']},
    ),
    Case(
        name="parquet with capitals in names and columns that are not read",
        data=written(
            {**{name.upper(): values for name, values in metrics(1).items()}, "more": [[{"a": 1}]], "blob": [b"\xff"]}
        ),
        **NAME,
        accepted=1,
        warnings={"column_name_differs": 5, "extra_columns": 2},
    ),
    refused("parquet without a column", "missing_column", written({"unit_id": ["u"]}), **NAME),
    refused(
        "parquet with a column twice",
        "duplicate_column",
        written(pa.Table.from_arrays([pa.array(["u"])] * 2, names=["unit_id", "unit_id"])),
        **NAME,
    ),
    refused(
        "parquet with 1,025 columns",
        "too_many_columns",
        written({**metrics(1), **{f"c{number}": [1] for number in range(1_020)}}),
        **NAME,
    ),
    *(
        refused(f"parquet that is {how}", "damaged_parquet", data, **NAME)
        for how, data in {
            "cut before its footer": GOOD[: len(GOOD) // 2],
            "cut by one byte": GOOD[:-1],
            "cut to its first four bytes": GOOD[:4],
            "without its first bytes of pages": GOOD[:4] + GOOD[200:],
            "with garbage for a footer": GOOD[:-200] + b"\xa5" * 192 + GOOD[-8:],
            "with a footer longer than itself": GOOD[:-8] + b"\xff\xff\xff\x7f" + GOOD[-4:],
            "with a footer of no bytes": GOOD[:-8] + bytes(4) + GOOD[-4:],
            "with pages of zeros": GOOD[:4] + bytes(300) + GOOD[304:],
            "followed by a newline": GOOD + b"\n",
        }.items()
    ),
    refused("a footer mark of encrypted parquet", "unsupported_parquet", GOOD[:-4] + b"PARE", **NAME),
    refused("csv called parquet", "damaged_parquet", table("u1,user_id,2026-11-18,m,1"), file="a.parquet", format=None),
    Case(name="parquet called csv", data=GOOD, file="a.csv", format="parquet", accepted=3),
    Case(name="parquet called nothing", data=GOOD, file="export", format="parquet", accepted=3),
    Case(
        name="a text that begins as parquet does",
        data=b"PAR1,unit_id\n",
        format="parquet",
        status="rejected",
        error="damaged_parquet",
    ),
    *(
        Case(name=f"parquet packed with {codec}", data=written(metrics(3), compression=codec), **NAME, accepted=3)
        for codec in ("none", "gzip", "zstd", "brotli", "lz4")
    ),
    Case(
        name="the name of a unload in parquet",
        data=written(metrics(1), compression="snappy"),
        file="part-00000-5b1f2a6e-9d8c-4a0e-8f0a-6a1d2c3b4e5f-c000.snappy.parquet",
        format="parquet",
        accepted=1,
    ),
)
