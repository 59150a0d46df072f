"""Days that fail again and again: what the runbook says about their errors leads out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from deltalake import DeltaTable, TableFeatures, write_deltalake

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.jobs.days import project_tables, publish_day
from processing.stored import tries as stored_tries
from tests.runbook.operations import LaterStore, Operator
from tests.runbook.page import Row, here, section, tries
from tests.runbook.program import options
from tests.runbook.refusing import refusing
from tests.support.installation import metrics_csv

BEFORE, DAY = here("2026-11-17"), here("2026-11-18")
FAILURES = 3
"""So many within the window are an alert."""


@pytest.fixture
def two_days(operator: Operator) -> Operator:
    """A day is published, and the next one is due."""
    for day in (BEFORE, DAY):
        operator.arrive(f"metrics/{day}.csv", metrics_csv(day, {"u": 1, "v": 2}))
        operator.arrive(f"signals/{day}")
        if day == BEFORE:
            operator.look_at_days()
    return operator


def fails(operator: Operator, row: Row) -> str:
    """The day fails until the alert comes; its error, which the row of the page names and status and document have, too."""
    for _ in range(FAILURES):
        assert operator.alert() == [], "once or twice is no news"
        operator.look_at_days()
        LaterStore.ahead += timedelta(minutes=20)
    (found,) = operator.alert()
    assert (found["dataset"], found["day"], found["failures"]) == ("metrics", DAY, FAILURES)
    assert row.says(found["last_error"]), found["last_error"]
    document = operator.installation.day(DAY)
    assert (document["state"], document["error"]) == ("failed", found["last_error"])
    assert f"{DAY} failed: {found['last_error']}" in operator.run("dropzone status acme")
    operator.window_passes()
    return str(found["last_error"])


def is_tried_at_once(operator: Operator) -> None:
    """As the page ends: not at the next try."""
    (last,) = [each for each in operator.section.part("Do").commands if "--dataset" in each]
    assert "1 days" in operator.run(last)
    is_well(operator)


def is_well(operator: Operator) -> None:
    """Both days are published, and nobody is told of anything."""
    operator.look_at_days()
    operator.look_at_days()
    assert operator.alert() == []
    for day in (BEFORE, DAY):
        assert operator.installation.day(day)["state"] == "processed"
        assert operator.installation.values(day) == {"u": 1, "v": 2}
    assert "!" not in operator.run("dropzone status acme")
    operator.installation.assert_consistent()


def parts_of(operator: Operator, day: str) -> list[str]:
    prefix = f"metrics/customer={operator.customer}/pst_date={day}/"
    return [info.name for info in operator.installation.context.lake.list_blobs("staged", prefix)]


@tries("day-failed", "`no permission")
def test_without_a_permission(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`no permission")
    with operator.storage_that(refusing(403, "AuthorizationPermissionMismatch", f"/results-{operator.customer}")):
        fails(operator, row)
        assert "is lost" not in operator.run("dropzone status acme")
    assert row.links == ["storage-refuses-app"]
    is_tried_at_once(operator)


@tries("day-failed", "`storage answered")
def test_storage_that_is_unwell(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`storage answered")
    (part,) = parts_of(operator, DAY)
    with operator.storage_that(refusing(503, "ServerBusy", part)):
        fails(operator, row)
    operator.time_passes(hours=1)
    is_well(operator)


@tries("day-failed", "`staged rows of")
def test_staged_rows_that_are_gone(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`staged rows of")
    for name in parts_of(operator, DAY):
        operator.installation.context.lake.delete("staged", name)
    fails(operator, row)
    operator.follow(section("Staged rows", "disaster.md"))
    operator.sweep()
    is_well(operator)


@tries("day-failed", "`staged rows of")
def test_a_state_from_before(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`staged rows of")
    lake, name = operator.installation.context.lake, blob_names.state_name(Stream(operator.customer, Dataset.METRICS))
    before = lake.get("state", name)
    operator.look_at_days()
    now = lake.get("state", name)
    assert before is not None
    assert now is not None
    lake.put("state", name, before[0])
    fails(operator, row)
    lake.put("state", name, now[0])
    operator.run("dropzone reconcile acme")
    is_well(operator)


@tries("day-failed", "`staged rows of")
def test_a_table_that_is_gone(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`staged rows of")
    results = f"results-{operator.customer}"
    for info in list(operator.installation.context.lake.list_blobs(results, "metric_rows/")):
        operator.installation.context.lake.delete(results, info.name)
    fails(operator, row)
    commands = section("Results", "disaster.md").commands
    assert "1 are processed again" in operator.run(commands[1])
    assert "no table" in operator.run(commands[0])
    is_tried_at_once(operator)


@tries("day-failed", "`staged part")
def test_a_staged_part_that_is_damaged(two_days: Operator) -> None:
    operator, row = two_days, two_days.section.row("`staged part")
    (part,) = parts_of(operator, DAY)
    operator.installation.context.lake.put("staged", part, b"PAR1 it was once PAR1")
    fails(operator, row)
    reingest, retry = row.commands
    operator.run(reingest)
    operator.sweep()
    operator.run(retry)
    is_well(operator)


@tries("day-failed", "`table ... was made or changed")
@pytest.mark.parametrize(
    ("change", "way_out"),
    [("replaced", "restored"), ("appended", "moved away"), ("a feature", "restored"), ("a feature", "moved away")],
)
def test_a_table_that_another_program_changed(two_days: Operator, change: str, way_out: str) -> None:
    operator, row = two_days, two_days.section.row("`table ... was made or changed")
    table = DeltaTable(f"az://results-{operator.customer}/metric_rows", storage_options=options())
    ours, rows = table.version(), operator.installation.table("metric_rows").to_arrow()
    if change == "replaced":
        columns: dict[str, Any] = {"schema_mode": "overwrite", "partition_by": []}
        write_deltalake(table.table_uri, rows.select(["unit_id"]), mode="overwrite", storage_options=options(), **columns)
    elif change == "appended":
        write_deltalake(table.table_uri, rows, mode="append", storage_options=options())
    else:
        table.alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    error = fails(operator, row)
    assert ("until it is restored" in error, "until that is dropped again" in error) == (
        change != "a feature",
        change == "a feature",
    )
    if way_out == "restored":
        # Delta restores what a table holds; a feature is dropped, for which this library has no other word.
        is_feature = change == "a feature"
        DeltaTable(table.table_uri, storage_options=options()).restore(ours, protocol_downgrade_allowed=is_feature)
    else:
        results = f"results-{operator.customer}"
        for info in list(operator.installation.context.lake.list_blobs(results, "metric_rows/")):
            operator.installation.context.lake.delete(results, info.name)
        operator.follow(row)
    is_tried_at_once(operator)


@tries("day-failed", "`table ... was not committed")
def test_a_table_to_which_another_program_commits_without_a_pause(two_days: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (project_tables, stored_tries):
        monkeypatch.setattr(module, "MOST_TRIES", 1)
    operator, row = two_days, two_days.section.row("`table ... was not committed")
    with operator.storage_that(refusing(409, "BlobAlreadyExists", "metric_days/_delta_log/0", "PUT")):
        fails(operator, row)
    is_tried_at_once(operator)


@tries("day-failed", "the name of a type alone")
def test_a_fault_of_the_program(two_days: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, row = two_days, two_days.section.row("the name of a type alone")

    def compute(*_: object, **__: object) -> None:
        raise ValueError("u was 1")

    with monkeypatch.context() as patch:
        patch.setattr(publish_day, "compute_day", compute)
        fails(operator, row)
    (failed,) = {tuple(line["where"]) for line in operator.events("day_failed")}
    assert "compute" in failed[-1]
    assert "u was 1" not in operator.log.getvalue()
    is_tried_at_once(operator)
