"""When a marker counts as late: by the median of the customer's own habit (contract section 6, day states)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.late_markers import late_days
from processing.domain.stream_state import DayRecord, Published, StreamState

TODAY = date(2026, 11, 20)
YESTERDAY = TODAY - timedelta(days=1)
MARGIN = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def stream(delays: Sequence[float], *, last: date = YESTERDAY - timedelta(days=1)) -> StreamState:
    """Days up to `last`, whose markers came so many hours after their ends."""
    days = [last - timedelta(days=back) for back in reversed(range(len(delays)))]
    records = {
        day: DayRecord(cut=(), marked_at=PST.end_of(day) + timedelta(hours=hours))
        for day, hours in zip(days, delays, strict=True)
    }
    return StreamState(customer="acme", dataset=Dataset.METRICS, first_day=days[0] if days else last, days=records)


def late(state: StreamState, after_end: timedelta) -> bool:
    """Whether the marker of yesterday is late so long after its end."""
    return YESTERDAY in late_days(state, PST.end_of(YESTERDAY) + after_end, PST, MARGIN)


@pytest.mark.parametrize(
    ("delays", "habit"),
    [
        ([1, 2, 9], 2),
        ([9, 1, 2], 2),
        ([1, 2, 4, 20], 3),
        ([0, 0, 0], 0),
        # The last fourteen markers make the habit.
        ([20, *[2] * 7, *[4] * 7], 3),
        ([20, 20, *[2] * 7, *[4] * 7], 3),
    ],
)
def test_a_marker_is_late_when_it_is_later_than_the_median_and_the_margin(delays: list[float], habit: float) -> None:
    bound = timedelta(hours=habit) + MARGIN
    assert not late(stream(delays), bound)
    assert late(stream(delays), bound + SECOND)


@pytest.mark.parametrize(("delays", "has_habit"), [([], False), ([1], False), ([1, 1], False), ([1, 1, 1], True)])
def test_fewer_than_three_markers_make_no_habit(delays: list[float], has_habit: bool) -> None:
    assert late(stream(delays), timedelta(hours=23)) is has_habit


@pytest.mark.parametrize(("days_ago", "is_looked_at"), [(0, False), (1, True), (14, True), (15, False)])
def test_the_last_fourteen_days_are_looked_at_and_today_is_not(days_ago: int, is_looked_at: bool) -> None:
    state = stream([1, 1, 1], last=TODAY - timedelta(days=30))
    now = PST.end_of(TODAY) - SECOND
    assert (TODAY - timedelta(days=days_ago) in late_days(state, now, PST, MARGIN)) is is_looked_at


def test_a_day_that_has_not_ended_is_never_late_even_where_markers_come_before_the_end() -> None:
    state = stream([-5, -5, -5], last=TODAY - timedelta(days=30))
    assert TODAY not in late_days(state, PST.end_of(TODAY) - SECOND, PST, MARGIN)


def test_a_day_before_the_first_or_with_a_marker_is_not_late() -> None:
    state = stream([1, 1, 1], last=TODAY - timedelta(days=30))
    now = PST.end_of(TODAY) - SECOND
    begun = replace(state, first_day=YESTERDAY)
    assert late_days(begun, now, PST, MARGIN) == {YESTERDAY}
    assert late_days(replace(state, first_day=TODAY), now, PST, MARGIN) == set()
    assert late_days(replace(state, first_day=None), now, PST, MARGIN) == set()
    published = Published(seq=1, manifest="m", files=1, rows=1, superseded=0)
    for record in (DayRecord(cut=()), DayRecord(cut=("a",)), DayRecord(published=published)):
        assert late_days(replace(begun, days={**begun.days, YESTERDAY: record}), now, PST, MARGIN) == set()
    assert late_days(replace(begun, days={**begun.days, YESTERDAY: DayRecord()}), now, PST, MARGIN) == {YESTERDAY}
