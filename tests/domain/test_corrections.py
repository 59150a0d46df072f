"""Which published days are processed again by themselves, at the bounds that the contract gives (section 6, corrections)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.advance import needs_comparison, needs_reconciliation, touched_days, with_first_day
from processing.domain.readiness.corrections import (
    HANDED_ON,
    as_handed_on,
    differing_days,
    marked_for_reprocess,
    with_corrections,
)
from processing.domain.readiness.inherited import digest_of
from processing.domain.readiness.observation import Observation, ReadinessPolicy
from processing.domain.stream_state import DayChange, DayRecord, DayState, Published, StreamState

POLICY = ReadinessPolicy()
DAY = date(2026, 11, 4)
NOW = PST.start_of(DAY + timedelta(days=14)) + timedelta(hours=5)
"""The last day on which the day is reprocessed by itself."""
BEFORE, AFTER = frozenset({"a"}), frozenset({"a", "b"})
NOTHING_HANDED_ON = digest_of(())


PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1, superseded=0, inputs=digest_of(()))


def stream(*, rows: int = 1000, closed_through: date | None = None) -> StreamState:
    published = Published(
        seq=1, manifest="m", files=1, rows=rows, superseded=0, inputs=digest_of(BEFORE), carried=NOTHING_HANDED_ON
    )
    days = {DAY: DayRecord(state=DayState.PROCESSED, cut=(), published=published)}
    return StreamState(customer="acme", dataset=Dataset.METRICS, first_day=DAY, closed_through=closed_through, days=days)


def looked(
    state: StreamState, *, joined: int = 0, left: int = 0, days_later: int = 0, policy: ReadinessPolicy = POLICY
) -> DayRecord:
    change = DayChange(inputs=digest_of(AFTER), carried=NOTHING_HANDED_ON, joined=joined, left=left)
    seen = Observation(now=NOW + timedelta(days=days_later), markers=(), parts={DAY: AFTER}, changes={DAY: change})
    return with_corrections(state, seen, policy, PST).days[DAY]


@pytest.mark.parametrize(
    ("rows", "joined", "left", "again"),
    [
        (1000, 10, 0, False),
        (1000, 11, 0, True),
        (1000, 0, 10, False),
        (1000, 0, 11, True),
        (1000, 6, 4, False),
        (1000, 6, 5, True),
        (99, 1, 0, True),
        (100, 1, 0, False),
        (0, 1, 0, True),
        (0, 0, 0, False),
    ],
)
def test_more_than_one_percent_of_the_rows_that_joined_and_left_sends_a_day_back(
    rows: int, joined: int, left: int, again: bool
) -> None:
    record = looked(stream(rows=rows), joined=joined, left=left)
    assert (record.reprocess is not None) is again
    if again:
        assert record.reprocess == f"{joined:,} rows joined and {left:,} left"
    assert record.cut == (None if again else ())


@pytest.mark.parametrize(("days_later", "again"), [(-1, True), (0, True), (1, False)])
def test_a_day_of_fourteen_days_is_sent_back_and_one_of_fifteen_is_not(days_later: int, again: bool) -> None:
    record = looked(stream(), joined=500, days_later=days_later)
    assert (record.reprocess is not None) is again
    assert record.change is not None
    assert (record.change.joined, record.change.left) == (500, 0)


def test_the_bounds_are_settings_and_holding_late_rows_turns_them_off() -> None:
    assert looked(stream(), joined=500, policy=replace(POLICY, late_threshold=0.5)).reprocess is None
    assert looked(stream(), joined=501, policy=replace(POLICY, late_threshold=0.5)).reprocess is not None
    assert looked(stream(), joined=500, policy=replace(POLICY, late_window_days=13)).reprocess is None
    assert looked(stream(), joined=500, policy=replace(POLICY, hold_late=True)).reprocess is None


def test_a_closed_day_is_left_as_it_is() -> None:
    record = looked(stream(closed_through=DAY), joined=500)
    assert (record.change, record.reprocess) == (None, None)
    assert differing_days(stream(closed_through=DAY), {DAY: AFTER}) == []


def test_a_difference_is_counted_once_and_forgotten_when_the_parts_are_as_published() -> None:
    state = stream()
    assert differing_days(state, {DAY: BEFORE}) == []
    assert differing_days(state, {DAY: AFTER}) == [DAY]
    record = looked(state, joined=5)
    changed = replace(state, days={DAY: record})
    assert differing_days(changed, {DAY: AFTER}) == []
    assert differing_days(changed, {DAY: frozenset({"c"})}) == [DAY]
    assert differing_days(changed, {DAY: frozenset()}) == [DAY]
    assert differing_days(changed, {}) == [], "it is not compared"
    back = Observation(now=NOW, markers=(), parts={DAY: BEFORE})
    assert with_corrections(changed, back, POLICY, PST).days[DAY].change is None


def test_days_that_are_not_published_or_closed_hide_no_other_that_differs() -> None:
    state = stream()
    days = {DAY - timedelta(days=2): DayRecord(cut=()), DAY - timedelta(days=1): state.days[DAY], DAY: state.days[DAY]}
    assert differing_days(replace(state, closed_through=DAY - timedelta(days=1), days=days), {DAY: AFTER}) == [DAY]


def test_a_look_without_parts_keeps_what_is_known_and_counts_as_no_comparison() -> None:
    state = replace(stream(), days={DAY: looked(stream(), joined=5)})
    unlisted = with_corrections(state, Observation(now=NOW, markers=()), POLICY, PST)
    assert unlisted.days[DAY].change == state.days[DAY].change
    assert unlisted.compared_at is None
    assert with_corrections(state, Observation(now=NOW, markers=(), parts={DAY: AFTER}), POLICY, PST).compared_at == NOW


def test_other_parts_without_their_count_keep_the_count_that_is_known() -> None:
    state = replace(stream(), days={DAY: looked(stream(), joined=5)})
    seen = Observation(now=NOW, markers=(), parts={DAY: frozenset({"c"})})
    assert with_corrections(state, seen, POLICY, PST).days[DAY].change == state.days[DAY].change


def touched(state: StreamState) -> StreamState:
    return replace(state, days={day: replace(record, touched=True) for day, record in state.days.items()})


def test_published_days_are_compared_an_hour_after_they_were_and_not_before() -> None:
    assert needs_comparison(stream(), NOW, POLICY)
    assert not needs_comparison(replace(stream(), compared_at=NOW - timedelta(minutes=59, seconds=59)), NOW, POLICY)
    assert needs_comparison(replace(stream(), compared_at=NOW - timedelta(hours=1)), NOW, POLICY)
    assert not needs_comparison(stream(closed_through=DAY), NOW, POLICY)
    assert not needs_comparison(replace(stream(), days={DAY: DayRecord()}), NOW, POLICY)
    days = {**stream().days, DAY + timedelta(days=1): DayRecord()}
    assert needs_comparison(replace(stream(), days=days), NOW, POLICY)


def test_those_that_were_touched_are_compared() -> None:
    assert touched_days(stream()) == []
    assert touched_days(touched(stream())) == [DAY]
    assert touched_days(touched(stream(closed_through=DAY))) == []
    assert touched_days(touched(replace(stream(), days={DAY: DayRecord()}))) == []


def test_everything_is_compared_once_a_week_and_when_it_never_was() -> None:
    assert needs_reconciliation(stream(), NOW, POLICY)
    assert not needs_reconciliation(replace(stream(), reconciled_at=NOW - timedelta(days=6, hours=23)), NOW, POLICY)
    assert needs_reconciliation(replace(stream(), reconciled_at=NOW - timedelta(days=7)), NOW, POLICY)
    assert not needs_reconciliation(stream(closed_through=DAY), NOW, POLICY)
    assert not needs_reconciliation(replace(stream(), days={DAY: DayRecord()}), NOW, POLICY)
    days = {**stream().days, DAY + timedelta(days=1): DayRecord()}
    assert needs_reconciliation(replace(stream(), days=days), NOW, POLICY)


@pytest.mark.parametrize(
    ("parts", "is_counted", "stays"),
    [
        (None, False, True),
        ({}, False, True),
        ({DAY: BEFORE}, False, False),
        ({DAY: AFTER}, True, False),
        ({DAY: AFTER}, False, True),
    ],
)
def test_a_day_stays_touched_until_it_is_compared_and_its_difference_counted(
    parts: dict[date, frozenset[str]] | None, is_counted: bool, stays: bool
) -> None:
    changes = {DAY: DayChange(inputs=digest_of(AFTER), carried=NOTHING_HANDED_ON, joined=1)} if is_counted else {}
    seen = Observation(now=NOW, markers=(), parts=parts, changes=changes)
    assert with_corrections(touched(stream()), seen, POLICY, PST).days[DAY].touched is stays


def test_a_first_day_that_is_moved_to_before_it_has_everything_listed() -> None:
    state = replace(stream(), reconciled_at=NOW)
    assert with_first_day(state, DAY - timedelta(days=1)).reconciled_at is None
    assert with_first_day(state, DAY + timedelta(days=1)).reconciled_at == NOW
    assert with_first_day(replace(state, first_day=None), DAY).reconciled_at == NOW


def handed_on(*, ratios_of_first: int) -> StreamState:
    """Two published days, of which the first now shows these ratios, and the second was given none."""
    first = Published(
        seq=1,
        manifest="m",
        files=1,
        rows=9,
        superseded=0,
        inputs=digest_of(()),
        carried=NOTHING_HANDED_ON,
        ratios=ratios_of_first,
    )
    second = replace(first, seq=2, ratios=0)
    following = DAY + timedelta(days=1)
    days = {DAY: DayRecord(cut=(), published=first), following: DayRecord(cut=(), published=second)}
    return replace(stream(), ratio_names=("ctr",), days=days)


@pytest.mark.parametrize("policy", [POLICY, replace(POLICY, hold_late=True)])
def test_what_a_day_hands_on_reaches_later_days_whatever_their_age(policy: ReadinessPolicy) -> None:
    seen = Observation(now=NOW + timedelta(days=1000), markers=())
    later = with_corrections(handed_on(ratios_of_first=1), seen, policy, PST).days[DAY + timedelta(days=1)]
    assert later.reprocess == HANDED_ON
    same = with_corrections(handed_on(ratios_of_first=0), seen, policy, PST)
    assert [record.reprocess for record in same.days.values()] == [None, None]


def test_a_day_is_not_asked_while_an_earlier_one_may_still_change_its_mind() -> None:
    state = handed_on(ratios_of_first=1)
    waiting = replace(state, days={**state.days, DAY: replace(state.days[DAY], reprocess="asked for")})
    last = state.days[DAY + timedelta(days=1)]
    same = replace(last, published=replace(PUBLISHED, carried=digest_of(("ctr",))))
    waiting = replace(waiting, days={**waiting.days, DAY + timedelta(days=1): same, DAY + timedelta(days=2): last})
    asked = with_corrections(waiting, Observation(now=NOW, markers=()), POLICY, PST)
    assert [record.reprocess for record in asked.days.values()] == ["asked for", None, None]


def test_a_day_that_is_sent_back_forgets_its_failures() -> None:
    failed = DayRecord(cut=(), tries=2, failures=3, next_try=NOW, error="x")
    record = marked_for_reprocess(failed, "why")
    assert (record.reprocess, record.cut, record.tries, record.failures, record.next_try, record.error) == (
        ("why", None, 0, 0, None, None)
    )


def test_a_day_that_was_given_the_same_after_all_has_nothing_left_to_do() -> None:
    record = stream().days[DAY]
    asked = replace(record, reprocess=HANDED_ON, tries=1, failures=1, next_try=NOW, error="x")
    done = as_handed_on(asked, "new")
    assert done.published is not None
    assert done.published.carried == "new"
    assert done == replace(record, published=done.published)
