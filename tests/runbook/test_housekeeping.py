"""Retention that does not run, or cannot delete something: what the runbook says leads out of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from deltalake import DeltaTable, TableFeatures

from processing.domain.queue_messages import CUSTOMER_WORK
from processing.jobs.housekeeping import run_housekeeping
from tests.runbook.operations import LaterStore, Operator, plain
from tests.runbook.page import here, tries
from tests.runbook.program import options
from tests.runbook.queues import queue, sweeps, work_off
from tests.runbook.refusing import refusing
from tests.support.doors import open_door
from tests.support.installation import metrics_csv

DAY = here("2026-11-18")
MONTH = timedelta(days=32)


@pytest.fixture
def old_upload(operator: Operator) -> Operator:
    """An upload is answered, its day is published, and its time is over."""
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    operator.arrive(f"signals/{DAY}")
    operator.look_at_days()
    LaterStore.ahead += MONTH
    operator.sweep()
    return operator


def uploads(operator: Operator) -> list[str]:
    return [info.name for info in operator.installation.context.drop.list_blobs(operator.installation.drop)]


def is_well(operator: Operator) -> None:
    """The next night deletes what was left, and nobody is told of anything."""
    operator.window_passes()
    operator.installation.clean_up()
    assert operator.alert() == []
    assert uploads(operator) == []
    assert "could not be deleted" not in operator.run("dropzone status acme")


@tries("housekeeping-failed", "`cannot delete ...: storage answered 409")
def test_a_blob_under_a_hold(old_upload: Operator) -> None:
    operator, row = old_upload, old_upload.section.row("`cannot delete ...: storage answered 409")
    with operator.storage_that(refusing(409, "BlobImmutableDueToLegalHold", "/metrics/a.csv", "DELETE")):
        operator.installation.clean_up()
    assert plain(operator.alert(), "event", "step") == [("blobs_not_deleted", "uploads")]
    (found,) = operator.alert()
    assert row.says(found["last_error"]), found["last_error"]
    assert uploads(operator) == ["metrics/a.csv"], "everything else was deleted"
    assert "metrics/a.csv" in operator.run("dropzone status acme")
    is_well(operator)


@tries("housekeeping-failed", "`cannot delete ... now")
def test_deletions_while_storage_is_unwell(old_upload: Operator) -> None:
    operator, row = old_upload, old_upload.section.row("`cannot delete ... now")
    with operator.storage_that(refusing(503, "ServerBusy", "/metrics/a.csv", "DELETE")):
        operator.installation.clean_up()
    (found,) = operator.alert()
    assert (found["event"], found["step"]) == ("blobs_not_deleted", "uploads")
    assert row.says(found["last_error"]), found["last_error"]
    is_well(operator)


@tries("housekeeping-failed", "`table ... was changed by another program")
def test_a_table_that_another_program_changed(old_upload: Operator) -> None:
    operator, row = old_upload, old_upload.section.row("`table ... was changed by another program")
    DeltaTable(f"az://results-{operator.customer}/metric_rows", storage_options=options()).alter.add_feature(
        TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )
    operator.installation.clean_up()
    (found,) = operator.alert()
    assert row.says(found["last_error"]), found["last_error"]
    assert row.links == ["day-failed"]


@tries("housekeeping-failed", "`... cannot be listed`")
def test_what_cannot_be_listed(old_upload: Operator) -> None:
    operator, row = old_upload, old_upload.section.row("`... cannot be listed`")
    with operator.storage_that(refusing(500, "InternalError", f"/drop-{operator.customer}")):
        operator.installation.clean_up()
    found = operator.alert()
    assert found
    assert all(row.says(each["last_error"]) for each in found), found
    assert row.links == ["step-failed"]
    is_well(operator)


@tries("housekeeping-failed", "`no permission")
def test_deletions_without_a_permission(old_upload: Operator) -> None:
    operator, row = old_upload, old_upload.section.row("`no permission")
    with operator.storage_that(refusing(403, "AuthorizationPermissionMismatch", "/metrics/a.csv", "DELETE")):
        operator.installation.clean_up()
    (found,) = operator.alert()
    assert row.says(found["last_error"]), found["last_error"]
    assert row.links == ["storage-refuses-app"]
    is_well(operator)


@tries("housekeeping-failed", "the name of a type alone")
def test_a_fault_of_the_program(old_upload: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = old_upload

    def delete(*_: object) -> int:
        raise ValueError("u was 1")

    with monkeypatch.context() as patch:
        patch.setitem(run_housekeeping._OF_CUSTOMERS, "uploads", delete)
        operator.installation.clean_up()
    assert plain(operator.alert(), "event", "step", "last_error") == [("housekeeping_failed", "uploads", "ValueError")]
    (line,) = operator.events("housekeeping_failed")
    assert "delete" in line["where"][-1]
    is_well(operator)


@tries("housekeeping-missing")
def test_retention_that_has_not_run_because_messages_wait(empty_queues: Operator) -> None:
    operator, later = empty_queues, timedelta(hours=26)
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    operator.sweep()
    assert operator.alert() == [], "no night has passed"
    assert plain(operator.alert(later=later), "customer") == [(operator.customer,)]
    sweeps(operator, 40)
    open_door("housekeeping")
    (line,) = operator.events("housekeeping_sent")
    assert line["customers_sent"] == 0
    work_off(operator, 40)
    assert queue(operator, CUSTOMER_WORK).get_queue_properties().approximate_message_count == 0
    operator.installation.clean_up()
    assert operator.alert(later=later) == []
