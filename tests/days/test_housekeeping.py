"""What housekeeping deletes, and what it never does (contract section 6, retention; protocol, Housekeeping)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from processing.domain import blob_names
from processing.domain.attention.model import Attention, AttentionCode
from processing.domain.blob_names import DayDocument
from processing.domain.datasets import Dataset
from processing.domain.errors import DropzoneError, LaterError, OperatorError
from processing.domain.publications import TableSpec
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.housekeeping.documents import delete_documents
from processing.jobs.operate import ask_reprocess, move_first_day
from processing.ports import UNCONDITIONAL, Condition
from processing.stored.context import Retention
from processing.stored.streams import known_streams
from processing.views.status import status
from tests.support.all_customers import clean_up_all
from tests.support.in_memory import InMemoryBlobStore, InMemoryTable, InMemoryTables
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


@pytest.fixture
def world() -> Memory:
    """D1 is published."""
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1, "v": 2}))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    return world


def parts(world: Memory) -> set[str]:
    return {info.name for info in world.lake.list_blobs(blob_names.STAGED_CONTAINER)}


class Stubborn(InMemoryBlobStore):
    """Another client of a store, to which some blobs cannot be deleted."""

    def __init__(self, store: InMemoryBlobStore, refusals: Mapping[str, DropzoneError]) -> None:
        self.__dict__.update(store.__dict__)
        self.refusals = refusals
        self.refused: list[str] = []

    def delete(self, container: str, name: str, *, when: Condition = UNCONDITIONAL) -> None:
        if name in self.refusals:
            self.refused.append(name)
            raise self.refusals[name]
        super().delete(container, name, when=when)


def of_customer(world: Memory) -> tuple[Attention, ...]:
    """What status says of the customer."""
    (customer,) = status(world.context, ["acme"]).customers
    return customer.attention


def uploads(world: Memory) -> set[str]:
    return {info.name for info in world.drop.list_blobs(world.container)}


def clean(world: Memory, drop: InMemoryBlobStore) -> tuple[dict[str, int], list[Any]]:
    """One round through another client: what was deleted, and what was told of failures."""
    with capture_logs() as lines:
        deleted = clean_up_all(replace(world.context, drop=drop))
    return deleted, [line for line in lines if "error" in line]


def test_nothing_is_deleted_while_it_is_new(world: Memory) -> None:
    done = {step: count for step, count in clean_up_all(world.context).items() if count}
    assert done == {"catalogue_months": 1}, "what is published was written down, and nothing deleted"


def test_a_superseded_part_goes_when_no_publication_names_it_and_two_days_have_passed(world: Memory) -> None:
    world.config("late_policy: hold\n")
    (published,) = parts(world)
    world.upload("metrics/a.csv", metrics(D1, {"u": 5}))
    (current,) = parts(world) - {published}
    for _ in range(3):
        world.pass_time(days=2)
        clean_up_all(world.context)
        assert parts(world) == {published, current}  # the publication still names the old one
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.values(D1) == {"u": 5}
    clean_up_all(world.context)
    assert parts(world) == {published, current}  # a worker could still publish it
    world.pass_time(hours=25)
    clean_up_all(world.context)
    assert parts(world) == {current}


def test_a_program_that_stood_still_until_its_parts_were_deleted_does_not_commit_them(world: Memory) -> None:
    real = world.lake.put

    def standing_still(container: str, name: str, data: bytes, **rest: object) -> str:
        etag = real(container, name, data, **rest)  # type: ignore[arg-type]
        if container == blob_names.STAGED_CONTAINER:
            world.lake.put = real  # type: ignore[method-assign]
            for _ in range(3):
                world.pass_time(hours=25)
                clean_up_all(world.context)
        return etag

    world.lake.put = standing_still  # type: ignore[method-assign,assignment]
    assert world.upload("metrics/slow.csv", metrics(D2, {"u": 1})) == "failed"
    world.pass_time(hours=2)
    world.sweep()
    receipt = world.receipt("metrics/slow.csv")
    assert receipt["status"] == "accepted"
    assert {part["name"] for part in receipt["in_force"]["parts"]} <= parts(world)


def test_staged_rows_of_old_days_go_and_the_day_says_so_first(world: Memory) -> None:
    world.pass_time(days=56)
    clean_up_all(world.context)
    assert len(parts(world)) == 1
    world.pass_time(days=5)
    assert clean_up_all(world.context)["parts"] == 1
    assert parts(world) == set()
    assert world.state().closed_through == D1
    assert world.status(D1)["reprocess_until"] is None
    with pytest.raises(OperatorError, match="gone by retention"):
        ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.values(D1) == {"u": 1, "v": 2}


def test_a_published_day_that_the_first_day_was_moved_behind_keeps_its_receipts_until_it_is_closed(world: Memory) -> None:
    move_first_day(world.context, Stream("acme", Dataset.METRICS), D2)
    world.context = replace(world.context, retention=Retention(uploads=1, receipts=2, staged=30))
    world.pass_time(days=10)
    assert clean_up_all(world.context)["uploads"] == 2
    world.settle()
    assert world.state().stopped is None
    assert world.status(D1)["state"] == "processed"
    world.pass_time(days=30)
    assert clean_up_all(world.context)["parts"] == 1  # though the first day is not published yet
    assert world.state().is_closed(D1)
    clean_up_all(world.context)
    assert not [
        info for info in world.drop.list_blobs(blob_names.receipts_container("acme")) if blob_names.is_receipt(info.name)
    ]
    world.settle()
    assert world.state().stopped is None


def test_receipts_of_days_that_a_stream_may_still_begin_with_stay_however_short_their_retention() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.context = replace(world.context, retention=Retention(uploads=1, receipts=2))
    world.pass_time(days=10)
    assert clean_up_all(world.context)["uploads"] == 1
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.values(D1) == {"u": 1}


def test_rows_that_are_not_published_yet_are_kept_however_old(world: Memory) -> None:
    world.upload("metrics/b.csv", metrics(D2, {"w": 1}))
    world.pass_time(days=100)
    clean_up_all(world.context)
    assert len(parts(world)) == 1
    world.upload(f"signals/{D2}")
    world.settle()
    assert world.values(D2) == {"w": 1}


def test_answered_uploads_go_after_a_month_and_their_rows_stay(world: Memory) -> None:
    world.put("metrics/unanswered.csv", metrics(D2, {"w": 1}))
    world.upload(f"signals/{D2}")
    world.tick()
    world.pass_time(days=31)
    assert clean_up_all(world.context)["uploads"] == 2
    left = {info.name for info in world.drop.list_blobs(world.container)}
    assert left == {"metrics/unanswered.csv", f"signals/{D2}"}  # the day of this marker still waits for that upload
    assert world.receipt("metrics/a.csv")["in_force"]
    world.sweep()
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}
    assert world.values(D1) == {"u": 1, "v": 2}


def test_an_upload_that_was_replaced_a_moment_ago_is_not_deleted(world: Memory) -> None:
    world.pass_time(days=31)
    world.put("metrics/a.csv", metrics(D1, {"u": 9}))
    clean_up_all(world.context)
    assert world.drop.head(world.container, "metrics/a.csv") is not None


def test_rejected_rows_go_after_a_month_and_receipts_after_a_year_when_nothing_needs_them(world: Memory) -> None:
    world.upload("metrics/bad.csv", metrics(D1, {"u": 1}) + b"u,user_id,yesterday,m,1,,\n")
    names = [world.receipt("metrics/bad.csv")[key] for key in ("rejected_blob", "fix_blob")]
    receipts = blob_names.receipts_container("acme")
    world.settle()
    assert all(world.drop.head(receipts, name) is not None for name in names)
    world.pass_time(days=31)
    clean_up_all(world.context)
    assert [world.drop.head(receipts, name) for name in names] == [None, None]
    world.pass_time(days=400)
    clean_up_all(world.context)
    assert [info.name for info in world.drop.list_blobs(receipts) if blob_names.is_receipt(info.name)] == []
    assert world.values(D1) == {"u": 1, "v": 2}


def test_replaced_table_files_and_manifests_go_after_a_month_and_live_ones_never(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 5}))
    world.settle()
    assert world.state().seq == 2
    world.pass_time(days=31)
    assert clean_up_all(world.context)["table_files"] >= 3
    assert world.values(D1) == {"u": 5}
    for table in ("metric_days", "days"):
        assert world.table(table).height == 1
    assert world.manifest(D1).seq == 2


def test_a_lease_without_end_does_not_keep_an_upload(world: Memory) -> None:
    world.pass_time(days=31)
    assert world.drop.lease(world.container, "metrics/a.csv", seconds=60) is not None
    assert clean_up_all(world.context)["uploads"] == 2
    assert uploads(world) == set()


@pytest.mark.parametrize("refusal", [OperatorError("409"), LaterError("503")], ids=lambda error: type(error).__name__)
def test_an_upload_that_cannot_be_deleted_keeps_no_other_and_is_told(world: Memory, refusal: DropzoneError) -> None:
    world.upload("metrics/b.csv", metrics(D1, {"w": 1}))
    world.settle()
    world.pass_time(days=31)
    deleted, told = clean(world, Stubborn(world.drop, {"metrics/a.csv": refusal}))
    assert deleted["uploads"] == 2
    assert uploads(world) == {"metrics/a.csv"}
    (line,) = told
    expected = {"event": "blobs_not_deleted", "customer": "acme", "step": "uploads", "count": 1, "error": str(refusal)}
    assert expected.items() <= line.items()
    (attention,) = (each for each in of_customer(world) if each.code is AttentionCode.NOT_DELETED)
    assert f"metrics/a.csv: {refusal}" in attention.message
    clean_up_all(replace(world.context, drop=world.drop))
    assert AttentionCode.NOT_DELETED not in {each.code for each in of_customer(world)}


def test_a_storage_that_is_down_is_not_asked_for_every_blob(world: Memory) -> None:
    names = [f"metrics/{number:02}.csv" for number in range(30)]
    for name in names:
        world.upload(name, metrics(D1, {name: 1}))
    world.pass_time(days=31)
    down = Stubborn(world.drop, dict.fromkeys(names, LaterError("503")))
    _, told = clean(world, down)
    assert down.refused == names[:10]
    assert [(line["event"], line["count"]) for line in told] == [("blobs_not_deleted", 10)]


def test_rejected_rows_that_cannot_be_deleted_keep_no_others(world: Memory) -> None:
    for name in ("metrics/bad.csv", "metrics/worse.csv"):
        world.upload(name, metrics(D1, {"u": 1}) + b"u,user_id,yesterday,m,1,,\n")
    kept, other = (world.receipt(name)["rejected_blob"] for name in ("metrics/bad.csv", "metrics/worse.csv"))
    world.pass_time(days=31)
    deleted, told = clean(world, Stubborn(world.drop, {kept: OperatorError("409")}))
    assert deleted["rejected_rows"] == 3, "and the fix file of each"
    assert world.drop.head(blob_names.receipts_container("acme"), other) is None
    assert [line["step"] for line in told] == ["rejected_rows"]


def test_a_stream_whose_state_cannot_be_read_keeps_no_other_stream() -> None:
    world = Memory()
    noon = datetime(D1.year, D1.month, D1.day, 20, tzinfo=UTC)
    world.upload("events/e.csv", f'timestamp,event_name,user\n{int(noon.timestamp())},click,"{{""userID"":""u""}}"\n'.encode())
    world.upload(f"signals/events/{D1}")
    world.settle()
    assert world.states(Dataset.EVENTS) == {D1: DayState.PROCESSED}
    world.lake.put(blob_names.STATE_CONTAINER, blob_names.state_name(Stream("acme", Dataset.METRICS)), b"no state")
    assert [stream.dataset for stream in known_streams(world.context, "acme")] == [Dataset.METRICS, Dataset.EVENTS]
    world.pass_time(days=61)
    _, told = clean(world, world.drop)
    assert {line["event"] for line in told} == {"housekeeping_failed"}
    assert world.state(Dataset.EVENTS).closed_through == D1
    assert parts(world) == set()


def stub(world: Memory, name: str) -> None:
    world.drop.put(world.container, name, b"", metadata={"hdi_isfolder": "true"})


def test_directory_stubs_go_with_the_uploads_of_their_time_and_empty_uploads_without_an_answer_stay(world: Memory) -> None:
    for name in ("metrics", "metrics/2026-11-17", "metrics/folder/", "metrics/_temporary"):
        stub(world, name)
    world.put("metrics/empty.csv")
    world.put("metrics/_SUCCESS")
    world.pass_time(days=29)
    clean_up_all(world.context)
    assert len(uploads(world)) == 8
    world.pass_time(days=2)
    stub(world, "metrics/young")
    assert clean_up_all(world.context)["uploads"] == 6
    assert uploads(world) == {"metrics/empty.csv", "metrics/_SUCCESS", "metrics/young"}


def test_what_nobody_can_need_of_days_long_past_goes_and_what_the_tables_show_stays(world: Memory) -> None:
    days = [D1 + timedelta(days=number) for number in range(3)]
    for value in range(3):
        for day in days:
            world.upload(f"metrics/{day}.csv", metrics(day, {"u": value, f"v{value}": 1}))
            world.upload(f"signals/{day}")
            world.pass_time(hours=1)
            world.pass_time(days=max((day - world.time.now.date()).days + 2, 0))
            world.settle()
    publications = world.state().seq
    assert publications > 6
    assert world.difference(days[0])["replaces"] == world.manifest(days[0]).replaces
    for _ in range(3):
        world.pass_time(days=100)
        clean_up_all(world.context)
    # A year later nothing but replaced files is gone.
    assert world.state().closed_days() == set(days)
    unmarked = len(world.states())  # days that were due to be marked: nothing closes them
    assert documents(world) == (3 + unmarked, publications - 3)
    assert len(rows_of_days(world)) == 1
    for _ in range(3):
        world.pass_time(days=300)
        clean_up_all(world.context)
    assert documents(world) == (unmarked, 0)
    assert world.table("days").height == 3
    assert set(world.table("metric_days")["pst_date"]) == {str(day) for day in days}


class Raised(InMemoryTables):
    """One table is such that nobody may open it, once `raised` says so."""

    raised = ""

    def find(self, container: str, spec: TableSpec) -> InMemoryTable | None:
        if spec.name == self.raised:
            raise OperatorError(f"table {spec.name} was changed by another program")
        return super().find(container, spec)


def test_a_table_that_cannot_be_opened_keeps_no_other_table() -> None:
    world = Memory(tables=(tables := Raised()))
    for value in (1, 2):
        world.upload("metrics/a.csv", metrics(D1, {"u": value}))
        world.upload(f"signals/{D1}")
        world.settle()
    world.pass_time(days=31)
    tables.raised = "days"
    _, told = clean(world, world.drop)
    assert [(line["event"], line["step"]) for line in told] == [("housekeeping_failed", "table_files")]
    left = [info.name.partition("/")[0] for info in world.results.list_blobs(blob_names.results_container("acme"))]
    assert sorted(left) == ["days", "days", "metric_days", "metric_rows"]


def test_a_difference_that_a_status_names_stays_and_so_does_the_status_of_a_day_that_is_not_closed(world: Memory) -> None:
    for value in (3, 4):
        world.upload("metrics/a.csv", metrics(D1, {"u": value}))
        world.settle()
    world.upload("metrics/late.csv", metrics(D2, {"u": 1}))
    assert documents(world) == (1, 2)
    world.pass_time(days=401)
    deleted = delete_documents(world.context, Stream("acme", Dataset.METRICS))
    assert deleted == 1  # the older difference
    assert world.difference(D1)["seq"] == world.state().seq


def test_receipts_of_uploads_below_a_folder_of_that_name_are_no_documents(world: Memory) -> None:
    name = f"days/metrics/{D1}"
    world.upload(name, b"")
    world.pass_time(days=401)
    delete_documents(world.context, Stream("acme", Dataset.METRICS))
    assert world.receipt(name)["status"] == "rejected"


def documents(world: Memory) -> tuple[int, int]:
    """How many status documents there are, and how many differences."""
    found = (DayDocument.parse(info.name) for info in world.drop.list_blobs(blob_names.receipts_container("acme"), "days/"))
    kinds = [document.is_difference for document in found if document is not None]
    return kinds.count(False), kinds.count(True)


def rows_of_days(world: Memory) -> list[str]:
    return [info.name for info in world.results.list_blobs(blob_names.results_container("acme"), "days/")]
