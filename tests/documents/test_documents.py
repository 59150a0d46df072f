"""What any version of the program stored is read for ever, and what a newer one adds is kept (upgrade.md, Stored things)."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json, to_json
from processing.domain.errors import OperatorError
from processing.domain.publications import Manifest
from processing.domain.readiness.inherited import inherited_by_each
from processing.domain.receipts import Part, Receipt, ReceiptSummary, UploadStatus
from processing.domain.stream_state import DayRecord, DayState, DayStatus, StreamState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess
from tests.support.memory import HEADER, Memory, metrics, ratios

HERE = Path(__file__).parent
KINDS = {"receipt": Receipt, "state": StreamState, "manifest": Manifest, "day": DayStatus}
GOLDEN = sorted(path for path in HERE.glob("format*/*.json") if not path.name.endswith(".metadata.json"))
KNOWN = [path for path in GOLDEN if path.name.partition("_")[0] in KINDS]
D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


def kind_of(path: Path) -> type[Any]:
    return KINDS[path.name.partition("_")[0]]


@pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_document_of_any_version_is_read_and_written_back_as_the_same(path: Path) -> None:
    record = from_json(kind_of(path), path.read_bytes())
    assert from_json(kind_of(path), to_json(record)) == record


@pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_that_a_document_says_is_lost(path: Path) -> None:
    raw = json.loads(path.read_bytes())
    record = from_json(kind_of(path), path.read_bytes())
    again = json.loads(to_json(record))
    assert raw.keys() - again.keys() <= {key for key, value in raw.items() if value in (None, [], {}, False, 0, "")}


def test_there_are_golden_documents_of_each_kind_and_version() -> None:
    found = {(path.parent.name, path.name.partition("_")[0]) for path in KNOWN}
    versions = {path.name for path in HERE.glob("format*")}
    assert found >= {(version, kind) for version in versions for kind in ("receipt", "state", "manifest", "day")}
    assert len(versions) >= 2


@pytest.mark.parametrize("path", [path for path in GOLDEN if path.name.startswith("receipt_")], ids=lambda path: path.name)
def test_the_metadata_of_a_receipt_is_read_too(path: Path) -> None:
    told = json.loads(path.with_name(path.name + ".metadata.json").read_text())
    receipt = from_json(Receipt, path.read_bytes())
    summary, whole = ReceiptSummary.from_metadata(told), ReceiptSummary.of(receipt)
    assert (summary.etag, summary.status) == (receipt.etag, receipt.status)
    # What an older program did not write there is looked for in the receipt itself.
    found = {each.name: getattr(summary, each.name) for each in fields(summary) if getattr(summary, each.name) is not None}
    assert {name: getattr(whole, name) for name in found} == found


def test_a_state_of_the_first_version_says_the_same_of_its_days() -> None:
    state = from_json(StreamState, (HERE / "format1" / "state_metrics.json").read_bytes())
    first, *_ = sorted(state.days)
    published = state.days[first].published
    assert published is not None
    assert (published.ratios, state.ratio_names) == (1, ("r",))
    assert any(record.expected_files for record in state.days.values())
    exposures = from_json(StreamState, (HERE / "format1" / "state_exposures.json").read_bytes())
    for day, digest in inherited_by_each(exposures):
        record = exposures.days[day].published
        assert record is not None
        assert record.carried == digest, "a day that was up to date is to be processed again by the update alone"


def published_world() -> Memory:
    world = Memory()
    world.upload("metrics/a.csv", ratios(D1, {"u": (1, 2)}))
    world.upload(f"signals/{D1}")
    world.settle()
    return world


def test_keys_that_a_newer_program_added_to_a_state_are_written_back() -> None:
    world = published_world()
    name = blob_names.state_name(Stream("acme", Dataset.METRICS))
    found = world.lake.get(blob_names.STATE_CONTAINER, name)
    assert found is not None
    tree = json.loads(found[0])
    tree["of_tomorrow"] = {"a": [1]}
    tree["days"][D1.isoformat()]["of_tomorrow"] = "b"
    tree["days"][D1.isoformat()]["published"]["of_tomorrow"] = 3
    world.lake.put(blob_names.STATE_CONTAINER, name, json.dumps(tree).encode())
    world.upload("metrics/b.csv", metrics(D2, {"u": 1}))
    world.upload(f"signals/{D2}")
    world.settle()
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.day(D1).published is not None
    found = world.lake.get(blob_names.STATE_CONTAINER, name)
    assert found is not None
    tree = json.loads(found[0])
    assert tree["of_tomorrow"] == {"a": [1]}
    assert tree["days"][D1.isoformat()]["of_tomorrow"] == "b"
    assert tree["days"][D1.isoformat()]["published"]["of_tomorrow"] == 3
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


def test_keys_of_the_version_in_force_are_kept_by_a_refused_one() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    receipts, name = blob_names.receipts_container("acme"), blob_names.receipt_name("metrics/a.csv")
    found = world.drop.get(receipts, name)
    assert found is not None
    tree = json.loads(found[0])
    tree["in_force"]["of_tomorrow"] = 1
    world.drop.put(receipts, name, json.dumps(tree).encode(), metadata=found[1].metadata)
    assert world.upload("metrics/a.csv", b"a,b\n1,2\n") == "rejected"
    assert world.receipt("metrics/a.csv")["in_force"]["of_tomorrow"] == 1


def test_words_that_only_a_newer_program_knows_are_kept_and_equal_none_of_ours() -> None:
    record = DayRecord(state=DayState("quarantined"))
    assert record.state not in set(DayState)
    assert json.loads(to_json(record))["state"] == "quarantined"
    assert UploadStatus("of_tomorrow").is_answer
    state = StreamState(customer="acme", dataset=Dataset.METRICS, days={D1: record})
    assert from_json(StreamState, to_json(state)) == state


@pytest.mark.parametrize("kind", [Receipt, StreamState, Manifest, DayStatus])
def test_a_document_that_only_a_newer_program_can_read_is_refused_by_name(kind: type[Any]) -> None:
    with pytest.raises(OperatorError, match="newer version of the program"):
        from_json(kind, b'{"schema_version": 99}')


def test_days_that_wait_for_the_same_uploads_share_one_list() -> None:
    names = tuple(f"metrics/{number:05d}.csv" for number in range(1_000))
    days = {date.fromordinal(D1.toordinal() + each): DayRecord(cut=names, refused=names[:500]) for each in range(300)}
    state = StreamState(customer="acme", dataset=Dataset.METRICS, days=days)
    data = to_json(state)
    assert len(data) < 100_000
    again = from_json(StreamState, data)
    assert again == state
    assert len({id(record.cut) for record in again.days.values()}) == 1


def test_many_ratio_metrics_are_small_in_every_day() -> None:
    bits = int("10" * 2_500, 2)
    day = published_world().day(D1)
    assert day.published is not None
    day = replace(day, published=replace(day.published, ratios=bits))
    state = StreamState(
        customer="acme", dataset=Dataset.METRICS, ratio_names=tuple(f"m{n}" for n in range(5_000)), days={D1: day}
    )
    assert from_json(StreamState, to_json(state)) == state
    assert len(to_json(state)) < 120_000


def with_parts(count: int, days: int) -> Receipt:
    """A receipt of an upload with so many parts in all."""
    receipt = from_json(Receipt, (HERE / "format2" / "receipt_metrics_a.csv.json").read_bytes())
    assert receipt.in_force is not None
    each = receipt.in_force
    names = [
        blob_names.PartName(
            dataset=Dataset.METRICS,
            customer=receipt.customer,
            day=D1 + timedelta(days=n % days),
            attempt=each.attempt,
            number=n // days,
        )
        for n in range(count)
    ]
    parts = tuple(Part(name=str(name), rows=1_000_000 + n) for n, name in enumerate(sorted(names, key=str)))
    return replace(receipt, in_force=replace(each, parts=parts))


@pytest.mark.parametrize("days", [1, 7, 1_100])
def test_a_receipt_of_very_many_parts_is_short_and_says_the_same(days: int) -> None:
    receipt = with_parts(4_000, days)
    written = to_json(receipt)
    assert len(written) < 200_000
    assert json.loads(written)["schema_version"] == 2
    assert from_json(Receipt, written) == receipt


def test_older_programs_read_every_receipt_of_few_parts() -> None:
    written = json.loads(to_json(with_parts(500, 7)))
    assert written["schema_version"] == 1
    assert len(written["in_force"]["parts"]) == 500


def test_parts_of_other_names_stay_written_by_name() -> None:
    receipt = with_parts(600, 1)
    assert receipt.in_force is not None
    for parts in (receipt.in_force.parts[1:], (Part(name="x", rows=1), *receipt.in_force.parts)):
        other = replace(receipt, in_force=replace(receipt.in_force, parts=parts))
        assert from_json(Receipt, to_json(other)) == other


def test_an_upload_of_a_thousand_days_has_a_short_receipt_and_its_days_are_processed() -> None:
    world, first = Memory(), date(2023, 12, 1)
    rows = "".join(f"u,user_id,{first + timedelta(days=n)},m,1,,\n" for n in range(1_000))
    world.config(f"first_day: {first}\n")
    world.upload("metrics/a.csv", (HEADER + rows).encode())
    found = world.drop.get("receipts-acme", "metrics/a.csv.receipt.json")
    assert found is not None
    assert len(found[0]) < 100_000
    world.upload(f"signals/metrics/{first}")
    world.settle()
    assert world.values(first) == {"u": 1}
