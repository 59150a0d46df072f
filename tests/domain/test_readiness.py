"""Which day is due, told by listings and state alone (contract section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.advance import advance, due_day, needs_answers, needs_listing
from processing.domain.readiness.inherited import digest_of
from processing.domain.readiness.observation import ListedMarker, ListedUpload, Observation, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.domain.stream_state import DayRecord, DayState, MarkerRef, Published, StreamState

POLICY = ReadinessPolicy()
D1, D2, D3 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
NOW = PST.end_of(D3) + timedelta(hours=5)
WRITTEN = NOW - timedelta(hours=2)
EMPTY = StreamState(customer="acme", dataset=Dataset.METRICS)
STARTED = replace(EMPTY, first_day=D1)


def marker(day: date, *, written: datetime = WRITTEN, own: bool = False) -> ListedMarker:
    return ListedMarker(day=day, ref=MarkerRef(name=f"signals/{day}", etag="1"), written=written, own=own)


def receipt(etag: str, status: UploadStatus = UploadStatus.ACCEPTED) -> ReceiptSummary:
    return ReceiptSummary(etag=etag, status=status, attempt=None, in_force_modified=None, next_try=None)


def observed(
    markers: Iterable[ListedMarker] = (),
    uploads: Mapping[str, str] | None = None,
    receipts: Mapping[str, ReceiptSummary] | None = None,
    *,
    now: datetime = NOW,
    rows: Iterable[date] = (),
) -> Observation:
    return Observation(
        now=now,
        markers=list(markers),
        uploads={name: ListedUpload(etag=etag, modified=WRITTEN) for name, etag in (uploads or {}).items()},
        receipts=receipts or {},
        parts={day: {f"part of {day}"} for day in rows},
    )


def published(state: StreamState, day: date) -> StreamState:
    done = Published(seq=1, manifest="m", files=1, rows=1, superseded=0, inputs=digest_of(()), carried=digest_of(()))
    return replace(state, days={**state.days, day: DayRecord(state=DayState.PROCESSED, cut=(), published=done)})


def test_a_day_with_everything_answered_is_due() -> None:
    state = advance(STARTED, observed([marker(D1)], {"a": "1"}, {"a": receipt("1")}), POLICY, PST)
    assert state.days[D1].state is DayState.READY
    assert due_day(state, NOW) == D1


@pytest.mark.parametrize(
    "receipts",
    [{}, {"a": receipt("0")}, {"a": receipt("1", UploadStatus.FAILED)}],
    ids=["none", "of another version", "failed"],
)
def test_an_upload_without_a_current_answer_holds_the_day_and_is_named(receipts: dict[str, ReceiptSummary]) -> None:
    state = advance(STARTED, observed([marker(D1)], {"a": "1"}, receipts), POLICY, PST)
    assert (state.days[D1].state, state.days[D1].waiting_for) == (DayState.WAITING, ("a",))
    assert due_day(state, NOW) is None


@pytest.mark.parametrize(
    ("uploads", "receipts"),
    [({"a": "1"}, {"a": receipt("1")}), ({}, {}), ({"a": "2"}, {"a": receipt("2", UploadStatus.REJECTED)})],
)
def test_a_name_leaves_the_cut_when_it_is_answered_or_gone(
    uploads: dict[str, str], receipts: dict[str, ReceiptSummary]
) -> None:
    waiting = advance(STARTED, observed([marker(D1)], {"a": "1"}), POLICY, PST)
    state = advance(waiting, observed([marker(D1)], uploads, receipts), POLICY, PST)
    assert state.days[D1].cut == ()
    assert state.days[D1].refused == (("a",) if "a" in receipts and receipts["a"].status is UploadStatus.REJECTED else ())


def test_uploads_after_the_cut_never_hold_the_day() -> None:
    taken = advance(STARTED, observed([marker(D1)]), POLICY, PST)
    state = advance(taken, observed([marker(D1)], {"late": "1"}), POLICY, PST)
    assert due_day(state, NOW) == D1


def test_a_marker_takes_effect_when_it_has_settled_and_its_day_has_ended() -> None:
    fresh = marker(D1, written=NOW - POLICY.settle + timedelta(seconds=1))
    assert advance(STARTED, observed([fresh]), POLICY, PST).days == {}
    assert D1 in advance(STARTED, observed([replace(fresh, written=NOW - POLICY.settle)]), POLICY, PST).days
    before_end = observed([marker(D3, written=D3_START)], now=PST.end_of(D3) - timedelta(seconds=1))
    assert advance(replace(EMPTY, first_day=D3), before_end, POLICY, PST).days == {}


D3_START = PST.start_of(D3)


def test_deleting_a_marker_unmarks_before_the_cut_and_changes_nothing_after_it() -> None:
    cut = advance(STARTED, observed([marker(D1)]), POLICY, PST)
    assert due_day(advance(cut, observed([]), POLICY, PST), NOW) == D1
    uncut = replace(STARTED, days={D1: DayRecord(state=DayState.WAITING)})
    assert advance(uncut, observed([]), POLICY, PST).days[D1].state is DayState.OPEN


def test_days_go_in_order_and_a_missing_one_is_waited_for() -> None:
    state = advance(STARTED, observed([marker(D1), marker(D3)]), POLICY, PST)
    assert due_day(state, NOW) == D1
    state = published(state, D1)
    assert due_day(state, NOW) is None
    state = advance(state, observed([marker(D1), marker(D3)]), POLICY, PST)
    assert (state.days[D3].state, state.days[D3].waiting_for) == (DayState.WAITING, ("2026-11-17",))
    state = advance(state, observed([marker(D1), marker(D2), marker(D3)]), POLICY, PST)
    assert due_day(state, NOW) == D2
    assert due_day(published(state, D2), NOW) == D3


def test_a_failed_day_is_due_again_at_its_next_try_and_holds_the_later_ones() -> None:
    failed = DayRecord(state=DayState.FAILED, cut=(), failures=1, next_try=NOW + timedelta(minutes=1), error="x")
    state = replace(STARTED, days={D1: failed, D2: DayRecord(cut=())})
    assert due_day(state, NOW) is None
    assert due_day(state, NOW + timedelta(minutes=1)) == D1


def test_the_first_day_is_the_earliest_marked_one_with_rows_or_a_marker_of_its_own() -> None:
    markers = [marker(D1), marker(D2), marker(D3)]
    assert advance(EMPTY, observed(markers, rows=[D2, D3]), POLICY, PST).first_day == D2
    assert advance(EMPTY, observed([marker(D1, own=True), *markers[1:]], rows=[D2]), POLICY, PST).first_day == D1
    assert advance(EMPTY, observed(markers), POLICY, PST).first_day is None


def test_the_first_day_is_fixed_only_when_the_markers_are_old_enough_and_then_stays() -> None:
    young = marker(D2, written=NOW - POLICY.first_day_wait + timedelta(seconds=1))
    state = advance(EMPTY, observed([young], rows=[D2]), POLICY, PST)
    assert (state.first_day, state.days[D2].state) == (None, DayState.WAITING)
    state = advance(EMPTY, observed([marker(D2)], rows=[D2]), POLICY, PST)
    assert advance(state, observed([marker(D1, own=True), marker(D2)], rows=[D1, D2]), POLICY, PST).first_day == D2


def test_a_marker_before_the_window_or_the_first_day_processes_nothing() -> None:
    old = PST.day_of(NOW) - timedelta(days=POLICY.first_day_window + 1)
    assert advance(EMPTY, observed([marker(old, own=True)], rows=[old]), POLICY, PST).first_day is None
    state = advance(replace(EMPTY, first_day=D2), observed([marker(D1)], rows=[D1]), POLICY, PST)
    assert due_day(state, NOW) is None
    assert D1 not in state.days


def test_a_look_that_finds_nothing_new_changes_nothing() -> None:
    observation = observed([marker(D1), marker(D3)], {"a": "1"}, {})
    state = advance(STARTED, observation, POLICY, PST)
    assert advance(state, observation, POLICY, PST) == state


def test_uploads_are_listed_only_when_it_can_matter() -> None:
    markers = [marker(D1)]
    assert not needs_listing(STARTED, NOW, [], POLICY, PST)
    assert needs_listing(STARTED, NOW, markers, POLICY, PST)
    done = published(advance(STARTED, observed(markers), POLICY, PST), D1)
    assert not needs_listing(done, NOW, markers, POLICY, PST)
    held = advance(STARTED, observed(markers, {"a": "1"}), POLICY, PST)
    assert not needs_listing(held, NOW, [], POLICY, PST)
    assert needs_answers(held)


def test_a_marker_more_than_a_day_ahead_never_takes_effect() -> None:
    far = marker(date.max)
    ahead = marker(PST.day_of(WRITTEN) + timedelta(days=2))
    later = PST.end_of(ahead.day) + timedelta(days=1)
    assert advance(STARTED, observed([far, ahead], now=later), POLICY, PST).days == {}


def test_markers_that_never_rest_do_not_keep_the_first_day_open_for_ever() -> None:
    young = marker(D1, written=NOW - timedelta(minutes=30), own=True)
    state = advance(EMPTY, observed([young]), POLICY, PST)
    assert state.first_day is None
    later = NOW + timedelta(days=1)
    again = marker(D1, written=later - timedelta(minutes=30), own=True)
    assert advance(state, observed([again], now=later), POLICY, PST).first_day == D1
