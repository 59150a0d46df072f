"""The way of an upload and of a day, through the real doors, on the emulator (contract sections 5 and 6)."""

from __future__ import annotations

import gzip
import json

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from processing.stored.streams import known_streams
from tests.support.doors import open_door
from tests.support.installation import HEADER, Installation, metrics_csv

DAY = "2026-11-18"
NEXT = "2026-11-19"


def test_an_upload_becomes_a_processed_day(installation: Installation) -> None:
    rows = metrics_csv(DAY, {"u1": 1.5, "u2": "twelve", "u3": 3})
    installation.deliver(installation.upload("metrics/a.csv", rows), installation.upload(f"signals/{DAY}", b""))
    installation.tick()

    receipt = installation.receipt("metrics/a.csv")
    assert receipt["status"] == "accepted_with_rejects"
    assert receipt["rows"] == {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0}
    assert receipt["days"] == {DAY: 2}
    assert [(rule["rule"], rule["column"], rule["count"]) for rule in receipt["rules"]] == [("not_a_number", "metric_value", 1)]
    assert receipt["rules"][0]["examples"] == [{"record": 2, "line": 3, "value": "twelve"}]
    (rejected,) = installation.rejected("metrics/a.csv")
    assert (rejected["record"], rejected["line"]) == (2, 3)
    assert rejected["row"]["unit_id"] == "u2"
    assert rejected["reasons"][0]["value"] == "twelve"

    assert installation.receipt(f"signals/{DAY}")["marks"] == [f"metrics/{DAY}"]
    day = installation.day(DAY)
    assert (day["state"], day["seq"], day["files"], day["rows"]) == ("processed", 1, 1, 2)
    assert [change["state"] for change in day["history"]] == ["ready", "processing", "processed"]
    assert installation.values(DAY) == {"u1": 1.5, "u3": 3.0}
    (totals,) = installation.table("metric_days").to_dicts()
    assert (totals["metric_name"], totals["kind"], totals["units"], totals["sum"], totals["mean"]) == (
        "revenue",
        "value",
        2,
        4.5,
        2.25,
    )
    (row,) = installation.table("days").to_dicts()
    assert (row["seq"], row["metric_rows_version"] >= 1, row["metric_days_version"] >= 1) == (1, True, True)
    installation.assert_consistent()


def test_a_day_of_events_is_told_unit_by_unit(installation: Installation) -> None:
    u1, u2 = ({"userID": unit, "customIDs": {"c": "1"}} for unit in ("u1", "u2"))
    rows: list[dict[str, object]] = [
        {"timestamp": f"{DAY}T18:00:00Z", "event_name": "buy", "event_value": value, "user": user}
        for user, value in ((u1, "2.5"), (u1, None), (u2, None))
    ]
    rows.append({**rows[0], "is_test": True})
    data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    installation.deliver(installation.upload("events/a.ndjson", data), installation.upload(f"signals/events/{DAY}", b""))
    installation.wait_a_second()
    open_door("dayworker", stream_work(Stream(installation.customer, Dataset.EVENTS)))
    found = installation.table("event_units").select("pst_date", "event_name", "id_type", "unit_id", "count", "sum")
    assert [(str(row[0]), *row[1:]) for row in found.sort("id_type", "unit_id").iter_rows()] == [
        (DAY, "buy", "c", "1", 3, 2.5),
        (DAY, "buy", "user_id", "u1", 2, 2.5),
        (DAY, "buy", "user_id", "u2", 1, None),
    ]
    (row,) = installation.table("days").to_dicts()
    assert (row["event_units_version"], row["metric_rows_version"]) == (1, None)


def test_a_gzip_file_is_read_by_its_bytes(installation: Installation) -> None:
    packed = gzip.compress(metrics_csv(DAY, {"u1": 1}))
    installation.deliver(installation.upload("metrics/a.csv.gz", packed), installation.upload("metrics/renamed.csv", packed))
    for name in ("metrics/a.csv.gz", "metrics/renamed.csv"):
        assert installation.receipt(name)["format"] == "csv.gz"
        assert installation.receipt(name)["rows"]["accepted"] == 1


def test_the_same_event_again_changes_nothing(installation: Installation) -> None:
    event = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    installation.deliver(event)
    before = installation.receipt("metrics/a.csv")
    installation.deliver(event, event)
    assert installation.receipt("metrics/a.csv") == before


def test_an_overwrite_replaces_the_rows_of_its_name(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1, "u2": 2})))
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 10})))
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 10.0}
    installation.assert_consistent()


def test_an_old_event_that_comes_late_answers_the_present_version(installation: Installation) -> None:
    old = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    new = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 2}))
    installation.deliver(new, old)
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 2.0}


def test_the_same_bytes_again_keep_what_is_in_force(installation: Installation) -> None:
    data = metrics_csv(DAY, {"u1": 1})
    installation.deliver(installation.upload("metrics/a.csv", data))
    before = installation.receipt("metrics/a.csv")["in_force"]
    installation.deliver(installation.upload("metrics/a.csv", data))
    after = installation.receipt("metrics/a.csv")
    assert after["in_force"]["attempt"] == before["attempt"]
    assert after["in_force"]["last_modified"] == before["last_modified"]
    assert after["in_force"]["etag"] == after["etag"] != before["etag"]


