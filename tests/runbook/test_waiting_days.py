"""Days that wait, markers that are late or missing: what the runbook says leads out of it."""

from __future__ import annotations

import json

import pytest

from processing import wiring
from tests.runbook.operations import Operator, plain
from tests.runbook.page import here, tries
from tests.runbook.refusing import refusing
from tests.support.installation import metrics_csv

DAY, BEFORE, FIRST = here("2026-11-18"), here("2026-11-17"), here("2026-11-01")
OTHER = here("2026-11-16")


def waits(operator: Operator, day: str, *names: str) -> None:
    """After hours the alert names the day, and status says what it waits for."""
    operator.look_at_days()
    operator.time_passes(hours=2)
    operator.look_at_days()
    assert plain(operator.alert(limit=3_600), "dataset", "day") == [("metrics", day)]
    shown = operator.status()
    for name in names:
        assert name in shown
    operator.window_passes()


def is_published(operator: Operator, *days: str) -> None:
    """The day is there, and nobody is told of it any more."""
    for day in days:
        assert operator.installation.day(day)["state"] in ("processed", "processed_empty")
    operator.window_passes()
    operator.look_at_days()
    assert operator.alert() == []
    assert "!" not in operator.run("dropzone status acme")
    operator.installation.assert_consistent()


@pytest.fixture
def day_with_rows(operator: Operator) -> Operator:
    """Rows of a day have come, and are answered."""
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    return operator


@tries("day-waiting", "names of uploads")
def test_a_day_that_waits_for_uploads_names_them_and_goes_on_once_they_are_answered(day_with_rows: Operator) -> None:
    operator = day_with_rows
    operator.arrive("metrics/first.csv", metrics_csv(BEFORE, {"u": 1}))
    operator.arrive(f"signals/{BEFORE}")
    operator.look_at_days()
    operator.installation.upload("metrics/b.csv", metrics_csv(DAY, {"v": 2}))
    operator.arrive(f"signals/{DAY}")
    waits(operator, DAY, "metrics/b.csv", "without an answer")
    assert operator.section.row("names of uploads").links == ["upload-without-receipt"]
    operator.host_runs()
    is_published(operator, BEFORE, DAY)
    assert operator.installation.values(DAY) == {"u": 1, "v": 2}


@tries("day-waiting", "files of a manifest")
@pytest.mark.parametrize("way_out", ["the files come", "another manifest", "a plain marker"])
def test_a_day_that_waits_for_files_of_a_manifest(day_with_rows: Operator, way_out: str) -> None:
    operator, manifest = day_with_rows, {"files": [{"name": "metrics/a.csv"}, {"name": "metrics/b.csv"}]}
    operator.arrive(f"signals/{DAY}.json", json.dumps(manifest).encode())
    waits(operator, DAY, "metrics/b.csv", "its manifest names")
    if way_out == "the files come":
        operator.arrive("metrics/b.csv", metrics_csv(DAY, {"v": 2}))
    elif way_out == "another manifest":
        operator.arrive(f"signals/{DAY}.json", json.dumps({"files": [{"name": "metrics/a.csv"}]}).encode())
    else:
        operator.arrive(f"signals/{DAY}.json")
    operator.look_at_days()
    is_published(operator, DAY)


@tries("day-waiting", "refused files")
@pytest.mark.parametrize("way_out", ["fixed", "empty", "header", "deleted"])
def test_a_day_that_waits_for_refused_files(day_with_rows: Operator, way_out: str) -> None:
    operator = day_with_rows
    operator.installation.context.lake.put("config", f"customers/{operator.customer}.yaml", b"on_refused: wait\n")
    operator.arrive("metrics/b.csv", b"no,header\n1,2\n")
    operator.arrive(f"signals/{DAY}")
    waits(operator, DAY, "metrics/b.csv", "on_refused: wait")
    rows = {"fixed": metrics_csv(DAY, {"v": 2}), "empty": b"", "header": metrics_csv(DAY, {})}
    if way_out == "deleted":
        operator.installation.context.drop.delete(operator.installation.drop, "metrics/b.csv")
    else:
        operator.arrive("metrics/b.csv", rows[way_out])
    operator.look_at_days()
    is_published(operator, DAY)


@tries("day-waiting", "an earlier day")
def test_a_day_that_waits_for_an_earlier_one_without_a_marker(day_with_rows: Operator) -> None:
    operator = day_with_rows
    operator.arrive("metrics/first.csv", metrics_csv(OTHER, {"u": 1}))
    operator.arrive(f"signals/{OTHER}")
    operator.arrive(f"signals/{DAY}")
    waits(operator, DAY, f"{BEFORE} has no marker")
    operator.follow(operator.section.row("an earlier day"))
    operator.host_runs()
    is_published(operator, OTHER, BEFORE, DAY)


@tries("day-waiting", "the stream's first day")
@pytest.mark.parametrize("way_out", ["time", "a name", "an answer"])
def test_a_day_that_waits_for_the_first_day_of_its_stream(
    day_with_rows: Operator, monkeypatch: pytest.MonkeyPatch, way_out: str
) -> None:
    operator, row = day_with_rows, day_with_rows.section.row("the stream's first day")
    if way_out == "an answer":
        operator.installation.upload("metrics/b.csv", metrics_csv(DAY, {"v": 2}))
    else:
        monkeypatch.setenv("DROPZONE_FIRST_DAY_WAIT_SECONDS", "7300")
        wiring.app.cache_clear()
    operator.arrive(f"signals/{DAY}")
    waits(operator, DAY, "metrics/b.csv" if way_out == "an answer" else "the stream's first day")
    assert "stream_unmarked" not in operator.log.getvalue().partition(f"signals/{DAY}")[2], "it is marked"
    if way_out == "time":
        operator.time_passes(hours=1)
    elif way_out == "a name":
        operator.follow(row)
    else:
        operator.sweep()
    operator.look_at_days()
    is_published(operator, DAY)


