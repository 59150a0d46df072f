"""What was seen to be answered is not asked again (protocol, Answered): by the sweep, by a cut, and never wrongly."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from processing.domain.streams import Stream
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.stored.answered import AnsweredVersions, forget_answers, load_answered, store_answered
from processing.stored.stream_state import load_state
from tests.support.all_customers import sweep_all
from tests.support.counting import counted
from tests.support.memory import Memory, metrics
from tests.support.soak import times

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)
RECEIPTS = blob_names.receipts_container("acme")


def accepted(world: Memory, *names: str) -> None:
    for name in names:
        assert world.upload(f"metrics/{name}.csv", metrics(D1, {"u": 1})) == "accepted"


def test_a_sweep_asks_for_the_receipts_of_new_uploads_alone() -> None:
    world = Memory()
    accepted(world, "a", "b", "c")
    sweep_all(world.context)
    accepted(world, "d")
    drop, _ = counted(world)
    assert sweep_all(world.context) == 0
    assert [key for key in drop.calls if key[1] == RECEIPTS] == [("head", RECEIPTS)]
    assert drop.calls["head", RECEIPTS] == 1
    sweep_all(world.context)
    assert drop.calls["head", RECEIPTS] == 1, "it was written down"


def test_a_new_version_and_an_answer_that_was_lost_after_a_week_are_announced() -> None:
    world = Memory()
    accepted(world, "a", "b")
    sweep_all(world.context)
    world.put("metrics/a.csv", metrics(D1, {"u": 2}))
    world.drop.delete(RECEIPTS, blob_names.receipt_name("metrics/b.csv"))
    world.pass_time(minutes=10)
    assert sweep_all(world.context) == 1
    world.answer_events()
    world.pass_time(days=7)
    assert sweep_all(world.context) == 1
    world.answer_events()
    assert world.receipt("metrics/b.csv")["status"] == "accepted"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_cut_is_taken_by_what_is_known_and_by_the_receipts_of_the_rest(is_known: bool) -> None:
    world = Memory()
    accepted(world, "a", "b")
    world.upload(f"signals/{D1}")
    world.settle()
    if is_known:
        sweep_all(world.context)
    world.put("metrics/c.csv", metrics(D2, {"u": 1}))
    world.put(f"signals/{D2}")
    world.pass_time(minutes=2)
    drop, _ = counted(world)
    world.look()
    assert world.day(D2).cut == ("metrics/c.csv",)
    assert not any(each.startswith(f"list {RECEIPTS} metrics/") for each in drop.requests)
    assert drop.calls["head", RECEIPTS] == (1 if is_known else 3)


def test_a_cut_shrinks_by_its_own_names() -> None:
    world = Memory()
    accepted(world, *"abcdef")
    world.upload(f"signals/{D1}")
    world.settle()
    world.put("metrics/x.csv", metrics(D2, {"u": 1}))
    world.put("metrics/y.csv", metrics(D2, {"u": 1}))
    world.upload(f"signals/{D2}")
    world.pass_time(minutes=2)
    world.look()
    world.drop.delete(world.container, "metrics/y.csv")
    drop, _ = counted(world)
    world.look()
    assert world.day(D2).cut == ("metrics/x.csv",)
    asked = sorted(each for each in drop.requests if "metrics/" in each and "days/" not in each)
    assert asked == [
        f"head {world.container} metrics/x.csv",
        f"head {world.container} metrics/y.csv",
        f"head {RECEIPTS} metrics/x.csv.receipt.json",
        f"head {RECEIPTS} metrics/y.csv.receipt.json",
    ]
    world.sweep()
    world.tick()
    assert world.states()[D2] is DayState.PROCESSED


@pytest.mark.parametrize("at", ["before the sweep", "while it sweeps"])
def test_an_answer_that_becomes_a_refusal_is_read_fresh(at: str) -> None:
    world = Memory()
    world.config("on_refused: wait\n")
    accepted(world, "a")
    if at == "before the sweep":
        sweep_all(world.context)
        before = load_answered(world.context, "acme")
    else:
        before = load_answered(world.context, "acme")
    world.config("on_refused: wait\nid_types: [another]\n")
    reingest(world.context, "acme", ReingestFilter())
    world.answer_events()
    assert world.receipt("metrics/a.csv")["status"] == "rejected"
    info = world.drop.head(world.container, "metrics/a.csv")
    assert info is not None
    # A sweep that saw the answer before it was another one writes it down too late.
    store_answered(world.context, "acme", before, AnsweredVersions(accepted={"metrics/a.csv": info.etag}))
    assert load_answered(world.context, "acme").versions.accepted == {}
    world.upload("metrics/b.csv", b"")
    world.put(f"signals/{D1}")
    world.settle()
    state = load_state(world.context, Stream("acme", Dataset.METRICS)).state
    assert all(record.published is None for record in state.days.values())


def lose_receipt(world: Memory, name: str) -> None:
    world.drop.delete(RECEIPTS, blob_names.receipt_name(name))


def test_a_receipt_that_is_gone_though_its_upload_was_answered_stops_the_day_until_it_is_answered_anew() -> None:
    world = Memory()
    accepted(world, "a")
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.upload("metrics/b.csv", metrics(D2, {"u": 1})) == "accepted"
    sweep_all(world.context)
    lose_receipt(world, "metrics/b.csv")
    world.upload(f"signals/{D2}")
    world.pass_time(minutes=10)
    world.tick()
    assert "the receipt of metrics/b.csv is gone" in (world.day(D2).error or "")
    assert world.day(D2).published is None
    world.sweep()
    world.settle()
    assert world.values(D2) == {"u": 1}


def test_a_stream_without_a_first_day_waits_no_week_for_an_answer_that_is_lost() -> None:
    world = Memory()
    accepted(world, "a", "b")
    sweep_all(world.context)
    lose_receipt(world, "metrics/b.csv")
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.day(D1).published is None
    world.sweep()
    world.settle()
    assert world.day(D1).published is not None


def test_what_cannot_be_read_is_as_good_as_nothing() -> None:
    world = Memory()
    accepted(world, "a")
    sweep_all(world.context)
    world.lake.put(blob_names.STATE_CONTAINER, blob_names.answered_name("acme"), b"{")
    assert load_answered(world.context, "acme").versions == AnsweredVersions()
    assert sweep_all(world.context) == 0
    assert "metrics/a.csv" in load_answered(world.context, "acme").versions.accepted


@settings(max_examples=times(30))
@given(known=st.sets(st.sampled_from("abcd")), gone=st.sets(st.sampled_from("abcd")), newer=st.sets(st.sampled_from("abcd")))
def test_whatever_was_written_down_no_upload_without_an_answer_is_left_out(
    known: set[str], gone: set[str], newer: set[str]
) -> None:
    world = Memory()
    accepted(world, *"abcd")
    infos = {info.name: info.etag for info in world.drop.list_blobs(world.container)}
    stale = AnsweredVersions(accepted={name: etag for name, etag in infos.items() if name[8] in known}, listed_at=world.time())
    store_answered(world.context, "acme", load_answered(world.context, "acme"), stale)
    for name in sorted(newer):
        world.put(f"metrics/{name}.csv", metrics(D1, {"u": 5}))
    for name in sorted(gone):
        world.drop.delete(world.container, f"metrics/{name}.csv")
    world.pass_time(minutes=5)
    assert sweep_all(world.context) == len(newer - gone)
    kept = load_answered(world.context, "acme").versions.accepted
    assert {name: kept[name] for name in kept if name[8] not in gone | newer} == {
        name: etag for name, etag in infos.items() if name[8] not in gone | newer
    }


def test_who_forgets_all_has_all_receipts_listed_again() -> None:
    world = Memory()
    accepted(world, "a")
    sweep_all(world.context)
    forget_answers(world.context, "acme")
    drop, _ = counted(world)
    sweep_all(world.context)
    assert drop.calls["list", RECEIPTS] == 1


def test_who_takes_a_version_out_while_others_write_takes_all_out_and_nobody_puts_it_back() -> None:
    world = Memory()
    accepted(world, "a", "b")
    sweep_all(world.context)
    info = world.drop.head(world.container, "metrics/a.csv")
    assert info is not None
    read = load_answered(world.context, "acme")
    real = world.lake.get

    def overtaken(container: str, name: str) -> object:
        found = real(container, name)
        world.lake.get = real  # type: ignore[method-assign]
        forget_answers(world.context, "acme", ["metrics/b.csv"])
        return found

    world.lake.get = overtaken  # type: ignore[method-assign,assignment]
    forget_answers(world.context, "acme", ["metrics/a.csv"])
    nothing = load_answered(world.context, "acme").versions
    assert (nothing.accepted, nothing.refused) == ({}, {})
    assert nothing.earlier.keys() == {"metrics/a.csv", "metrics/b.csv"}, "it is kept what was there"
    store_answered(world.context, "acme", read, AnsweredVersions(accepted={"metrics/a.csv": info.etag}))
    assert load_answered(world.context, "acme").versions == nothing
    assert sweep_all(world.context) == 0
    assert load_answered(world.context, "acme").versions.accepted.keys() == {"metrics/a.csv", "metrics/b.csv"}
