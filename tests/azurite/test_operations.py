"""The operator's commands, as processes on the emulator."""

from __future__ import annotations

import json
import subprocess
import sys

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
    assert "has not published" in dropzone(installation, "reprocess", customer, "metrics", DAY, code=1)
    assert "there is no customer nobody" in dropzone(installation, "ready", "nobody", DAY, code=1)
    assert "0 uploads and 0 days" in dropzone(installation, "retry", customer)
    assert "begins with" in dropzone(installation, "first-day", customer, "metrics", DAY)
    assert installation.state().first_day is not None
