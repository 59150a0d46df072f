"""Uploads that get no answer, and work that ends its workers: what the runbook says leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from processing.jobs.days import publish_day
from processing.jobs.uploads import draft_receipt
from tests.runbook.operations import Operator, plain
from tests.runbook.page import here, tries
from tests.runbook.refusing import refusing
from tests.support.doors import open_door
from tests.support.installation import metrics_csv
from tests.support.proxy import Amend, Moment, Reaction, Request

DAY = here("2026-11-18")
NAME = "metrics/a.csv"
ROWS = metrics_csv(DAY, {"u": 1})
LIMIT = 60 * 60
DEATHS = 3


class Killed(BaseException):
    """The process ends here: no handler of the program's own sees it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def has_no_receipt(operator: Operator, *words: str) -> None:
    """After an hour the alert comes; status tells of the upload in these words."""
    operator.time_passes(hours=2)
    operator.installation.sweep()
    assert plain(operator.alert(limit=LIMIT), "customer", "uploads") == [(operator.customer, 1)]
    shown = operator.status()
    for word in ("1 without an answer", NAME, *words):
        assert word in shown


def is_answered(operator: Operator, status: str = "accepted") -> None:
    """It has its receipt, and nobody is told of it any more."""
    assert operator.installation.receipt(NAME)["status"] == status
    operator.window_passes()
    operator.sweep()
    assert operator.alert(limit=LIMIT) == []
    assert "without an answer" not in operator.status()


@tries("upload-without-receipt", "`could not be answered yet`")
def test_an_upload_that_could_not_be_answered_yet(operator: Operator) -> None:
    row = operator.section.row("`could not be answered yet`")
    with operator.storage_that(refusing(503, "ServerBusy", "/staged/", "PUT")):
        operator.arrive(NAME, ROWS)
    receipt = operator.installation.receipt(NAME)
    assert receipt["status"] == "failed"
    has_no_receipt(operator, *(span for span in row.spans if "dropzone" not in span), receipt["error"]["message"])
    operator.installation.upload_messages()  # of the sweep, so that the command alone counts
    assert operator.follow(row).startswith("1 uploads")
    operator.installation.deliver(*operator.installation.upload_messages())
    is_answered(operator)


@tries("upload-without-receipt", "many messages", "no message")
def test_an_upload_whose_event_was_lost(operator: Operator) -> None:
    operator.installation.upload(NAME, ROWS)
    assert operator.look(operator.section.part("Look at")) == [], "no message"
    has_no_receipt(operator, "not read yet")
    (message,) = operator.look(operator.section.part("Look at"))
    assert NAME in message, "the sweep has announced it: work is there"
    operator.installation.deliver(*operator.installation.upload_messages())
    is_answered(operator)


@tries("upload-without-receipt", "an upload that is announced")
@tries("work-ends-worker")
def test_an_upload_that_ends_its_workers(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.installation.upload(NAME, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(draft_receipt, "ingest_file", kill)
        for _ in range(DEATHS):
            operator.time_passes(minutes=31)
            operator.installation.sweep()
            (message,) = operator.installation.upload_messages()
            with pytest.raises(Killed):
                open_door("fileuploaded", message)
        operator.time_passes(minutes=31)
        operator.sweep()
    receipt = operator.installation.receipt(NAME)
    assert (receipt["status"], receipt["error"]["code"]) == ("rejected", "unreadable_here")


@tries("upload-without-receipt", "a server-side copy")
@pytest.mark.parametrize("way_out", ["the copy ends", "uploaded again"])
def test_an_upload_that_is_copied_by_the_service(operator: Operator, way_out: str) -> None:
    message = operator.installation.upload(NAME, ROWS)

    def hook(request: Request, moment: Moment) -> bool | Reaction:
        # The emulator copies at once: it has no copy that is pending.
        is_upload = request.path.endswith(NAME) and request.method in ("GET", "HEAD")
        pending = {"x-ms-copy-status": "pending", "x-ms-copy-id": "1"}
        return Amend(headers=pending) if is_upload and moment is Moment.AFTER else False

    with operator.storage_that(hook):
        operator.installation.deliver(message)
        assert [each["outcome"] for each in operator.events("upload_received")] == ["copy_pending"]
        has_no_receipt(operator)
        operator.installation.deliver(*operator.installation.upload_messages())
    if way_out == "uploaded again":
        operator.arrive(NAME, ROWS)
    operator.sweep()
    is_answered(operator)


@tries("work-ends-worker")
def test_what_ended_its_workers_is_tried_again_when_the_operator_says_so(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operator.arrive("metrics/first.csv", metrics_csv(DAY, {"v": 2}))
    message = operator.installation.upload(NAME, ROWS)
    operator.installation.upload(f"signals/{DAY}", b"")
    with monkeypatch.context() as patch:
        patch.setattr(draft_receipt, "ingest_file", kill)
        for _ in range(DEATHS):
            with pytest.raises(Killed):
                open_door("fileuploaded", message)
        operator.time_passes(minutes=31)
        open_door("fileuploaded", message)
    assert plain(operator.alert(), "event", "tries") == [("upload_ends_its_worker", DEATHS)]
    assert operator.installation.receipt(NAME)["error"]["code"] == "unreadable_here"
    with monkeypatch.context() as patch:
        patch.setattr(publish_day, "compute_day", kill)
        for _ in range(DEATHS):
            with pytest.raises(Killed):
                operator.look_at_days()
            operator.installation.let_lease_expire()
        operator.window_passes()
        operator.look_at_days()
    assert plain(operator.alert(), "event", "tries") == [("day_ends_its_worker", DEATHS)]
    (line,) = operator.asked(operator.section.queries[0])
    assert DAY in line["Message"]
    assert f"{DAY} failed" in operator.run("dropzone status acme")
    assert "`dropzone check`" in operator.section.part("Do").markdown
    (tmp_path / "a.csv").write_bytes(ROWS)
    assert "accepted" in operator.run(f"dropzone check {tmp_path / 'a.csv'} --dataset metrics")
    (command,) = [each for each in operator.section.commands if "retry" in each]
    assert operator.run(command).startswith("1 uploads and 1 days")
    operator.time_passes(minutes=5)
    operator.host_runs()
    operator.look_at_days()
    assert operator.installation.receipt(NAME)["status"] == "accepted"
    assert operator.installation.day(DAY)["state"] == "processed"
    assert "!" not in operator.run("dropzone status acme")
