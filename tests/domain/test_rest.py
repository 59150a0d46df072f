"""A stream at rest is looked at once an hour; any other one whenever the timer comes (contract section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.observation import ReadinessPolicy
from processing.domain.readiness.rest import SeenSignal, is_at_rest
from processing.domain.stream_state import DayRecord, MarkerRef, Published, StreamState

D1, D2, D3 = (date(2026, 11, day) for day in (16, 17, 18))
NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1, superseded=0)
KNOWN = MarkerRef(name="signals/2026-11-17", etag="1")
DONE = DayRecord(cut=(), published=PUBLISHED, markers=(KNOWN,))
REST = StreamState(
    customer="acme",
    dataset=Dataset.METRICS,
    seq=2,
    first_day=D1,
    compared_at=NOW - timedelta(minutes=30),
    days={D1: DONE, D2: DONE, D3: DayRecord()},
)


def rests(state: StreamState, *signals: SeenSignal, now: datetime = NOW) -> bool:
    return is_at_rest(state, signals, now, ReadinessPolicy(), PST)


def signal(day: date | None, etag: str = "1", *, written: datetime = NOW - timedelta(days=1)) -> SeenSignal:
    return SeenSignal(ref=MarkerRef(name=f"signals/{day or 'dates.csv'}", etag=etag), written=written, day=day)


def test_nothing_is_due_and_nobody_marked_anything() -> None:
    assert rests(REST)
    assert rests(REST, signal(D2))


@pytest.mark.parametrize(
    "change",
    [
        lambda state: replace(state, first_day=None),
        lambda state: replace(state, compared_at=None),
        lambda state: replace(state, compared_at=NOW - timedelta(hours=1)),
        lambda state: replace(state, pending=D2),
        lambda state: replace(state, stopped="a table is lost"),
        lambda state: replace(state, days={**state.days, D3: DayRecord(cut=())}),
        lambda state: replace(state, days={**state.days, D3: DayRecord(cut=("metrics/a.csv",))}),
        lambda state: replace(state, days={**state.days, D2: replace(DONE, cut=("metrics/a.csv",))}),
        lambda state: replace(state, days={**state.days, D2: replace(DONE, reprocess="asked")}),
        lambda state: replace(state, days={**state.days, D2: replace(DONE, next_try=NOW)}),
    ],
)
def test_a_stream_with_work_or_whose_hour_has_come_does_not_rest(change: Callable[[StreamState], StreamState]) -> None:
    assert not rests(change(REST))


def test_a_new_marker_ends_the_rest_and_so_does_another_version_of_a_known_one() -> None:
    assert not rests(REST, signal(D3))
    assert not rests(REST, signal(D2, etag="2"))


def test_a_marker_says_nothing_before_its_day_has_ended_or_of_days_that_are_not_asked_for() -> None:
    today = PST.day_of(NOW)
    assert rests(REST, signal(today))
    assert not rests(REST, signal(today), now=PST.end_of(today)) or REST.compared_at is None
    assert rests(REST, signal(D1 - timedelta(days=1)))
    assert rests(replace(REST, closed_through=D1), signal(D1, etag="2"))


def test_a_file_of_finished_dates_ends_the_rest_for_as_long_as_its_answer_may_take() -> None:
    assert not rests(REST, signal(None, written=NOW - timedelta(hours=2)))
    assert rests(REST, signal(None, written=NOW - timedelta(hours=3)))
