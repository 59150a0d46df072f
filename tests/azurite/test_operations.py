"""The operator's commands, as processes on the emulator."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from processing.cli.main import main
from tests.support.installation import ROOT, Installation, metrics_csv

DAY = "2026-11-18"


def dropzone(installation: Installation, *arguments: str, code: int = 0) -> str:
    """Run the command; returns what it printed, on standard error when it failed."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from processing.cli.main import main; sys.exit(main())", *arguments],
        env=installation.child_environment(installation.connection_string),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_an_operator_marks_a_day_sees_it_published_and_has_it_processed_again(installation: Installation) -> None:
    customer = installation.customer
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u": 1, "v": 2})))
    assert f"signals/metrics/{DAY}" in dropzone(installation, "ready", customer, DAY, "--dataset", "metrics")
    installation.deliver(*installation.upload_messages())
    assert installation.receipt(f"signals/metrics/{DAY}")["marks"] == [f"metrics/{DAY}"]
    installation.tick()

    status = json.loads(dropzone(installation, "status", customer, "--json"))
    (found,) = status["customers"]
    assert (found["customer"], found["unlistable"], found["uploads"]["unanswered"]) == (customer, None, 0)
    (stream,) = found["streams"]
    assert (stream["dataset"], stream["seq"], stream["unfinished"]) == ("metrics", 1, None)
    assert [(day["day"], day["state"], day["rows"]) for day in stream["days"]] == [(DAY, "processed", 2)]

    dropzone(installation, "reprocess", customer, "metrics", DAY)
    installation.tick()
    assert installation.day(DAY)["seq"] == 2
    assert "the operator asked for it" in installation.day(DAY)["history"][-1]["cause"]
    page = dropzone(installation, "status", customer)
    assert DAY in page
    assert "publication 2" in page


def test_what_cannot_be_done_is_one_sentence_on_standard_error(installation: Installation) -> None:
    customer = installation.customer
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u": 1})))
    assert "has not published" in dropzone(installation, "reprocess", customer, "metrics", DAY, code=1)
    assert "0 uploads and 0 days" in dropzone(installation, "retry", customer)
    assert "begins with" in dropzone(installation, "first-day", customer, "metrics", DAY)
    assert installation.state().first_day is not None
    assert "would mark nothing" in dropzone(installation, "ready", customer, "2026-11-01", code=1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("ready nobody {day}", "there is no customer nobody"),
        ("ready {customer} {day} --dataset signals", "signals is no stream"),
        ("ready {customer} {day} --dataset metric", "there is no dataset 'metric'"),
        ("ready {customer} 2090-01-01", "cannot be meant"),
        ("ready {customer} 1990-01-01", "cannot be meant"),
        ("ready {customer} 20261118", "is no day"),
        ("reprocess {customer} signals {day}", "signals is no stream"),
        ("reprocess {customer} metrics 1990-01-01", "has no metrics yet"),
        ("reprocess nobody metrics {day}", "there is no customer nobody"),
        ("first-day {customer} signals {day}", "signals is no stream"),
        ("first-day {customer} events {day}", "has no events yet"),
        ("first-day nobody metrics {day}", "there is no customer nobody"),
        ("retry nobody", "there is no customer nobody"),
        ("retry {customer} --dataset signals", "signals is no stream"),
        ("reingest nobody", "there is no customer nobody"),
        ("reingest {customer} --dataset signals", "signals is no stream"),
        ("reingest {customer} --since 2090-01-01", "nothing was received"),
        ("reingest {customer} --since yesterday", "is no time"),
        ("reconcile nobody", "there is no customer nobody"),
        ("status nobody", "there is no customer nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    installation: Installation, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["dropzone", *words.format(customer=installation.customer, day=DAY).split()])
    for name, value in installation.child_environment(installation.connection_string).items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1


def test_a_marker_that_leaves_days_behind_is_asked_for_twice(installation: Installation) -> None:
    customer = installation.customer
    days = ["2026-11-16", "2026-11-17", DAY]
    installation.deliver(*(installation.upload(f"metrics/{day}.csv", metrics_csv(day, {"u": 1, "v": 2})) for day in days))
    said = dropzone(installation, "ready", customer, DAY, code=1)
    assert "2 earlier days with 4 rows, 2026-11-16 to 2026-11-17" in said
    assert dropzone(installation, "ready", customer, DAY, "--yes") == f"marked by signals/{DAY}\n"
    assert dropzone(installation, "ready", customer, days[0]) == f"marked by signals/{days[0]}\n"


def test_a_storage_that_does_not_answer_is_named_by_its_address(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;BlobEndpoint=http://127.0.0.1:9/a;"
        "QueueEndpoint=http://127.0.0.1:9/a"
    )
    for name in ("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setattr(sys, "argv", ["dropzone", "customer", "list"])
    assert main() == 1
    told = capfd.readouterr()
    assert "127.0.0.1:9" in told.err
    assert len(told.err.splitlines()) == 1


def test_a_lost_table_is_made_anew_from_the_manifests(installation: Installation) -> None:
    customer, days = installation.customer, ["2026-11-17", DAY]
    for day in days:
        installation.deliver(installation.upload(f"metrics/{day}.csv", metrics_csv(day, {"u": 1, "v": 2})))
        installation.deliver(installation.upload(f"signals/{day}", b""))
    installation.tick()
    assert installation.state().seq == 2
    lake = installation.context.lake
    for info in list(lake.list_blobs(f"results-{customer}", "metric_rows/_delta_log/")):
        lake.delete(f"results-{customer}", info.name)
    dropzone(installation, "reprocess", customer, "metrics", DAY)
    installation.tick()
    assert f"dropzone rebuild {customer} metric_rows" in installation.day(DAY)["error"]
    assert "2 days are in it" in dropzone(installation, "rebuild", customer)
    assert dropzone(installation, "retry", customer).startswith("0 uploads and 1 days")
    installation.tick()
    assert [installation.values(day) for day in days] == [{"u": 1, "v": 2}] * 2
    installation.assert_consistent()
    assert "2 days are in it" in dropzone(installation, "rebuild", customer, "days")  # whenever it is named
    assert "is not lost" in dropzone(installation, "rebuild", customer, "metric_days", code=1)
    installation.assert_consistent()
    assert "there is no table" in dropzone(installation, "rebuild", customer, "user", code=1)
