"""Steps that are skipped, storage that refuses the app, and streams that stand still."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.journal_names import Segment
from processing.jobs.journal.journal import Journal
from processing.stored.customer_config import load_config
from tests.runbook.operations import LaterStore, Operator, plain
from tests.runbook.page import here, tries
from tests.runbook.refusing import refusing
from tests.support.installation import metrics_csv

DAY = here("2026-11-18")
ROWS = metrics_csv(DAY, {"u": 1})
ROW = f'{{"unit_id": "v", "id_type": "user_id", "date": "{DAY}", "metric_name": "revenue", "metric_value": 1}}\n'.encode()
TIMES = 3


def is_skipped(operator: Operator, event: str) -> str:
    """The sweep fails as often as makes an alert; the error that it has."""
    for _ in range(TIMES):
        assert operator.alert() == [], "once or twice is no news"
        operator.installation.sweep()
    (found,) = operator.alert()
    assert (found["event"], found["times"]) == (event, TIMES)
    return str(found["last_error"])


def is_well(operator: Operator) -> None:
    """The upload and its day are there, and nobody is told of anything."""
    operator.window_passes()
    operator.host_runs()
    operator.host_runs()
    assert operator.alert() == []
    assert operator.installation.receipt("metrics/a.csv")["status"] == "accepted"
    assert operator.installation.day(DAY)["state"] == "processed"
    assert "!" not in operator.run("dropzone status acme")


@pytest.fixture
def marked_day(operator: Operator) -> Operator:
    """A day has its rows and its marker, and nobody was told of them."""
    operator.installation.upload("metrics/a.csv", ROWS)
    operator.installation.upload(f"signals/{DAY}", b"")
    return operator


@tries("step-failed", "`... cannot be listed")
def test_a_container_that_cannot_be_listed(marked_day: Operator) -> None:
    operator, row = marked_day, marked_day.section.row("`... cannot be listed")
    client = BlobServiceClient.from_connection_string(operator.installation.connection_string)
    blob = client.get_blob_client(operator.installation.drop, "metrics/odd\x01name.csv")
    blob.upload_blob(b"")
    assert row.says(is_skipped(operator, "customer_not_swept"))
    assert "unlistable: " in operator.status()
    blob.delete_blob()  # by the name that the customer says
    is_well(operator)


@tries("step-failed", "`config version")
def test_a_config_whose_last_good_copy_cannot_be_used(
    marked_day: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, row = marked_day, marked_day.section.row("`config version")
    lake, name = operator.installation.context.lake, blob_names.config_name(operator.customer)
    good = b"gap_policy: infer\n"
    lake.put("config", name, good)
    load_config(lake, operator.customer)
    # A program before this one took for good what this one does not know.
    copy = lake.get("state", blob_names.last_good_config_name(operator.customer))
    assert copy is not None
    lake.put("state", blob_names.last_good_config_name(operator.customer), b"gaps: infer\n", metadata=dict(copy[1].metadata))
    lake.put("config", name, b"gap_policy: never\n")
    for _ in range(TIMES):
        operator.sweep()
        operator.look_at_days()
    assert [event for (event,) in plain(operator.alert(), "event")] == ["stream_not_worked"]
    shown = operator.status()
    assert f"! {name} is broken, so that nothing goes on" in shown
    assert "unlistable" not in shown
    assert "2 uploads could not be answered yet: metrics/a.csv" in shown
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{operator.customer}.yaml").write_bytes(b"gap_policy: never\n")
    command, retry = row.commands
    assert "gap_policy" in operator.run(command, code=1)
    (tmp_path / f"{operator.customer}.yaml").write_bytes(good)
    assert "is good" in operator.run(command)
    lake.put("config", name, good)
    operator.run(retry)
    is_well(operator)


@tries("step-failed", "`no permission")
def test_a_sweep_without_a_permission(marked_day: Operator) -> None:
    operator, row = marked_day, marked_day.section.row("`no permission")
    with operator.storage_that(refusing(403, "AuthorizationPermissionMismatch", f"/drop-{operator.customer}")):
        assert row.says(is_skipped(operator, "customer_not_swept"))
    assert row.links == ["storage-refuses-app"]
    is_well(operator)


@tries("step-failed", "`storage answered 5")
def test_a_sweep_while_storage_is_unwell(marked_day: Operator) -> None:
    operator, row = marked_day, marked_day.section.row("`storage answered 5")
    with operator.storage_that(refusing(503, "ServerBusy", f"/drop-{operator.customer}")):
        error = is_skipped(operator, "customer_not_swept")
        assert row.says(error), error
    is_well(operator)


@tries("step-failed", "`every name for the rows")
def test_rows_over_http_whose_names_are_taken(marked_day: Operator) -> None:
    operator, row = marked_day, marked_day.section.row("`every name for the rows")
    installation = operator.installation
    Journal(installation.context).append(operator.customer, Dataset.METRICS, ROW)
    (info,) = installation.context.drop.list_blobs(blob_names.journal_container(operator.customer))
    segment = Segment.parse(operator.customer, info.name)
    assert segment is not None
    for number in range(10):
        installation.upload(segment.upload(number), ROW.replace(b'"v"', b'"w"'))
    operator.time_passes(minutes=3)
    assert row.says(is_skipped(operator, "segment_not_rolled"))
    installation.context.drop.delete(installation.drop, segment.upload(7))
    is_well(operator)
    assert installation.receipt(segment.upload(7))["rows"]["read"] == 1


@tries("storage-refuses-app")
@pytest.mark.parametrize("account", ["drop", "lake", "host"])
def test_storage_that_refuses_the_app(marked_day: Operator, account: str) -> None:
    """Roles are Azure's: their command is one that the Azure CLI takes, and a refusal stands for a role that is missing."""
    operator = marked_day
    refused = {"drop": (f"/drop-{operator.customer}", "Blob"), "lake": ("/staged", "Blob"), "host": ("/drop-events", "Queue")}
    path, service = refused[account]
    with operator.storage_that(refusing(403, "AuthorizationPermissionMismatch", path), service):
        if account == "host":
            with pytest.raises(Exception, match="no permission"):
                operator.installation.sweep()
        else:
            operator.installation.sweep()
            operator.look_at_days()
    found = operator.alert()
    assert found
    assert all("no permission (403 AuthorizationPermissionMismatch)" in row["error"] for row in found)
    assert operator.look(operator.section.part("Look at")) == []
    is_well(operator)


