"""Warnings about what is accepted and may not be meant (contract sections 3 and 4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from processing.domain.datasets import Dataset
from processing.ingest.receipt_warnings import folder_day
from schemas.customer_config import CustomerConfig
from tests.support.ingest import LENIENT, UPLOADED_AT, Row, ingest
from tests.support.uploads import as_csv, as_ndjson, as_parquet

Warned = dict[str, tuple[str, int]]
"""Code to message and count, of warnings whose codes differ."""
METRIC = {"unit_id": "u", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": "1"}
EVENT = {"timestamp": "1795000000", "event_name": "e", "user": '{"userID":"u"}'}
EXPOSURE = {"timestamp": "1795000000", "experiment": "x", "group_id": "g", "unit_id": "u"}


def warned(
    rows: list[Row],
    dataset: Dataset = Dataset.METRICS,
    *,
    name: str = "metrics/a.csv",
    config: CustomerConfig = LENIENT,
    first_day: date | None = None,
) -> Warned:
    found = ingest(as_csv(rows, list(rows[0])), name, dataset, config=config, first_day=first_day)
    assert found.outcome.problem is None
    assert len({warning.code for warning in found.outcome.warnings}) == len(found.outcome.warnings)
    return {warning.code: (warning.message, warning.count) for warning in found.outcome.warnings}


def test_a_sound_file_gets_no_warning() -> None:
    assert warned([METRIC], first_day=date(2026, 11, 18)) == {}
    assert warned([EVENT], Dataset.EVENTS) == {}
    assert warned([EXPOSURE], Dataset.EXPOSURES) == {}


@pytest.mark.parametrize(
    ("id_type", "meant"),
    [
        ("User_ID", "user_id"),
        ("USERID", "user_id"),
        ("userID", "user_id"),
        ("userId", "user_id"),
        ("user-id", "user_id"),
        ("user id", "user_id"),
        ("user_ids", "user_id"),
        ("UserIDs", "user_id"),
        ("stableID", "stable_id"),
        ("Stable-Ids", "stable_id"),
        ("stable.id", "stable_id"),
        ("user_id", None),
        ("stable_id", None),
        ("company_id", None),
        ("company", None),
        ("user", None),
        ("id", None),
        ("super_user_id", None),
        ("user_idea", None),
        ("usér_id", None),
    ],
)
def test_an_id_type_that_is_nearly_a_known_one_is_taken_with_a_hint(id_type: str, meant: str | None) -> None:
    found = warned([METRIC | {"id_type": id_type}])
    expected = {} if meant is None else {"id_type_near_miss": (f"{id_type!r} is an id type of its own: was {meant} meant?", 1)}
    assert found == expected


def test_near_misses_are_one_warning_of_all_their_rows_the_most_frequent_first() -> None:
    types = ["userID", "user_id", "stable_ids", "userID", "userID"]
    rows = [METRIC | {"unit_id": str(n), "id_type": each} for n, each in enumerate(types)]
    message = "these are id types of their own: 'userID' (was user_id meant?), 'stable_ids' (was stable_id meant?)"
    assert warned(rows) == {"id_type_near_miss": (message, 4)}


def test_of_many_near_misses_20_are_told_and_all_are_counted() -> None:
    found = warned([METRIC | {"id_type": f"user_id{number:03}"} for number in range(1_000)])
    message, count = found["id_type_near_miss"]
    assert message.count("was user_id meant?") == 20
    assert message.endswith("'user_id019' (was user_id meant?) and 980 more")
    assert count == 1_000


def test_an_id_type_of_rejected_rows_alone_is_no_near_miss() -> None:
    assert warned([METRIC, METRIC | {"id_type": "userID", "metric_value": "x"}]) == {}
    assert warned([METRIC, METRIC | {"id_type": "userID"}], config=LENIENT.model_copy(update={"id_types": ("user_id",)})) == {}


def test_an_id_type_that_the_config_lists_is_warned_of_too() -> None:
    """It is taken, and still another one than the same type in events."""
    found = warned([METRIC | {"id_type": "userID"}], config=LENIENT.model_copy(update={"id_types": ("userID",)}))
    assert found.keys() == {"id_type_near_miss"}


def test_exposures_have_id_types_as_well() -> None:
    assert warned([EXPOSURE | {"id_type": "StableID"}], Dataset.EXPOSURES).keys() == {"id_type_near_miss"}


def test_a_masked_id_type_is_not_shown() -> None:
    config = LENIENT.model_copy(update={"mask_values": ("id_type",)})
    found = warned([METRIC | {"id_type": "userID"}], config=config)
    assert found["id_type_near_miss"] == ("(masked) is an id type of its own: was user_id meant?", 1)


def test_of_a_long_id_type_64_characters_are_shown() -> None:
    found = warned([METRIC | {"id_type": "user" + "-" * 100 + "id"}])
    assert found["id_type_near_miss"][0].startswith(f"'user{'-' * 60}' is")


@pytest.mark.parametrize(
    ("stamps", "finer"),
    [
        (["1795000000"], 0),
        (["1795000000000"], 1),
        (["1795000000000000"], 1),
        (["1795000000000000000"], 1),
        (["1795000000", "1795000000000", "2026-11-18T09:00:00Z", "1795000000123456"], 2),
        (["2026-11-18T09:00:00.123456789Z"], 0),
        # Of no unit: a bad row, and nothing to guess about.
        (["17950000000", "179500000000", "-1795000000000", "1795000000.000", ""], 0),
    ],
)
def test_times_that_are_no_seconds_are_counted(stamps: list[str], finer: int) -> None:
    rows = [EVENT, *(EVENT | {"timestamp": stamp} for stamp in stamps)]
    assert {code: count for code, (_, count) in warned(rows, Dataset.EVENTS).items()} == (
        {"timestamp_not_seconds": finer} if finer else {}
    )


@pytest.mark.parametrize(
    ("value", "kind", "finer"),
    [
        (1795000000, pa.int64(), 0),
        (1795000000123, pa.int64(), 1),
        ("1795000000123", pa.string(), 1),
        (UPLOADED_AT, pa.timestamp("ms", "UTC"), 0),
        (UPLOADED_AT, pa.timestamp("ns", "UTC"), 0),
    ],
)
def test_numbers_in_parquet_are_counted_and_instants_are_not(value: Any, kind: Any, finer: int) -> None:
    file = as_parquet([EVENT | {"timestamp": value}], list(EVENT), {"timestamp": kind})
    found = ingest(file, "a.parquet", Dataset.EVENTS).outcome
    assert found.rows.accepted == 1
    assert [(warning.code, warning.count) for warning in found.warnings] == [("timestamp_not_seconds", 1)] * finer


def test_numbers_of_ndjson_are_counted_like_texts() -> None:
    rows: list[Row] = [{**EVENT, "timestamp": stamp} for stamp in (1795000000, 1795000000000, "1795000000000")]
    warnings = ingest(as_ndjson(rows, list(EVENT)), "a.ndjson", Dataset.EVENTS).outcome.warnings
    assert [(warning.code, warning.count) for warning in warnings] == [("timestamp_not_seconds", 2)]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("metrics/2026-11-18/a.csv", date(2026, 11, 18)),
        ("metrics/dt=2026-11-18/a.csv", date(2026, 11, 18)),
        ("metrics/pst_date=2026-11-18/x/a.csv", date(2026, 11, 18)),
        ("metrics/2026-11-17/2026-11-18/a.csv", date(2026, 11, 18)),
        ("metrics/2026-11-17/2026-13-18/a.csv", date(2026, 11, 17)),
        ("metrics/2026-11-18", None),
        ("metrics/2026-11-18.csv", None),
        ("metrics/2026-02-30/a.csv", None),
        ("metrics/20261118/a.csv", None),
        ("metrics/2026-11-18T00/a.csv", None),
        ("metrics/x2026-11-18/a.csv", None),
        ("metrics/=2026-11-18/a.csv", None),
        ("metrics/٢٠٢٦-11-18/a.csv", None),
        ("metrics/2026-11-18\n/a.csv", None),
        ("metrics/2026/11/18/a.csv", None),
        ("a.csv", None),
        ("", None),
    ],
)
def test_a_folder_speaks_of_a_day_by_its_whole_name(name: str, day: date | None) -> None:
    assert folder_day(name) == day


def test_rows_of_other_days_than_their_folder_are_counted_and_keep_their_own() -> None:
    days = ["2026-11-18", "2026-11-17", "2026-11-16", "2026-11-17"]
    found = warned([METRIC | {"unit_id": str(n), "date": day} for n, day in enumerate(days)], name="metrics/2026-11-18/a.csv")
    message = "rows of other days lie in the folder of 2026-11-18; each row counts for its own day"
    assert found == {"day_differs_from_folder": (message, 3)}


def test_the_day_of_an_event_is_the_one_in_pst() -> None:
    """07:59 in UTC belongs to the day before."""
    rows = [EVENT | {"timestamp": stamp} for stamp in ("2026-11-18T07:59:59Z", "2026-11-18T08:00:00Z")]
    assert warned(rows, Dataset.EVENTS, name="events/2026-11-17/a.csv")["day_differs_from_folder"][1] == 1
    assert warned(rows[:1], Dataset.EVENTS, name="events/2026-11-17/a.csv") == {}


def test_rejected_rows_differ_from_no_folder() -> None:
    rows = [METRIC, METRIC | {"date": "2026-11-17", "metric_value": "x"}]
    assert warned(rows, name="metrics/2026-11-18/a.csv") == {}


def test_rows_before_the_first_day_are_counted() -> None:
    days = ["2026-11-18", "2026-11-17", "2026-11-16", "2026-11-17"]
    rows = [METRIC | {"unit_id": str(n), "date": day} for n, day in enumerate(days)]
    message = "rows lie before 2026-11-18, the first day that is processed; they are kept and not processed"
    assert warned(rows, first_day=date(2026, 11, 18)) == {"before_first_day": (message, 3)}
    assert warned(rows, first_day=date(2026, 11, 16)) == {}
    assert warned(rows) == {}


def test_exposures_among_events_are_warned_of_with_them() -> None:
    rows: list[Row] = [
        {"event": event, "userId": "u", "properties": '{"experiment":"x","group":"g"}', "originalTimestamp": stamp}
        for event in ("buy", "statsig::gate_exposure")
        for stamp in ("1795000000000", "2026-11-17T09:00:00Z")
    ]
    found = warned(rows, Dataset.EVENTS, name="events/2026-11-18/a.csv")
    assert {code: count for code, (_, count) in found.items()} == {"timestamp_not_seconds": 2, "day_differs_from_folder": 2}


def test_of_a_refused_file_nothing_is_accepted_that_could_be_warned_of() -> None:
    rows = [METRIC | {"date": "2026-11-17", "id_type": "userID"}] * 50 + [METRIC | {"metric_value": "x"}] * 50
    found = ingest(
        as_csv(rows, list(METRIC)),
        "metrics/2026-11-18/a.csv",
        Dataset.METRICS,
        config=CustomerConfig(),
        first_day=date(2026, 11, 18),
    )
    assert found.outcome.problem is not None
    assert found.outcome.rows.accepted == 0
    assert sum(w.count for w in found.outcome.warnings if w.code in ("day_differs_from_folder", "before_first_day")) == 0
