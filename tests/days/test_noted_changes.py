"""A day reads its own day, and rows that come late leave notes (protocol, Changes): what is read does not grow with history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, move_first_day, reconcile
from processing.stored import name_metadata
from processing.stored.change_notes import ChangeNote, StoredChange, drop_days, list_changes, write_change
from processing.stored.context import Retention
from tests.support.all_customers import clean_up_all
from tests.support.counting import counted
from tests.support.memory import Memory, metrics

D1, D2, D3 = (date(2026, 11, 17) + timedelta(days=each) for each in range(3))
RECEIPTS = blob_names.receipts_container("acme")
METRICS = Stream("acme", Dataset.METRICS)


@pytest.fixture
def world() -> Memory:
    """D1 is published of many files, and everything was compared."""
    world = Memory()
    for each in range(20):
        world.upload(f"metrics/{D1}/{each}.csv", metrics(D1, {f"u{each}": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    world.settle()
    assert world.state().reconciled_at is not None
    assert notes(world) == []
    return world


def notes(world: Memory) -> list[StoredChange]:
    return list_changes(world.lake, METRICS)


def lists_receipts(requests: list[str]) -> bool:
    return any(each.startswith(f"list {RECEIPTS} metrics") for each in requests)


def test_a_publication_asks_for_the_receipts_of_its_own_day_alone(world: Memory) -> None:
    for each in range(3):
        world.upload(f"metrics/{D2}/{each}.csv", metrics(D2, {f"u{each}": 1}))
    world.sweep()
    world.upload(f"signals/{D2}")
    world.pass_time(minutes=2)
    drop, lake = counted(world)
    world.tick()
    assert world.states()[D2] is DayState.PROCESSED
    assert not lists_receipts(drop.requests)
    assert drop.calls["head", RECEIPTS] == 3
    assert lake.calls["get", blob_names.STAGED_CONTAINER] == 3
    assert notes(world) == []


def test_late_rows_are_found_by_their_notes_and_the_receipts_of_their_day(world: Memory) -> None:
    world.upload("metrics/late.csv", metrics(D1, {"v": 1}))
    world.pass_time(hours=1)
    drop, _ = counted(world)
    world.look()
    assert world.day(D1).change is not None
    assert not lists_receipts(drop.requests)
    assert not world.day(D1).touched
    assert notes(world) == []
    world.tick()
    assert world.values(D1)["v"] == 1


def test_a_note_of_several_days_stays_until_the_last_of_them_is_published(world: Memory) -> None:
    rows = metrics(D1, {"v": 1}) + metrics(D3, {"w": 1}).partition(b"\n")[2]
    world.upload("metrics/both.csv", rows)
    world.settle()
    assert [each.note.days for each in notes(world)] == [(D3,)]
    world.upload(f"signals/{D2}")
    world.settle()
    assert [each.note.days for each in notes(world)] == [(D3,)]
    world.upload(f"signals/{D3}")
    world.settle()
    assert world.values(D3) == {"w": 1}
    assert notes(world) == []


def test_rows_that_a_program_without_notes_staged_are_found(world: Memory) -> None:
    world.upload("metrics/old.csv", metrics(D2, {"v": 1}))
    part = world.receipt("metrics/old.csv")["in_force"]["parts"][0]["name"]
    found = world.lake.get(blob_names.STAGED_CONTAINER, part)
    assert found is not None
    world.lake.put(blob_names.STAGED_CONTAINER, part, found[0])  # without metadata
    for each in notes(world):
        world.lake.delete(blob_names.STATE_CONTAINER, each.name)
    world.upload(f"signals/{D2}")
    world.settle()
    assert world.values(D2) == {"v": 1}


def test_days_that_are_waited_for_again_have_their_rows(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D2, {"v": 1}))
    move_first_day(world.context, METRICS, D3)
    world.upload(f"signals/{D2}")
    world.settle()
    assert notes(world) == [], "nobody waits for that day"
    move_first_day(world.context, METRICS, D2)
    world.settle()
    assert world.values(D2) == {"v": 1}


def test_what_was_restored_is_found_when_the_operator_says_so(world: Memory) -> None:
    name = blob_names.receipt_name(f"metrics/{D1}/0.csv")
    found = world.drop.get(RECEIPTS, name)
    assert found is not None
    world.upload(f"metrics/{D1}/0.csv", metrics(D1, {"u0": 7}))
    world.settle()
    assert world.values(D1)["u0"] == 7
    world.drop.put(RECEIPTS, name, found[0], metadata=found[1].metadata)
    world.settle()
    assert world.values(D1)["u0"] == 7
    assert reconcile(world.context, "acme") == 1
    world.sweep()
    world.settle()
    assert world.values(D1)["u0"] == 7, "its upload was answered anew"


def test_a_receipt_that_a_note_names_is_kept_though_it_holds_nothing_of_the_day_any_more(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D3, {"v": 1}))
    world.upload("metrics/a.csv", metrics(D1, {"v": 1}))
    world.settle()
    world.context = replace(world.context, retention=Retention(uploads=1, receipts=2, staged=3))
    for _ in range(4):
        world.pass_time(days=2)
        clean_up_all(world.context)
    world.upload(f"signals/{D2}")
    world.upload(f"signals/{D3}")
    world.settle()
    assert world.states()[D3] is DayState.PROCESSED_EMPTY


def test_a_receipt_that_an_open_publication_names_is_kept_though_it_holds_nothing_of_the_day_any_more(world: Memory) -> None:
    world.config("late_policy: hold\n")
    world.upload("metrics/a.csv", metrics(D3, {"v": 1}))
    for day in (D2, D3):
        world.upload(f"signals/{day}")
    world.settle()
    world.upload("metrics/a.csv", metrics(D1, {"v": 1}))
    world.settle()
    world.pass_time(days=10)
    today = world.zone.day_of(world.time())
    world.context = replace(world.context, retention=Retention(uploads=1, receipts=2, staged=(today - D2).days - 1))
    for _ in range(3):
        clean_up_all(world.context)
    assert world.state().closed_through == D2
    ask_reprocess(world.context, METRICS, D3)
    world.tick()
    assert world.states()[D3] is DayState.PROCESSED_EMPTY


def test_a_note_of_an_attempt_that_died_goes_after_two_days(world: Memory) -> None:
    real = world.drop.put

    def dying(container: str, name: str, *rest: object, **more: object) -> str:
        if container == RECEIPTS:
            raise KeyboardInterrupt
        return real(container, name, *rest, **more)  # type: ignore[arg-type]

    world.drop.put = dying  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.upload("metrics/a.csv", metrics(D1, {"v": 1}))
    world.drop.put = real  # type: ignore[method-assign]
    for left in (1, 1, 0):
        clean_up_all(world.context)
        world.tick()
        assert len(notes(world)) == left
        world.pass_time(hours=25)


def test_a_note_of_more_days_than_metadata_has_room_for_is_read() -> None:
    world = Memory()
    days = tuple(D1 + timedelta(days=each) for each in range(200))
    write_change(world.lake, METRICS, ChangeNote(receipt="metrics/ä.csv.receipt.json", before=None, days=days))
    (found,) = notes(world)
    assert found.note == ChangeNote(receipt="metrics/ä.csv.receipt.json", before=None, days=days)
    drop_days(world.lake, [found], set(days[:-1]))
    (found,) = notes(world)
    assert found.note.days == days[-1:]
    drop_days(world.lake, [found], set(days))
    assert notes(world) == []


@given(st.text(max_size=1_024))
def test_any_name_goes_through_metadata(name: str) -> None:
    text = name_metadata.to_metadata(name)
    assert text.isascii()
    assert name_metadata.from_metadata(text) == (name or None)


@pytest.mark.parametrize("text", [None, "", "?", "gA=="])
def test_what_is_no_name_of_ours_is_none(text: str | None) -> None:
    assert name_metadata.from_metadata(text) is None
