"""An upload that is gone: its receipt says so, and its rows are withdrawn where the config has it (contract section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from processing.domain import blob_names
from processing.domain.errors import LaterError
from processing.jobs.operate import reconcile
from processing.jobs.uploads import deleted_uploads
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.stored.answered import load_answered
from processing.stored.context import Retention
from tests.support.all_customers import sweep_all
from tests.support.counting import counted
from tests.support.memory import Memory, metrics
from tests.support.stepping import CallOutcome, Run, SteppedStore

DAY = date(2026, 11, 18)
RECEIPTS = blob_names.receipts_container("acme")
WITHDRAW = "on_delete: withdraw\n"


def world_with(config: str, *names: str) -> Memory:
    """Uploads of one unit each, and their day published."""
    world = Memory()
    world.config(config or "{}\n")
    for name in names:
        world.upload(f"metrics/{name}.csv", metrics(DAY, {name: 1}))
        world.pass_time(minutes=1)
    world.upload(f"signals/{DAY}")
    world.settle()
    return world


def delete(world: Memory, *names: str) -> None:
    for name in names:
        world.drop.delete(world.container, f"metrics/{name}.csv")


def sweeps(world: Memory, count: int = 2) -> None:
    for _ in range(count):
        world.pass_time(minutes=10)
        world.sweep()


def test_it_is_told_once_with_the_time_and_its_rows_stay() -> None:
    world = world_with("", "a", "b")
    sweeps(world, 1)
    delete(world, "a")
    sweeps(world)
    at = world.time().isoformat().replace("+00:00", "Z")
    assert world.receipt("metrics/a.csv")["deleted_at"] == at
    assert world.receipt("metrics/b.csv")["deleted_at"] is None
    drop, lake = counted(world)
    sweeps(world)
    assert not any(key[1] == RECEIPTS for key in drop.calls), "it was written down"
    assert not any(each.startswith("put") for each in lake.requests)
    world.settle()
    assert world.values(DAY) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("is_swept", [True, False])
def test_its_rows_are_withdrawn_where_the_config_says_so(*, is_swept: bool) -> None:
    """Also of one that was deleted before any sweep had seen its answer."""
    world = world_with(WITHDRAW, "a", "b")
    if is_swept:
        sweeps(world, 1)
    delete(world, "a")
    sweeps(world)
    receipt = world.receipt("metrics/a.csv")
    assert (receipt["status"], receipt["rows"]["accepted"], receipt["in_force"]["parts"]) == ("accepted", 1, [])
    assert [(each["code"], each["count"]) for each in receipt["warnings"]] == [("withdrawn", 1)]
    world.settle()
    assert world.values(DAY) == {"b": 1.0}
    assert world.status(DAY)["history"][-1]["state"] == "processed"
    world.upload("metrics/a.csv", metrics(DAY, {"a": 1}))
    world.settle()
    assert world.values(DAY) == {"a": 1.0, "b": 1.0}
    assert world.receipt("metrics/a.csv")["deleted_at"] is None


def test_one_that_two_workers_answered_before_a_sweep_saw_it_is_withdrawn_too() -> None:
    """The second finds the answer of the first when it is about to write its own."""
    world = world_with(WITHDRAW, "b")
    sweeps(world, 1)
    world.put("metrics/a.csv", metrics(DAY, {"a": 1}))

    def received(run: Run) -> object:
        drop, lake = SteppedStore(world.drop, run), SteppedStore(world.lake, run)
        return receive_file(replace(world.context, drop=drop, lake=lake), world.container, "metrics/a.csv")

    runs = [Run(received), Run(received)]
    for run in runs:
        while run.waiting is not None and not blob_names.is_receipt(run.waiting.name):
            run.step()
        run.step()  # past its look at the receipt
    for run in reversed(runs):
        run.finish()
    assert sorted(str(run.result) for run in runs) == ["accepted", "already_answered"]
    delete(world, "a")
    sweeps(world)
    assert world.receipt("metrics/a.csv")["in_force"]["parts"] == []


@pytest.mark.parametrize("config", ["", WITHDRAW])
def test_one_that_is_uploaded_again_meanwhile_is_not_gone(config: str) -> None:
    world = world_with(config, "a", "b")
    sweeps(world, 1)
    delete(world, "a")
    sweeps(world, 1)
    world.upload("metrics/a.csv", metrics(DAY, {"c": 3}))
    sweeps(world)
    world.settle()
    assert world.receipt("metrics/a.csv")["deleted_at"] is None
    assert world.values(DAY) == {"b": 1.0, "c": 3.0}


@pytest.mark.parametrize("config", ["", WITHDRAW])
@pytest.mark.parametrize("sweeps_before", [0, 1, 2, 3])
def test_an_undeleted_version_is_answered_again_and_its_rows_are_back(config: str, sweeps_before: int) -> None:
    world = world_with(config, "a", "b")
    sweeps(world, 1)
    held = world.drop._containers[world.container]["metrics/a.csv"]
    delete(world, "a")
    sweeps(world, sweeps_before)
    world.drop._containers[world.container]["metrics/a.csv"] = held
    sweeps(world)
    world.settle()
    receipt = world.receipt("metrics/a.csv")
    assert (receipt["deleted_at"], len(receipt["in_force"]["parts"])) == (None, 1)
    assert world.values(DAY) == {"a": 1.0, "b": 1.0}


def test_a_version_that_was_seen_to_come_back_before_its_receipt_said_that_it_was_gone_is_answered_again() -> None:
    """A sweep looks for the upload, it comes back, another sweep sees it and its answer, and then the receipt is written."""
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    held = world.drop._containers[world.container]["metrics/a.csv"]
    delete(world, "a")
    sweeps(world, 1)
    real = world.drop.put

    def comes_back(container: str, name: str, *args: object, **options: object) -> str:
        if name == blob_names.receipt_name("metrics/a.csv"):
            world.drop.put = real  # type: ignore[method-assign]
            world.drop._containers[world.container]["metrics/a.csv"] = held
            sweeps(world, 1)
            assert "metrics/a.csv" in load_answered(world.context, "acme").versions.accepted
        return real(container, name, *args, **options)  # type: ignore[arg-type]

    world.drop.put = comes_back  # type: ignore[method-assign]
    sweeps(world, 3)
    world.settle()
    assert world.receipt("metrics/a.csv")["deleted_at"] is None
    assert world.values(DAY) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("later", [30, 60])
def test_what_our_own_retention_deletes_is_told_and_never_withdrawn(later: int) -> None:
    """Also when uploads are kept for longer from then on."""
    world = world_with(WITHDRAW, "a")
    world.pass_time(days=20)
    world.upload("metrics/b.csv", metrics(DAY, {"b": 1}))
    sweeps(world, 1)
    world.pass_time(days=11)
    world.clean_up()
    world.context = replace(world.context, retention=Retention(uploads=later))
    assert world.drop.head(world.container, "metrics/a.csv") is None
    assert world.drop.head(world.container, "metrics/b.csv") is not None
    sweeps(world)
    receipt = world.receipt("metrics/a.csv")
    assert receipt["deleted_at"] is not None
    assert (len(receipt["in_force"]["parts"]), receipt["warnings"]) == (1, [])


def test_what_a_program_before_this_one_deleted_is_never_withdrawn() -> None:
    """It wrote nothing of it down."""
    world = world_with(WITHDRAW, "a")
    world.pass_time(days=20)
    world.upload("metrics/b.csv", metrics(DAY, {"b": 1}))
    sweeps(world, 1)
    world.pass_time(days=11)
    delete(world, "a")
    sweeps(world)
    receipt = world.receipt("metrics/a.csv")
    assert receipt["deleted_at"] is not None
    assert len(receipt["in_force"]["parts"]) == 1


@pytest.mark.parametrize("is_refilled", [True, False])
def test_a_container_that_is_emptied_or_made_anew_withdraws_nothing(*, is_refilled: bool) -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    world.drop._containers[world.container].clear()
    if is_refilled:
        world.upload("metrics/c.csv", metrics(DAY, {"c": 1}))
    sweeps(world, 4)
    assert all(len(world.receipt(f"metrics/{name}.csv")["in_force"]["parts"]) == 1 for name in "ab")
    assert world.receipt("metrics/a.csv")["deleted_at"] is None


def test_an_upload_that_a_listing_leaves_out_is_not_gone() -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    real = world.drop.list_blobs

    def leaving_out(container: str, prefix: str = "", **options: object) -> object:
        found = real(container, prefix, **options)  # type: ignore[arg-type]
        return (info for info in found if container != world.container or info.name != "metrics/a.csv")

    world.drop.list_blobs = leaving_out  # type: ignore[method-assign,assignment]
    sweeps(world, 3)
    assert world.receipt("metrics/a.csv")["deleted_at"] is None


def test_after_a_disaster_nobody_is_taken_to_have_deleted_what_is_not_there() -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    delete(world, "a")
    reconcile(world.context, "acme")
    sweeps(world, 3)
    assert world.receipt("metrics/a.csv")["deleted_at"] is None


def test_thousands_are_told_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleted_uploads, "MOST_IN_A_ROUND", 2)
    names = [f"x{number}" for number in range(5)]
    world = world_with(WITHDRAW, "b", *names)
    sweeps(world, 1)
    delete(world, *names)
    left = []
    for _ in range(4):
        sweeps(world, 1)
        left.append(sum(world.receipt(f"metrics/{name}.csv")["deleted_at"] is None for name in names))
    assert left == [5, 3, 1, 0]
    world.settle()
    assert world.values(DAY) == {"b": 1.0}


def test_what_cannot_be_told_in_an_outage_is_told_after_it() -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    delete(world, "a")
    sweeps(world, 1)
    real = world.drop.put

    def failing(container: str, name: str, *args: object, **options: object) -> str:
        if container == RECEIPTS:
            raise LaterError("storage is down")
        return real(container, name, *args, **options)  # type: ignore[arg-type]

    world.drop.put = failing  # type: ignore[method-assign]
    sweeps(world)
    world.drop.put = real  # type: ignore[method-assign]
    sweeps(world, 1)
    assert world.receipt("metrics/a.csv")["in_force"]["parts"] == []


def sweep_struck_at(world: Memory, number: int, outcome: CallOutcome | None) -> bool:
    """One round of the sweep of which one call meets an outcome, or which dies before it; whether there is such a call."""

    def swept(run: Run) -> object:
        drop, lake = SteppedStore(world.drop, run), SteppedStore(world.lake, run)
        return sweep_all(replace(world.context, drop=drop, lake=lake))

    world.pass_time(minutes=10)
    run = Run(swept)
    for _ in range(number):
        if run.ended:
            return False
        run.step()
    if run.ended:
        return False
    if outcome is None:
        run.abandon()
    else:
        run.step(outcome)
        run.finish()
    return True


@pytest.mark.parametrize("outcome", [None, *CallOutcome])
def test_a_sweep_that_fails_or_dies_at_any_call_withdraws_in_the_end_and_takes_no_other_rows(
    outcome: CallOutcome | None,
) -> None:
    """Whether it is the first that misses the upload or the one that tells of it."""
    struck = 0
    for quiet in (0, 1):
        for number in range(40):
            world = world_with(WITHDRAW, "a", "b", "c")
            sweeps(world, 1)
            delete(world, "a")
            sweeps(world, quiet)
            if not sweep_struck_at(world, number, outcome):
                break
            struck += 1
            sweeps(world, 3)
            world.settle()
            assert world.receipt("metrics/a.csv")["deleted_at"] is not None
            assert world.values(DAY) == {"b": 1.0, "c": 1.0}
    assert struck > 15


def test_a_deleted_marker_says_so_and_its_day_stays() -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    world.drop.delete(world.container, f"signals/{DAY}")
    sweeps(world)
    world.settle()
    assert world.receipt(f"signals/{DAY}")["deleted_at"] is not None
    assert world.values(DAY) == {"a": 1.0, "b": 1.0}


def test_a_version_that_nobody_answered_takes_the_rows_before_it_along() -> None:
    world = world_with(WITHDRAW, "a", "b")
    sweeps(world, 1)
    world.put("metrics/a.csv", metrics(DAY, {"a": 2}))
    world.upload("metrics/c.csv", metrics(DAY, {"c": 1}))
    sweep_all(world.context)
    assert "metrics/a.csv" not in load_answered(world.context, "acme").versions.accepted
    delete(world, "a")
    world.answer_events()
    sweeps(world)
    world.settle()
    assert world.values(DAY) == {"b": 1.0, "c": 1.0}


def test_one_that_was_to_be_answered_again_before_a_sweep_saw_it_is_told_too() -> None:
    """The request takes the place of the attempt's note, and nothing else told of the upload."""
    world = world_with(WITHDRAW, "b")
    sweeps(world, 1)
    world.upload("metrics/a.csv", metrics(DAY, {"a": 1}))
    assert reingest(world.context, "acme", ReingestFilter()) == 2
    world.events.take()
    world.events.take()
    delete(world, "a")
    sweeps(world, 3)
    assert world.receipt("metrics/a.csv")["deleted_at"] is not None


def test_one_whose_next_version_is_deleted_while_it_is_read_is_told_too() -> None:
    """The attempt takes the place of the earlier version's note, and gives it back when it ends without an answer."""
    world = world_with(WITHDRAW, "b")
    sweeps(world, 1)
    world.upload("metrics/a.csv", metrics(DAY, {"a": 1}))
    world.put("metrics/a.csv", metrics(DAY, {"a": 2}))

    def received(run: Run) -> object:
        drop, lake = SteppedStore(world.drop, run), SteppedStore(world.lake, run)
        return receive_file(replace(world.context, drop=drop, lake=lake), world.container, "metrics/a.csv")

    run = Run(received)
    while run.waiting is not None and run.waiting.container != blob_names.STAGED_CONTAINER:
        run.step()
    delete(world, "a")
    run.finish()
    assert str(run.result) not in ("accepted", "already_answered")
    sweeps(world, 3)
    assert world.receipt("metrics/a.csv")["deleted_at"] is not None
    assert world.receipt("metrics/a.csv")["in_force"]["parts"] == []
