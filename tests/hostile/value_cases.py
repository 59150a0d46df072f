"""Metrics whose values are at the edge of what they may be."""

from __future__ import annotations

from tests.hostile.case import EXPOSURES, Case, exposure, metric, ndjson, table, with_rejects

DIGITS = "1795000000"


def values(*texts: str) -> bytes:
    return table(*(f'u,t,2026-11-18,m,"{text}"' for text in texts))


def days(*texts: str) -> bytes:
    return table(*(f"u,t,{text},m,1" for text in texts))


def bad_numbers(*texts: str) -> list[str]:
    return [f"{index + 1}@{index + 2} not_a_number:metric_value" for index in range(len(texts))]


NO_NUMBERS = (
    "twelve",
    "1,5",
    "1.5.1",
    "0x10",
    "1_000",
    "1 000",
    "1e",
    "--1",
    "$5",
    "5%",
    "(5)",
    "½",
    "true",
    "null",
    "None",
    "N/A",
    "-",
    ".",
    "e5",
    "1f",
    "1e5.5",
    "'5",
)
NO_DATES = (
    "2026-1-1",
    "26-01-01",
    "20261118",
    "18.11.2026",
    "2026/11/18",
    "2026-11-18T00:00:01Z",
    "2026-11-18 09:00:00",
    "2026-11-18 00:00:00 Europe/Berlin",
    "2026-11-18 ",
    "0000-00-00",
    "0000-01-01",
    "2026-02-29",
    "2026-02-30",
    "2026-13-01",
    "2026-00-10",
    "2026-11-00",
    "2026-11-31",
    "today",
    "1795000000",
    "2026-322",
    "2026-W47-3",
    "+2026-11-18",
    "-2026-11-8",
)