@tries("day-waiting", "files that differ from a manifest")
@pytest.mark.parametrize("way_out", ["the right file", "the marker again"])
def test_a_day_whose_files_differ_from_its_manifest(day_with_rows: Operator, way_out: str) -> None:
    operator = day_with_rows
    manifest = {"files": [{"name": "metrics/a.csv", "rows": 2}]}
    operator.arrive(f"signals/{DAY}.json", json.dumps(manifest).encode())
    waits(operator, DAY, "differs from its manifest", "failed")
    if way_out == "the right file":
        operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1, "v": 2}))
    else:
        manifest["files"][0]["rows"] = 1
        operator.arrive(f"signals/{DAY}.json", json.dumps(manifest).encode())
    operator.look_at_days()
    is_published(operator, DAY)


@tries("day-waiting", "nothing, and it is `failed`")
def test_a_day_that_waits_for_nothing_and_failed(day_with_rows: Operator) -> None:
    operator = day_with_rows
    operator.arrive(f"signals/{DAY}")
    with operator.storage_that(refusing(503, "ServerBusy", f"pst_date={DAY}/", "GET")):
        waits(operator, DAY, "failed", "storage answered 503")
    assert operator.section.row("nothing, and it is").links == ["day-failed"]
    operator.time_passes(hours=1)
    operator.look_at_days()
    is_published(operator, DAY)


@tries("marker-late")
def test_a_marker_that_is_later_than_usual(operator: Operator) -> None:
    for back in ("2026-11-15", "2026-11-16", "2026-11-17"):
        operator.arrive(f"metrics/{here(back)}.csv", metrics_csv(here(back), {"u": 1}))
        operator.arrive(f"signals/{here(back)}")
    operator.look_at_days()
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 2}))
    operator.look_at_days()
    assert operator.alert() == []
    operator.time_passes(days=2, hours=2)
    operator.look_at_days()
    assert plain(operator.alert(), "dataset", "day") == [("metrics", DAY)]
    assert "(late marker)" in operator.status()
    operator.window_passes()
    operator.look_at_days()
    assert operator.alert() == [], "it is said once"
    (command,) = operator.section.part("Do").commands
    operator.run(command)
    operator.window_passes()
    operator.host_runs()
    assert operator.installation.day(DAY)["state"] == "processed"
    assert operator.alert() == []


@tries("stream-unmarked")
def test_a_stream_of_which_no_day_was_ever_marked(operator: Operator) -> None:
    operator.arrive("metrics/a.csv", metrics_csv(FIRST, {"u": 1}))
    operator.arrive("metrics/early.csv", metrics_csv(here("2026-10-31"), {"u": 1}))
    operator.arrive(f"signals/date={FIRST}/_SUCCESS")
    operator.look_at_days()
    operator.time_passes(days=2)
    operator.look_at_days()
    assert plain(operator.alert(limit=24 * 3600), "dataset") == [("metrics",)]
    shown = operator.status()
    assert "no day was ever marked" in shown
    assert f"signals/date={FIRST}/_SUCCESS" in shown
    assert FIRST in operator.installation.receipt(f"signals/date={FIRST}/_SUCCESS")["error"]["message"]
    (command,) = [each for each in operator.section.part("Do").commands if "ready" in each]
    assert "1 earlier day" in operator.run(command, code=1)
    operator.run(f"{command} --yes")
    operator.window_passes()
    operator.host_runs()
    assert operator.installation.day(FIRST)["state"] == "processed"
    assert operator.alert() == []


@tries("stream-unmarked")
def test_a_stream_of_which_only_days_without_rows_were_marked(day_with_rows: Operator) -> None:
    operator = day_with_rows
    operator.arrive(f"signals/{BEFORE}")
    operator.look_at_days()
    operator.time_passes(days=1)
    operator.look_at_days()
    assert plain(operator.alert(limit=3_600), "dataset") == [("metrics",)]
    assert f"no marked day of the last 28 has rows ({BEFORE})" in operator.status()
    (command,) = [each for each in operator.section.part("Do").commands if "ready" in each]
    operator.run(command.replace("2026-11-01", "2026-11-18"))
    operator.window_passes()
    operator.host_runs()
    assert operator.installation.day(DAY)["state"] == "processed"
    assert operator.alert() == []


@tries("stream-silent")
@pytest.mark.parametrize("days", [1, 2])
def test_a_stream_that_fell_silent(operator: Operator, days: int) -> None:
    operator.arrive("metrics/a.csv", metrics_csv(BEFORE, {"u": 1}))
    operator.arrive(f"signals/{BEFORE}")
    operator.look_at_days()
    assert operator.alert() == []
    operator.time_passes(days=days)
    operator.look_at_days()
    assert plain(operator.alert(), "dataset", "last_marked") == [("metrics", BEFORE)]
    assert "no row of a later day has come either" in operator.status()
    operator.arrive("metrics/b.csv", metrics_csv(DAY, {"u": 1}))
    assert "rows of 1 later day have come" in operator.status()
    (command,) = [each for each in operator.section.part("Do").commands if "ready" in each]
    for number in range(days):
        operator.window_passes()
        operator.run(command.replace("2026-11-18", f"2026-11-{18 + number}"))
        operator.host_runs()
    operator.window_passes()
    operator.look_at_days()
    assert operator.alert() == []
    assert operator.installation.day(DAY)["state"] == "processed"
    assert "!" not in operator.status()