def test_a_refused_version_leaves_the_accepted_one_in_force(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    accepted = installation.receipt("metrics/a.csv")
    installation.deliver(installation.upload("metrics/a.csv", b"unit_id,date\n1,2026-11-18\n"))
    refused = installation.receipt("metrics/a.csv")
    assert (refused["status"], refused["error"]["code"]) == ("rejected", "missing_column")
    assert refused["in_force"] == accepted["in_force"]
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 1.0}


@pytest.mark.parametrize("empty", [b"", HEADER.encode()])
def test_uploading_the_name_without_rows_withdraws_the_file(installation: Installation, empty: bytes) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    installation.deliver(installation.upload("metrics/b.csv", metrics_csv(DAY, {"u2": 2})))
    installation.deliver(installation.upload("metrics/a.csv", empty))
    assert installation.receipt("metrics/a.csv")["status"] == "accepted"
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u2": 2.0}


def test_an_empty_file_that_replaces_nothing_is_ignored(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", b""))
    assert installation.receipt("metrics/a.csv")["status"] == "ignored"


def test_deleting_a_blob_changes_nothing(installation: Installation) -> None:
    event = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    installation.deliver(event)
    installation.context.drop.delete(installation.drop, "metrics/a.csv")
    installation.deliver(event, installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 1.0}


def test_of_two_files_the_later_row_wins_and_within_a_file_the_later_too(installation: Installation) -> None:
    rows = HEADER + "".join(f"u1,user_id,{DAY},revenue,{value},,\n" for value in (1, 2, 3))
    installation.deliver(installation.upload("metrics/a.csv", rows.encode()))
    installation.deliver(installation.upload("metrics/b.csv", metrics_csv(DAY, {"u2": 7})))
    installation.deliver(installation.upload("metrics/c.csv", metrics_csv(DAY, {"u2": 8})))
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 3.0, "u2": 8.0}
    assert installation.day(DAY)["superseded"] == 3


def test_days_are_processed_in_order_and_a_gap_is_waited_for(installation: Installation) -> None:
    rows = metrics_csv("2026-11-16", {"u1": 1}) + metrics_csv(DAY, {"u1": 3}).removeprefix(HEADER.encode())
    installation.deliver(installation.upload("metrics/a.csv", rows))
    installation.deliver(*(installation.upload(f"signals/{day}", b"") for day in ("2026-11-16", DAY)))
    installation.tick()
    assert installation.day("2026-11-16")["state"] == "processed"
    assert (installation.day(DAY)["state"], installation.day(DAY)["waiting_for"]) == ("waiting", ["2026-11-17"])
    installation.deliver(installation.upload("signals/2026-11-17", b""))
    installation.tick()
    assert installation.day("2026-11-17")["state"] == "processed_empty"
    assert installation.day(DAY)["state"] == "processed"
    assert [installation.day(day)["seq"] for day in ("2026-11-16", "2026-11-17", DAY)] == [1, 2, 3]
    installation.assert_consistent()