CASES = (
    with_rejects("texts that are no numbers", values(*NO_NUMBERS), rejected=bad_numbers(*NO_NUMBERS)),
    with_rejects(
        "numbers that are not finite",
        values("nan", "NaN", "-inf", "inf", "Infinity", "1e999", "-1e999"),
        rejected=[f"{index}@{index + 1} finite:metric_value" for index in range(1, 8)],
    ),
    Case(
        name="every spelling of a number",
        data=values(
            "1e5", "-1.5E-3", ".5", "5.", "-0", "007", "1e-400", "1.7976931348623157e308", "5e-324", "0.1", "9007199254740993"
        ),
        accepted=11,
        values={
            "metric_value": [1e5, -1.5e-3, 0.5, 5.0, 0.0, 7.0, 0.0, 1.7976931348623157e308, 5e-324, 0.1, 9007199254740992.0]
        },
    ),
    Case(name="a sign before a number", data=values("+5", "-5"), accepted=2, values={"metric_value": [5, -5]}),
    with_rejects(
        "spaces around a number and a date",
        table(
            "u,t,2026-11-18,m, 1", "u,t,2026-11-18,m,1 ", "u,t, 2026-11-18,m,1", "u,t,2026-11-18 ,m,1", "u,t,2026-11-18,m,\t1"
        ),
        rejected=[
            "1@2 not_a_number:metric_value",
            "2@3 not_a_number:metric_value",
            "3@4 not_a_date:date",
            "4@5 not_a_date:date",
            "5@6 not_a_number:metric_value",
        ],
    ),
    with_rejects(
        "a number of 400 digits is beyond finite",
        values("9" * 400, "1" + "0" * 300),
        rejected=["1@2 finite:metric_value"],
        accepted=1,
        values={"metric_value": [1e300]},
    ),
    with_rejects(
        "a ratio needs both of its parts",
        table(
            "u,t,2026-11-18,m,,1,2",
            "u,t,2026-11-18,m,,1,",
            "u,t,2026-11-18,m,,,2",
            "u,t,2026-11-18,m,,,",
            "u,t,2026-11-18,m,3,1,",
            "u,t,2026-11-18,m,,1,0",
            "u,t,2026-11-18,m,,x,2",
            "u,t,2026-11-18,m,1,x,inf",
            header="unit_id,id_type,date,metric_name,metric_value,numerator,denominator",
        ),
        rejected=[
            "2@3 value_missing",
            "3@4 value_missing",
            "4@5 value_missing",
            "7@8 not_a_number:numerator",
            "8@9 not_a_number:numerator finite:denominator",
        ],
        accepted=3,
        values={"metric_value": [None, 3, None], "numerator": [1, 1, 1], "denominator": [2, None, 0]},
    ),
    with_rejects(
        "texts that are no dates",
        days(*NO_DATES),
        rejected=[f"{index + 1}@{index + 2} not_a_date:date" for index in range(len(NO_DATES))],
    ),
    Case(
        name="days with a midnight behind them",
        data=days(
            "2026-11-18 00:00:00", "2026-11-18T00:00:00.000Z", "2026-11-18 00:00", "2026-11-18 00:00:00+00:00", "2026-11-17"
        ),
        accepted=5,
        days={"2026-11-18": 4, "2026-11-17": 1},
    ),
    Case(
        name="29 February of leap years, and days of long ago",
        data=days("2024-02-29", "2000-02-29", "0026-01-01", "0001-01-01", "1969-12-31"),
        accepted=5,
        days={"0001-01-01": 1, "0026-01-01": 1, "1969-12-31": 1, "2000-02-29": 1, "2024-02-29": 1},
        values={"date": ["2024-02-29", "2000-02-29", "0026-01-01", "0001-01-01", "1969-12-31"]},
    ),
    with_rejects(
        "29 February of other years",
        days("2023-02-29", "1900-02-29", "2100-02-29"),
        rejected=["1@2 not_a_date:date", "2@3 not_a_date:date", "3@4 not_a_date:date"],
    ),
    with_rejects(
        "tomorrow and the days after",
        days("2026-11-18", "2026-11-19", "2026-11-20", "9999-12-31"),
        rejected=["3@4 date_in_future:date", "4@5 date_in_future:date"],
        accepted=2,
        days={"2026-11-18": 1, "2026-11-19": 1},
    ),
    with_rejects(
        "all rules of a row are named at once",
        table(f"{'u' * 513},,2026-11-20,{'m' * 128},x", ",,,,x"),
        rejected=[
            "1@2 length:unit_id required:id_type date_in_future:date length:metric_name not_a_number:metric_value",
            "2@3 required:unit_id required:id_type required:date required:metric_name not_a_number:metric_value",
        ],
    ),
    with_rejects(
        "ids of 512 and of 513 characters, counted as characters",
        table(*(f"{text},t,2026-11-18,m,1" for text in ("x" * 512, "x" * 513, "🦊" * 512, "🦊" * 513, "é" * 512))),
        rejected=["2@3 length:unit_id", "4@5 length:unit_id"],
        accepted=3,
        values={"unit_id": ["x" * 512, "🦊" * 512, "é" * 512]},
    ),
    with_rejects(
        "metric names of 127 and of 128 characters",
        table(*(f"u,t,2026-11-18,{text},1" for text in ("m" * 127, "m" * 128, "ß" * 127, "🦊" * 128))),
        rejected=["2@3 length:metric_name", "4@5 length:metric_name"],
        accepted=2,
    ),
    Case(
        name="metric names hold what event names may not",
        data=table('u,t,2026-11-18,"a\\[]{}<>#=;&$%|\tb",1', "u,t,2026-11-18,日本,2"),
        accepted=2,
        values={"metric_name": ["a\\[]{}<>#=;&$%|\tb", "日本"]},
    ),
    Case(
        name="every spelling of a test flag",
        data=table(
            *(f"u,t,2026-11-18,m,1,{text}" for text in ("true", "false", "TRUE", "False", "1", "0", "")),
            header="unit_id,id_type,date,metric_name,metric_value,is_test",
        ),
        accepted=7,
        values={"is_test": [True, False, True, False, True, False, False]},
    ),
    with_rejects(
        "texts that are no test flag",
        table(
            *(f"u,t,2026-11-18,m,1,{text}" for text in ("yes", "no", "t", "F", "2", "1.0", "on", " true", "null")),
            header="unit_id,id_type,date,metric_name,metric_value,is_test",
        ),
        rejected=[f"{index}@{index + 1} not_a_boolean:is_test" for index in range(1, 10)],
    ),
    Case(
        name="near misses of id types are taken with a warning",
        data=table(
            *(f"u,{kind},2026-11-18,m,1" for kind in ("userID", "user-id", "user_ids", "stableId", "user_id", "email", "uid"))
        ),
        accepted=7,
        # One warning for each of the four spellings.
        warnings={"id_type_near_miss": 4},
        values={"id_type": ["userID", "user-id", "user_ids", "stableId", "user_id", "email", "uid"]},
    ),
    Case(
        name="exactly 10 of 100 rows are bad",
        data=table(*("u,t,2026-11-18,m,x" if row < 10 else "u,t,2026-11-18,m,1" for row in range(100))),
        status="accepted_with_rejects",
        rejected=[f"{row + 1}@{row + 2} not_a_number:metric_value" for row in range(10)],
        accepted=90,
    ),
    Case(
        name="11 of 100 rows are bad",
        data=table(*("u,t,2026-11-18,m,x" if row < 11 else "u,t,2026-11-18,m,1" for row in range(100))),
        status="rejected",
        error="too_many_rejected_rows",
        rejected=[f"{row + 1}@{row + 2} not_a_number:metric_value" for row in range(11)],
        refused_with=89,
    ),
    Case(
        name="101 of 1,009 rows are bad, a trace above the share",
        data=table(*("u,t,2026-11-18,m" if row < 101 else "u,t,2026-11-18,m,1" for row in range(1_009))),
        status="rejected",
        error="too_many_rejected_rows",
        rejected=[f"{row + 1}@{row + 2} wrong_field_count" for row in range(101)],
        refused_with=908,
    ),
    with_rejects(
        "all of 99 rows are bad",
        table(*["u,t,2026-11-18,m,x"] * 99),
        rejected=[f"{row + 1}@{row + 2} not_a_number:metric_value" for row in range(99)],
    ),
    with_rejects(
        "numbers, flags and ids as json has them",
        ndjson(
            metric(unit_id=12345678901234567890, metric_value="1.5", is_test=True),
            metric(unit_id=7, metric_value=2, is_test="false"),
            metric(unit_id=-1, metric_value=1e3, is_test=0),
            metric(unit_id="", metric_value=1),
            metric(unit_id=None, metric_value=1),
            metric(metric_value=""),
            metric(metric_value=True),
            metric(metric_value=[1]),
            metric(date=20261118),
            metric(is_test="maybe"),
        ),
        file="a.ndjson",
        format="ndjson",
        rejected=[
            "4@4 required:unit_id",
            "5@5 required:unit_id",
            "6@6 value_missing",
            "7@7 not_a_number:metric_value",
            "8@8 not_a_number:metric_value",
            "9@9 not_a_date:date",
            "10@10 not_a_boolean:is_test",
        ],
        accepted=3,
        values={
            "unit_id": ["12345678901234567890", "7", "-1"],
            "metric_value": [1.5, 2, 1000],
            "is_test": [True, False, False],
        },
    ),
    with_rejects(
        "exposures at the edges of their columns",
        ndjson(
            exposure(experiment="x" * 127, unit_id="u" * 512),
            exposure(experiment="x" * 128),
            exposure(experiment=""),
            exposure(group_id=""),
            exposure(group_id="g" * 5_000),
            exposure(unit_id="u" * 513),
            exposure(metadata_json={"a": {"b": 1}}),
            exposure(metadata_json="[1]"),
            exposure(timestamp=None),
        ),
        dataset=EXPOSURES,
        file="a.ndjson",
        format="ndjson",
        rejected=[
            "2@2 length:experiment",
            "3@3 required:experiment",
            "4@4 required:group_id",
            "6@6 length:unit_id",
            "8@8 not_an_object:metadata_json",
            "9@9 required:timestamp",
        ],
        accepted=3,
        values={"metadata_json": [None, None, '{"a":"{\\"b\\":1}"}']},
    ),
)
