"""What the other pages for operators tell to run: going well, trying again, months of history, and what was lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from processing.domain import blob_names
from tests.runbook.az import parsed
from tests.runbook.operations import Operator
from tests.runbook.page import GUIDE, Text, filled, here, section
from tests.support.installation import metrics_csv

DAY, BEFORE = here("2026-11-18"), here("2026-11-17")
HISTORY = [here(f"2026-03-0{number}") for number in (1, 2, 3)]
PAGES = ("watch.md", "redrive.md", "backfill.md", "disaster.md")


def page(name: str) -> Text:
    return Text((GUIDE / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_the_az_commands_of_a_page_are_ones_that_the_azure_cli_takes(name: str) -> None:
    for command in page(name).az:
        parsed(command)


@pytest.fixture
def published(operator: Operator) -> Operator:
    """Two days are published."""
    for day in (BEFORE, DAY):
        operator.arrive(f"metrics/{day}.csv", metrics_csv(day, {"u": 1, "v": 2}))
        operator.arrive(f"signals/{day}")
    operator.host_runs()
    return operator


def config(operator: Operator, text: str) -> None:
    operator.installation.context.lake.put("config", blob_names.config_name(operator.customer), text.encode())


def test_how_it_goes(published: Operator) -> None:
    operator, questions = published, section("Five questions", "watch.md")
    shown = [operator.run(each) for each in section("Commands", "watch.md").commands]
    assert all(shown)
    assert json.loads(shown[1])["customers"][0]["customer"] == operator.customer
    assert operator.customer in shown[2].split()
    (document,) = [span for span in questions.spans if span.startswith("days/")]
    receipts = f"receipts-{operator.customer}"
    assert operator.installation.context.drop.head(receipts, filled(document, operator.customer)) is not None
    assert operator.installation.context.drop.head(receipts, f"metrics/{DAY}.csv.receipt.json") is not None
    (query,) = questions.queries
    assert {"upload_received", "days_advanced", "stream_worked"} <= {row["event"] for row in operator.asked(query)}


def test_uploads_that_were_refused_are_answered_again_by_a_config_that_was_fixed(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = metrics_csv(DAY, {"u": 1}).replace(b"unit_id", b"device")
    operator.arrive("metrics/a.csv", rows)
    operator.arrive("metrics/b.csv", metrics_csv(BEFORE, {"u": 1}))
    assert operator.installation.receipt("metrics/a.csv")["status"] == "rejected"
    check, rejected, since = section("Answering uploads again", "redrive.md").commands
    fixed = "datasets: {metrics: {columns: {device: unit_id}}}\n"
    monkeypatch.chdir(tmp_path)
    Path(f"{operator.customer}.yaml").write_text(fixed, encoding="utf-8")
    assert "is good" in operator.run(check)
    config(operator, fixed)
    assert operator.run(rejected).startswith("1 uploads")
    operator.sweep()
    assert operator.installation.receipt("metrics/a.csv")["status"] == "accepted"
    assert operator.run(since).startswith("2 uploads")
    operator.sweep()
    assert operator.installation.receipt("metrics/b.csv")["status"] == "accepted"


def test_a_day_is_processed_again_when_the_operator_says_so(published: Operator) -> None:
    operator = published
    operator.follow(section("Processing a day again", "redrive.md"))
    operator.look_at_days()
    document = operator.installation.day(DAY)
    assert (document["state"], document["seq"]) == ("processed", 3)
    assert document["difference"]
    assert document["reprocess_until"]
    for command in section("Now, and not at the next try", "redrive.md").commands:
        assert operator.run(command).startswith("0 uploads and 0 days")


@pytest.mark.parametrize("policy", ["infer", "wait"])
def test_months_of_history(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    before = section("Before the first file", "backfill.md").blocks("yaml")[0]
    config(operator, filled(before, operator.customer).replace("infer", policy))
    for day in HISTORY:
        operator.installation.upload(f"metrics/{day}/part-0.csv.gz", gzip.compress(metrics_csv(day, {"u": 1})))
    operator.sweep()
    status, check = section("Upload", "backfill.md").commands
    assert "3 answered" in operator.run(status)
    monkeypatch.chdir(tmp_path)
    Path("history").mkdir()
    Path(f"{operator.customer}.yaml").write_text(filled(before, operator.customer), encoding="utf-8")
    Path(f"history/{HISTORY[0]}.csv.gz").write_bytes(gzip.compress(metrics_csv(HISTORY[0], {"u": 1})))
    assert "accepted" in operator.run(check)
    if policy == "infer":
        operator.arrive(f"signals/metrics/{HISTORY[-1]}")
    else:
        dates = section("Mark", "backfill.md").blocks("text")[0]
        operator.arrive("signals/metrics/history.csv", filled(dates, operator.customer).encode())
    operator.look_at_days()
    assert [operator.installation.day(day)["state"] for day in HISTORY] == ["processed"] * 3
    operator.follow(section("What processing again costs", "backfill.md"))
    operator.look_at_days()
    assert operator.installation.day(HISTORY[0])["seq"] == 4


def test_a_stream_that_runs_is_taken_back_to_an_earlier_day(published: Operator) -> None:
    operator, first = published, here("2026-10-01")
    (command,) = [each for each in section("Before the first file", "backfill.md").commands if "first-day" in each]
    operator.arrive("metrics/old.csv", metrics_csv(first, {"u": 9}))
    operator.run(command)
    operator.arrive(f"signals/metrics/{first}")
    operator.look_at_days()
    assert operator.installation.day(first)["state"] == "processed"
    assert operator.installation.day(DAY)["seq"] == 2, "it stays as it is"


def test_what_was_lost_comes_back_in_the_order_of_the_page(published: Operator) -> None:
    """Of what Azure keeps only the words are held: the emulator keeps nothing of what is deleted."""
    operator, receipts = published, f"receipts-{published.customer}"
    drop = operator.installation.context.drop
    for info in list(drop.list_blobs(receipts, "metrics/")):
        drop.delete(receipts, info.name)
    config(operator, "late_policy: hold\n")
    reconcile, status, reprocess = section("Order", "disaster.md").commands[-3:]
    operator.run(reconcile)
    operator.sweep()
    operator.look_at_days()
    assert "changed" in operator.run(status)
    operator.run(reprocess)
    operator.run(reprocess.replace("2026-11-18", "2026-11-17"))
    operator.look_at_days()
    for day in (BEFORE, DAY):
        assert operator.installation.day(day)["state"] == "processed"
        assert operator.installation.values(day) == {"u": 1, "v": 2}
    operator.installation.assert_consistent()
    assert "!" not in operator.run(status)


def test_a_table_and_then_all_of_them_are_made_anew(published: Operator) -> None:
    operator, results = published, f"results-{published.customer}"
    lake = operator.installation.context.lake
    every, one = section("Results", "disaster.md").commands[:2]
    for table, command in (("metric_rows", one), ("metric_days", every), ("days", every)):
        for info in list(lake.list_blobs(results, f"{table}/_delta_log/")):
            lake.delete(results, info.name)
        assert f"{table} of {operator.customer}/metrics: 2 days are in it" in operator.run(command)
    operator.run(section("Results", "disaster.md").commands[2])
    operator.look_at_days()
    operator.installation.assert_consistent()
    assert "!" not in operator.run("dropzone status acme")


def test_a_stream_whose_state_is_nowhere_begins_anew(published: Operator) -> None:
    operator, lake = published, published.installation.context.lake
    for info in [each for each in lake.list_blobs("state") if f"/{operator.customer}/" in each.name]:
        lake.delete("state", info.name)
    operator.sweep()
    operator.look_at_days()
    shown = operator.run("dropzone status acme")
    assert "older than table" in shown
    for info in list(lake.list_blobs(f"results-{operator.customer}")):
        lake.delete(f"results-{operator.customer}", info.name)
    for info in [each for each in lake.list_blobs("state") if f"/{operator.customer}/" in each.name]:
        lake.delete("state", info.name)
    config(operator, f"first_day: {BEFORE}\n")
    operator.sweep()
    operator.host_runs()
    operator.run("dropzone reconcile acme")
    operator.host_runs()
    for day in (BEFORE, DAY):
        assert operator.installation.values(day) == {"u": 1, "v": 2}
    operator.installation.assert_consistent()


def test_a_customer_whose_container_was_deleted_is_not_listed_until_it_is_back(published: Operator) -> None:
    operator, drop = published, published.installation.context.drop
    client = BlobServiceClient.from_connection_string(operator.installation.connection_string)
    client.delete_container(operator.installation.drop)
    assert operator.customer not in operator.run("dropzone customer list").split()
    drop.create_container(operator.installation.drop)  # with what was in it, where it is restored
    assert operator.customer in operator.run("dropzone customer list").split()
    operator.look_at_days()
    assert operator.installation.values(DAY) == {"u": 1, "v": 2}