def test_a_day_waits_for_what_was_uploaded_before_its_marker_and_names_it(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    late = installation.upload("metrics/b.csv", metrics_csv(DAY, {"u2": 2}))
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert (installation.day(DAY)["state"], installation.day(DAY)["waiting_for"]) == ("waiting", ["metrics/b.csv"])
    installation.deliver(late)
    installation.tick()
    assert installation.day(DAY)["state"] == "processed"
    assert installation.values(DAY) == {"u1": 1.0, "u2": 2.0}


def test_the_sweep_announces_what_no_event_did(installation: Installation) -> None:
    installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    installation.sweep()
    messages = installation.upload_messages()
    assert len(messages) == 1
    installation.deliver(*messages)
    assert installation.receipt("metrics/a.csv")["status"] == "accepted"
    installation.sweep()
    assert installation.upload_messages() == []


@pytest.mark.parametrize("on_delete", ["keep", "withdraw"])
def test_a_deleted_upload_is_said_to_be_gone_and_withdraws_its_rows_where_that_is_wanted(
    installation: Installation, on_delete: str
) -> None:
    name = blob_names.config_name(installation.customer)
    installation.context.lake.put(blob_names.CONFIG_CONTAINER, name, f"on_delete: {on_delete}\n".encode())
    for unit in "ab":
        installation.deliver(installation.upload(f"metrics/{unit}.csv", metrics_csv(DAY, {unit: 1})))
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.sweep()
    installation.tick()
    assert installation.values(DAY) == {"a": 1.0, "b": 1.0}
    installation.context.drop.delete(installation.drop, "metrics/a.csv")
    for _ in range(2):
        installation.sweep()
    receipt = installation.receipt("metrics/a.csv")
    assert receipt["deleted_at"] is not None
    assert len(receipt["in_force"]["parts"]) == (0 if on_delete == "withdraw" else 1)
    assert installation.receipt("metrics/b.csv")["deleted_at"] is None


def test_the_night_makes_a_stream_known_again_whose_state_is_lost(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    stream = Stream(installation.customer, Dataset.METRICS)
    installation.context.lake.delete(blob_names.STATE_CONTAINER, blob_names.state_name(stream))
    assert known_streams(installation.context, stream.customer) == []
    installation.clean_up()
    assert known_streams(installation.context, stream.customer) == [stream]


def test_a_ratio_is_known_from_the_day_it_first_shows(installation: Installation) -> None:
    rows = (
        HEADER
        + f"u1,user_id,{DAY},conv,,1,2\nu2,user_id,{DAY},conv,,2,2\nu1,user_id,{NEXT},conv,5,,\nu2,user_id,{NEXT},conv,,1,4\n"
    )
    installation.deliver(installation.upload("metrics/a.csv", rows.encode()))
    installation.deliver(*(installation.upload(f"signals/{day}", b"") for day in (DAY, NEXT)))
    installation.tick()
    assert installation.values(DAY) == {"u1": 0.5, "u2": 1.0}
    assert installation.values(NEXT) == {"u1": None, "u2": 0.25}
    means = {str(row["pst_date"]): (row["kind"], row["mean"]) for row in installation.table("metric_days").to_dicts()}
    assert means == {DAY: ("ratio", 0.75), NEXT: ("ratio", 0.25)}


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("Metrics/a.csv", b"x", "misplaced"),
        ("metrics/a.xlsx", b"PK", "unknown_format"),
        ("metrics/a.csv", b"unit_id\n\xff", "missing_column"),
        ("metrics/b.csv", b"\x1f\x8b\x08cut", "damaged_archive"),
        ("metrics/c.csv", b"unit_id,unit_id\n", "duplicate_column"),
        ("signals/soon", b"", "not_a_marker"),
    ],
)
def test_a_refused_file_is_told_why(installation: Installation, name: str, data: bytes, code: str) -> None:
    installation.deliver(installation.upload(name, data))
    receipt = installation.receipt(name)
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", code)
    assert receipt["error"]["message"]


def test_too_many_bad_rows_refuse_the_file(installation: Installation) -> None:
    rows = metrics_csv(DAY, {f"u{number}": "bad" if number % 8 == 0 else 1 for number in range(160)})
    installation.deliver(installation.upload("metrics/a.csv", rows))
    receipt = installation.receipt("metrics/a.csv")
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", "too_many_rejected_rows")
    assert receipt["rows"] == {"read": 160, "accepted": 0, "rejected": 160, "filtered": 0}
    assert receipt["days"] == {}
    assert len(installation.rejected("metrics/a.csv")) == 20


@pytest.mark.parametrize(
    "name", ["metrics/a b.csv", "metrics/é😀.csv", "metrics/%2e%2e/x.csv", "metrics/a#?&=.csv", "metrics/a//b.csv"]
)
def test_awkward_names_get_their_own_receipt(installation: Installation, name: str) -> None:
    installation.deliver(installation.upload(name, metrics_csv(DAY, {"u1": 1})))
    assert installation.receipt(name)["blob"] == name
    assert installation.receipt(name)["status"] == "accepted"


def test_a_folder_stub_named_like_a_marker_marks_nothing(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    installation.context.drop.put(installation.drop, f"signals/{DAY}", b"", metadata={"hdi_isfolder": "true"})
    installation.tick()
    assert installation.state().days == {}
    installation.deliver(installation.upload(f"signals/{DAY}/_SUCCESS", b""))
    installation.tick()
    assert installation.day(DAY)["state"] == "processed"


def test_a_marker_far_ahead_is_refused_and_in_nobodys_way(installation: Installation) -> None:
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    for day in ("9999-12-31", "2999-01-01", "0001-01-01", DAY):
        installation.deliver(installation.upload(f"signals/{day}", b""))
    installation.tick()
    assert installation.receipt("signals/9999-12-31")["error"]["code"] == "marker_too_early"
    assert installation.receipt("signals/2999-01-01")["error"]["code"] == "marker_too_early"
    assert installation.day(DAY)["state"] == "processed"


def test_a_blob_with_content_is_no_folder_whatever_its_metadata_says(installation: Installation) -> None:
    data = metrics_csv(DAY, {"u1": 1})
    etag = installation.context.drop.put(installation.drop, "metrics/a.csv", data, metadata={"hdi_isfolder": "true"})
    installation.deliver(installation.event("metrics/a.csv", etag))
    assert installation.receipt("metrics/a.csv")["status"] == "accepted"


@pytest.mark.parametrize("data", [gzip.compress(b"", mtime=0), b"\n\n"], ids=["archive of nothing", "blank lines"])
def test_a_file_that_is_empty_once_unpacked_withdraws_as_an_empty_one_does(installation: Installation, data: bytes) -> None:
    installation.deliver(installation.upload("metrics/a.csv", data))
    assert installation.receipt("metrics/a.csv")["status"] == "ignored"
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1})))
    installation.deliver(installation.upload("metrics/a.csv", data))
    receipt = installation.receipt("metrics/a.csv")
    assert (receipt["status"], receipt["in_force"]["parts"]) == ("accepted", [])