def publish(operator: Operator) -> None:
    operator.host_runs()
    operator.look_at_days()
    assert operator.installation.day(DAY)["state"] == "processed"


def stands_still(operator: Operator, *words: str) -> None:
    """The alert comes, and the first line of the stream in status says what was found."""
    operator.look_at_days()
    (found,) = operator.alert()
    first = operator.status().partition("publication")[2].splitlines()[1]
    assert first == f"    ! the stream stands still: {found['error']}"
    for word in words:
        assert word in first


def goes_on(operator: Operator) -> None:
    (reconcile,) = [each for each in operator.section.commands if "reconcile" in each]
    operator.run(reconcile)
    LaterStore.ahead += timedelta(minutes=5)
    is_well(operator)


@tries("stream-stopped")
def test_a_stream_whose_receipts_are_gone_goes_on_when_they_are_back(marked_day: Operator) -> None:
    operator = marked_day
    publish(operator)
    drop, receipts, name = operator.installation.context.drop, f"receipts-{operator.customer}", "metrics/a.csv.receipt.json"
    held = drop.get(receipts, name)
    assert held is not None
    drop.delete(receipts, name)
    operator.time_passes(hours=2)
    stands_still(operator, "the receipt of metrics/a.csv is gone", receipts)
    drop.put(receipts, name, held[0], metadata=dict(held[1].metadata))
    goes_on(operator)


@tries("stream-stopped")
def test_a_stream_whose_rows_are_gone_goes_on_when_its_uploads_are_answered_again(marked_day: Operator) -> None:
    operator = marked_day
    publish(operator)
    for info in list(operator.installation.context.lake.list_blobs("staged", f"metrics/customer={operator.customer}/")):
        operator.installation.context.lake.delete("staged", info.name)
    operator.time_passes(hours=2)
    stands_still(operator, "staged rows of metrics/a.csv", "reingest")
    (reingest,) = [each for each in operator.section.commands if "reingest" in each]
    operator.run(reingest)
    operator.sweep()
    (reprocess,) = [each for each in operator.section.commands if "reprocess" in each]
    operator.run(reprocess)
    goes_on(operator)


@tries("stream-stopped")
def test_a_stream_whose_state_is_gone_goes_on_when_it_is_back(marked_day: Operator) -> None:
    operator = marked_day
    publish(operator)
    lake = operator.installation.context.lake
    name = f"streams/{operator.customer}/metrics.json"
    held = lake.get("state", name)
    assert held is not None
    lake.delete("state", name)
    operator.window_passes()
    operator.sweep()
    stands_still(operator, name)
    lake.put("state", name, held[0], metadata=dict(held[1].metadata))
    goes_on(operator)
