"""When the first day of a stream is fixed, and which day it is, at the bounds of the contract (section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.advance import advance, needs_listing
from processing.domain.readiness.observation import ListedMarker, ListedUpload, Observation, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.domain.stream_state import Change, DayRecord, DayState, MarkerRef, StreamState

POLICY = ReadinessPolicy()
TODAY = date(2026, 11, 30)
NOW = PST.start_of(TODAY) + timedelta(hours=5)
RESTED = NOW - timedelta(hours=1)
SECOND = timedelta(seconds=1)
EMPTY = StreamState(customer="acme", dataset=Dataset.METRICS)
DAY = TODAY - timedelta(days=3)


def marker(day: date, *, written: datetime = RESTED, own: bool = True) -> ListedMarker:
    return ListedMarker(day=day, ref=MarkerRef(name=f"signals/{day}", etag="1"), written=written, own=own)


def seen(
    markers: Iterable[ListedMarker], *, uploads: Iterable[str] = (), answered: Iterable[str] = (), now: datetime = NOW
) -> Observation:
    receipts = {
        name: ReceiptSummary(etag="1", status=UploadStatus.ACCEPTED, attempt=None, in_force_modified=None, next_try=None)
        for name in answered
    }
    found = {name: ListedUpload(etag="1", modified=RESTED) for name in uploads}
    return Observation(now=now, markers=list(markers), uploads=found, receipts=receipts, parts={})


@pytest.mark.parametrize(("days_ago", "is_found"), [(1, True), (28, True), (29, False)])
def test_the_first_day_is_looked_for_among_the_last_28(days_ago: int, is_found: bool) -> None:
    day = TODAY - timedelta(days=days_ago)
    state = advance(EMPTY, seen([marker(day)]), POLICY, PST)
    assert state.first_day == (day if is_found else None)
    assert (day in state.days) is is_found


def test_days_that_left_the_window_are_forgotten_while_there_is_no_first_day() -> None:
    old, kept = TODAY - timedelta(days=29), TODAY - timedelta(days=28)
    state = replace(EMPTY, days={old: DayRecord(), kept: DayRecord()})
    assert set(advance(state, seen([]), POLICY, PST).days) == {kept}


@pytest.mark.parametrize(("age", "is_fixed"), [(timedelta(hours=1) - SECOND, False), (timedelta(hours=1), True)])
def test_it_is_fixed_when_every_marker_is_an_hour_old(age: timedelta, is_fixed: bool) -> None:
    markers = [marker(DAY), marker(DAY + timedelta(days=1), written=NOW - age)]
    assert advance(EMPTY, seen(markers), POLICY, PST).first_day == (DAY if is_fixed else None)
    assert needs_listing(EMPTY, NOW, markers, POLICY, PST) is is_fixed


@pytest.mark.parametrize(("waited", "is_fixed"), [(timedelta(hours=24) - SECOND, False), (timedelta(hours=24), True)])
def test_markers_that_never_rest_are_waited_for_no_longer_than_a_day(waited: timedelta, is_fixed: bool) -> None:
    since = (Change(state=DayState.WAITING, at=NOW - waited, cause=""),)
    later = (Change(state=DayState.WAITING, at=NOW, cause=""),)
    days = {
        DAY: DayRecord(history=since),
        DAY + timedelta(days=1): DayRecord(history=later),
        DAY + timedelta(days=2): DayRecord(),
    }
    state = replace(EMPTY, days=days)
    young = marker(DAY, written=NOW - timedelta(minutes=30))
    assert advance(state, seen([young]), POLICY, PST).first_day == (DAY if is_fixed else None)


def test_what_lay_there_before_the_markers_is_waited_for_and_what_comes_later_is_not() -> None:
    markers = [marker(DAY)]
    waiting = advance(EMPTY, seen(markers, uploads=["a", "b"], answered=["b"]), POLICY, PST)
    assert waiting.first_day is None
    assert waiting.opening is not None
    assert waiting.opening.cut == ("a",)
    assert waiting.days[DAY].waiting_for == ("a",)
    assert needs_listing(waiting, NOW, markers, POLICY, PST)
    still = advance(waiting, seen(markers, uploads=["a", "later"], now=NOW + SECOND), POLICY, PST)
    assert still.opening == waiting.opening
    assert advance(still, seen(markers, uploads=["a", "later"], answered=["a"]), POLICY, PST).first_day == DAY
    assert advance(still, seen(markers, uploads=["later"]), POLICY, PST).first_day == DAY


def test_what_is_waited_for_shrinks_name_by_name() -> None:
    waiting = advance(EMPTY, seen([marker(DAY)], uploads=["a", "b"]), POLICY, PST)
    less = advance(waiting, seen([marker(DAY)], uploads=["a", "b"], answered=["b"]), POLICY, PST)
    assert less.opening is not None
    assert less.opening.cut == ("a",)


def test_other_markers_take_the_opening_anew() -> None:
    waiting = advance(EMPTY, seen([marker(DAY)], uploads=["a"]), POLICY, PST)
    more = [marker(DAY), marker(DAY + timedelta(days=1))]
    assert needs_listing(waiting, NOW, more, POLICY, PST)
    again = advance(waiting, seen(more, uploads=["a", "later"]), POLICY, PST)
    assert again.opening is not None
    assert again.opening.cut == ("a", "later")


def test_a_stream_without_rows_is_looked_at_again_an_hour_later() -> None:
    markers = [marker(DAY, own=False)]
    state = advance(EMPTY, seen(markers), POLICY, PST)
    assert (state.first_day, state.days[DAY].state) == (None, DayState.OPEN)
    assert not needs_listing(state, NOW + timedelta(hours=1) - SECOND, markers, POLICY, PST)
    assert needs_listing(state, NOW + timedelta(hours=1), markers, POLICY, PST)
    assert needs_listing(state, NOW, [*markers, marker(DAY + timedelta(days=1))], POLICY, PST)
    looked = advance(state, seen(markers, now=NOW + timedelta(hours=1)), POLICY, PST)
    assert not needs_listing(looked, NOW + timedelta(hours=2) - SECOND, markers, POLICY, PST)


def test_nothing_is_fixed_while_a_marker_has_no_answer_or_parts_were_not_listed() -> None:
    look = seen([marker(DAY)])
    assert advance(EMPTY, replace(look, has_unread_markers=True), POLICY, PST).first_day is None
    assert advance(EMPTY, replace(look, parts=None), POLICY, PST).first_day is None
    assert advance(EMPTY, seen([]), POLICY, PST).opening is None
    assert not needs_listing(EMPTY, NOW, [], POLICY, PST)


def test_a_configured_first_day_is_any_date_and_ends_the_search() -> None:
    day = TODAY - timedelta(days=400)
    waiting = advance(EMPTY, seen([marker(DAY)], uploads=["a"]), POLICY, PST)
    state = advance(waiting, seen([marker(DAY)], uploads=["a"]), replace(POLICY, first_day=day), PST)
    assert (state.first_day, state.opening) == (day, None)
    assert state.days[DAY].waiting_for == ("a",)
    assert needs_listing(EMPTY, NOW, [marker(DAY, written=NOW - POLICY.settle)], replace(POLICY, first_day=day), PST)
