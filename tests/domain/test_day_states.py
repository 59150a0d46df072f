"""The state that a day is shown in, and what its history keeps (contract section 6, day states)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.readiness.day_states import HISTORY_IN_STATE, as_before, next_in_order, with_state, with_states
from processing.domain.stream_state import Change, DayChange, DayRecord, DayState, Opening, Published, StreamState

D1, D2, D3 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1, superseded=0, rows_in=1, carried="x")
STREAM = StreamState(customer="acme", dataset=Dataset.METRICS, first_day=D1)
DONE = DayRecord(cut=(), published=PUBLISHED)


def shown(record: DayRecord, *, state: StreamState = STREAM, day: date = D1, marked: Collection[date] = ()) -> DayRecord:
    """The record as it is shown in this stream."""
    return with_states(replace(state, days={**state.days, day: record}), marked, (), NOW).days[day]


@pytest.mark.parametrize("steps", [1, 49, 50, 51, 120])
def test_a_history_keeps_the_last_changes(steps: int) -> None:
    record = DayRecord()
    changes = []
    for number in range(steps):
        state = (DayState.WAITING, DayState.READY)[number % 2]
        record = with_state(record, state, NOW + timedelta(minutes=number), f"{number}")
        changes.append(Change(state=state, at=NOW + timedelta(minutes=number), cause=f"{number}"))
    assert record.history == tuple(changes[-HISTORY_IN_STATE:])


@pytest.mark.parametrize(("rows", "state"), [(1, DayState.PROCESSED), (0, DayState.PROCESSED_EMPTY)])
@pytest.mark.parametrize("steps", [1, HISTORY_IN_STATE - 1, HISTORY_IN_STATE, 3 * HISTORY_IN_STATE])
def test_a_day_of_which_nothing_came_is_processed_as_before_however_many_steps_that_took(
    rows: int, state: DayState, steps: int
) -> None:
    before = with_state(replace(DONE, published=replace(PUBLISHED, rows_in=rows)), state, NOW, "published")
    record = before
    for number in range(steps):
        record = with_state(record, (DayState.READY, DayState.PROCESSING)[number % 2], NOW, "marked again")
    after = as_before(record, NOW)
    assert after.state is state
    assert after == before or steps >= HISTORY_IN_STATE


def test_the_same_state_again_is_no_change() -> None:
    record = with_state(DayRecord(), DayState.READY, NOW, "first")
    assert with_state(record, DayState.READY, NOW + timedelta(days=1), "other words") is record


def test_the_next_day_in_order_is_the_first_that_is_not_published() -> None:
    assert next_in_order(replace(STREAM, first_day=None, days={D1: DONE})) is None
    assert next_in_order(STREAM) == D1
    assert next_in_order(replace(STREAM, days={D1: DONE})) == D2
    assert next_in_order(replace(STREAM, days={D1: DONE, D2: DayRecord(cut=()), D3: DONE})) == D2


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (DONE, DayState.PROCESSED),
        (replace(DONE, published=replace(PUBLISHED, rows_in=0)), DayState.PROCESSED_EMPTY),
        (replace(DONE, reprocess="why"), DayState.READY),
        (replace(DONE, change=DayChange(inputs="", carried="x", joined=1)), DayState.CHANGED),
        (DayRecord(), DayState.OPEN),
        (DayRecord(cut=()), DayState.READY),
        (DayRecord(cut=("a",)), DayState.WAITING),
        (DayRecord(cut=(), mismatch="wrong"), DayState.FAILED),
        (DayRecord(cut=(), state=DayState.FAILED, failures=1), DayState.FAILED),
        (DayRecord(cut=(), state=DayState.PROCESSING), DayState.PROCESSING),
        (DayRecord(state=DayState.PROCESSING), DayState.OPEN),
        (replace(DONE, state=DayState.FAILED, failures=1), DayState.FAILED),
    ],
)
def test_a_day_is_shown_as_its_record_says(record: DayRecord, state: DayState) -> None:
    assert shown(record).state is state


def test_the_causes_say_what_changed() -> None:
    joined = replace(DONE, change=DayChange(inputs="", carried="x", joined=1200, left=3))
    assert shown(joined).history[-1].cause == "1,200 rows joined and 3 left"
    handed = replace(DONE, change=DayChange(inputs="", carried="y", joined=1200, left=3))
    assert shown(handed).history[-1].cause == "an earlier day hands on something else"
    assert shown(replace(DONE, reprocess="why")).history[-1].cause == "to be processed again: why"


def test_a_day_whose_turn_is_not_yet_waits_for_the_one_before_even_when_it_had_failed() -> None:
    for record in (DayRecord(cut=()), DayRecord(cut=(), state=DayState.FAILED, failures=1)):
        later = shown(record, day=D2)
        assert (later.state, later.waiting_for) == (DayState.WAITING, ("2026-11-16",))
    assert shown(DayRecord(cut=()), state=replace(STREAM, days={D1: DONE}), day=D2).state is DayState.READY


def test_a_published_day_that_failed_is_shown_so_though_one_before_it_is_missing() -> None:
    failed = replace(DONE, state=DayState.FAILED, failures=1)
    assert shown(failed, state=replace(STREAM, days={D1: DONE}), day=D3).state is DayState.FAILED


def test_the_day_whose_tables_are_being_written_is_left_as_it_is() -> None:
    record = replace(DONE, state=DayState.PROCESSING, waiting_for=("x",), cut=("a",))
    assert shown(record, state=replace(STREAM, pending=D1)) == record


def test_a_day_before_the_first_is_open_and_a_new_one_there_is_not_shown() -> None:
    early = D1 - timedelta(days=1)
    assert with_states(STREAM, {early}, (), NOW).days == {}
    assert shown(DayRecord(cut=()), day=early).state is DayState.OPEN
    moved_before = shown(DayRecord(cut=(), state=DayState.READY), day=early)
    assert (moved_before.state, moved_before.history[-1].cause) == (DayState.OPEN, "before the stream's first day 2026-11-16")
    many = {D1 + timedelta(days=number) for number in range(-20, 20)}
    assert list(with_states(STREAM, many, (), NOW).days) == [D1 + timedelta(days=number) for number in range(20)]
    assert with_states(STREAM, {D1}, {D2}, NOW).days[D2].late_marker
    assert not with_states(STREAM, {D1}, {D2}, NOW).days[D1].late_marker
    assert with_states(replace(STREAM, first_day=None), {early}, (), NOW).days[early].state is DayState.WAITING


def test_without_a_first_day_a_marked_day_says_what_that_waits_for() -> None:
    unknown = replace(STREAM, first_day=None)
    assert shown(DayRecord(), state=unknown, marked={D1}).waiting_for == ("the stream's first day",)
    names = tuple(f"{number:03d}" for number in range(101))
    opened = replace(unknown, opening=Opening(markers="", cut=names, at=NOW))
    record = shown(DayRecord(), state=opened, marked={D1})
    assert record.waiting_for == names[:100]
    assert "101 uploads" in record.history[-1].cause
    free = replace(unknown, opening=Opening(markers="", cut=(), at=NOW))
    assert shown(DayRecord(), state=free, marked={D1}).state is DayState.OPEN
    assert shown(DayRecord(), state=unknown).state is DayState.OPEN


def test_days_are_told_in_order() -> None:
    assert list(with_states(STREAM, {D3, D1, D2}, (), NOW).days) == [D1, D2, D3]


@pytest.mark.parametrize(
    ("through", "day", "is_closed"), [(None, D1, False), (D1, D1, True), (D2, D1, True), (D1, D2, False), (D3, D3, False)]
)
def test_a_day_is_closed_when_it_is_published_and_not_after_the_last_closed_one(
    through: date | None, day: date, is_closed: bool
) -> None:
    state = replace(STREAM, closed_through=through, days={D1: DONE, D2: DONE, D3: DayRecord()})
    assert state.is_closed(day) is is_closed
    assert (day in state.closed_days()) is is_closed
    assert not state.is_closed(D1 - timedelta(days=1))
