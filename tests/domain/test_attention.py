"""What status says of a stream: what stands still and why, who acts, and the one thing to do (contract section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from processing.domain.attention.model import Actor, Attention, AttentionCode, StagedDay
from processing.domain.attention.of_streams import StreamFacts, attention_of_stream
from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.observation import ListedMarker, ReadinessPolicy
from processing.domain.stream_state import (
    ClosedDays,
    DayChange,
    DayRecord,
    DayState,
    ExpectedFile,
    MarkerRef,
    Opening,
    Published,
    StreamState,
)

D1, D2, D3, D4 = (date(2026, 11, day) for day in (16, 17, 18, 19))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The PST day of which is 2026-11-20."""
PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1000, superseded=0, rows_in=1000, carried="x")
DONE = DayRecord(state=DayState.PROCESSED, cut=(), published=PUBLISHED)
WAITING = DayRecord(state=DayState.WAITING, cut=())
STREAM = StreamState(customer="acme", dataset=Dataset.METRICS, first_day=D1, seq=1, days={D1: DONE})
NEW = StreamState(customer="acme", dataset=Dataset.METRICS)


def marker(day: date, *, hours_ago: float = 24.0) -> ListedMarker:
    ref = MarkerRef(name=f"signals/{day}", etag="1")
    return ListedMarker(day=day, ref=ref, written=NOW - timedelta(hours=hours_ago), own=False)


def told(
    state: StreamState,
    *markers: ListedMarker,
    staged: Mapping[date, int] | None = None,
    policy: ReadinessPolicy | None = None,
    now: datetime = NOW,
) -> dict[AttentionCode, Attention]:
    rows = {day: StagedDay(files=1, rows=count, oldest=D4) for day, count in (staged or {}).items()}
    facts = StreamFacts(now=now, zone=PST, policy=policy or ReadinessPolicy(), markers=markers, staged=rows, keep_staged=60)
    found = attention_of_stream(state, facts)
    assert all(each.message and each.do and not each.message.endswith(".") for each in found)
    return {each.code: each for each in found}


def test_a_stream_in_order_needs_nobody() -> None:
    assert told(replace(STREAM, days={D1: DONE, D2: DONE, D3: DONE, D4: DONE}), marker(D4)) == {}


def test_the_first_day_without_a_marker_is_named_with_all_that_waits_for_it() -> None:
    state = replace(STREAM, days={D1: DONE, D3: WAITING, D4: WAITING})
    found = told(state, marker(D3), marker(D4))[AttentionCode.DAY_NOT_MARKED]
    assert (found.day, found.who) == (D2, Actor.CUSTOMER)
    assert found.message == "2026-11-17 has no marker, and 2 later days cannot go on without it: 2026-11-18, 2026-11-19"
    assert "signals/metrics/2026-11-17" in found.do
    assert "dropzone ready acme 2026-11-17 --dataset metrics" in found.do
    assert AttentionCode.DAY_NOT_MARKED not in told(state, marker(D3), policy=ReadinessPolicy(infer_gaps=True))


def test_rows_without_any_marker_are_told() -> None:
    found = told(NEW, staged={D2: 10, D3: 5})[AttentionCode.NO_MARKER]
    assert found.message == "15 rows of 2 days (2026-11-17 to 2026-11-18) came, and no day was ever marked"
    assert found.who is Actor.CUSTOMER
    assert "signals/metrics/2026-11-17" in found.do
    assert told(NEW) == {}


@pytest.mark.parametrize(("staged", "says"), [({}, "no row of a later day"), ({D3: 7}, "rows of 1 later day have come")])
def test_a_stream_that_fell_silent_is_told_after_three_days(staged: dict[date, int], says: str) -> None:
    assert AttentionCode.STREAM_SILENT not in told(STREAM, staged=staged, now=NOW - timedelta(days=1))
    found = told(STREAM, staged=staged)[AttentionCode.STREAM_SILENT]
    assert found.message.startswith("no day after 2026-11-16 was marked, though 3 have ended since")
    assert says in found.message
    assert found.day == D2


def test_a_stream_whose_last_days_are_closed_falls_silent_too() -> None:
    closed = ClosedDays(first=D1, last=D2, document="d")
    found = told(replace(STREAM, days={}, closed=(closed,), closed_through=D2), now=NOW + timedelta(days=90))
    assert found[AttentionCode.STREAM_SILENT].day == D3


def test_a_marker_before_its_day_ends_says_when_it_takes_effect() -> None:
    today = PST.day_of(NOW)
    found = told(replace(STREAM, days={D1: DONE, D2: DONE, D3: DONE, D4: DONE}), marker(today))
    assert found[AttentionCode.DAY_NOT_OVER].message == (
        f"signals/{today} marks {today} and takes effect at 2026-11-21T08:00:00Z, when {today} has ended"
    )
    assert found[AttentionCode.DAY_NOT_OVER].who is Actor.DROPZONE


def test_a_marker_that_has_not_settled_says_until_when() -> None:
    state = replace(STREAM, days={D1: DONE, D2: DONE, D3: DONE})
    found = told(state, marker(D4, hours_ago=0.01))[AttentionCode.MARKER_SETTLING]
    assert "takes effect at 2026-11-20T12:00:24Z" in found.message


def test_why_the_first_day_is_not_fixed() -> None:
    young = told(NEW, marker(D2, hours_ago=0.5), staged={D2: 1})[AttentionCode.FIRST_DAY_OPEN]
    assert "fixed at 2026-11-20T12:30:00Z" in young.do
    opening = Opening(markers="m", cut=("metrics/a.csv", "metrics/b.csv"), at=NOW)
    waits = told(replace(NEW, opening=opening), marker(D2), staged={D2: 1})[AttentionCode.FIRST_DAY_OPEN]
    assert "2 uploads that came before the markers are answered: metrics/a.csv, metrics/b.csv" in waits.message
    elsewhere = told(NEW, marker(D2), staged={D1: 1})[AttentionCode.FIRST_DAY_OPEN]
    assert (elsewhere.who, "no marked day of the last 28 has rows" in elsewhere.message) == (Actor.CUSTOMER, True)
    nothing = told(NEW, marker(D2))[AttentionCode.FIRST_DAY_OPEN]
    assert "no row has come" in nothing.message
    assert all("dropzone first-day acme metrics DATE" in each.do for each in (young, waits, elsewhere, nothing))


def test_rows_before_the_first_day_say_how_and_until_when_they_are_taken_in() -> None:
    state = replace(STREAM, first_day=D3, days={D3: DONE})
    found = told(state, marker(D4), staged={D1: 10, D2: 20, D3: 30})[AttentionCode.EARLIER_ROWS]
    assert (
        found.message == "30 rows of 2 days from 2026-11-16 on came for days before the first, 2026-11-18, and are in no result"
    )
    assert found.do.startswith("`dropzone first-day acme metrics 2026-11-16` takes them in, until 2027-01-18")
    named = told(state, marker(D4), staged={D1: 10}, policy=ReadinessPolicy(first_day=D3))[AttentionCode.EARLIER_ROWS]
    assert named.do.startswith("set first_day: 2026-11-16 in customers/acme.yaml")


CHANGE = DayChange(inputs="i", carried="x", joined=50, left=5)


@pytest.mark.parametrize(
    ("policy", "change", "why"),
    [
        (ReadinessPolicy(hold_late=True), CHANGE, "late_policy: hold keeps it as it is"),
        (ReadinessPolicy(late_threshold=0.1), CHANGE, "that is no more than 0.1 of its 1,000 rows"),
        (ReadinessPolicy(), CHANGE, "it was more than 14 days old, and so only until 2026-11-30 by itself"),
    ],
)
def test_a_changed_day_says_why_it_is_not_processed_again(policy: ReadinessPolicy, change: DayChange, why: str) -> None:
    record = replace(DONE, state=DayState.CHANGED, change=change)
    found = told(replace(STREAM, days={D1: record}), marker(D4), policy=policy)[AttentionCode.DAY_CHANGED]
    assert found.message == (
        f"2026-11-16 changed since it was published (50 rows joined and 5 left) and is not processed again by itself: {why}"
    )
    assert "`dropzone reprocess acme metrics 2026-11-16`" in found.do


def test_a_day_that_an_earlier_one_changes_needs_nobody() -> None:
    record = replace(DONE, state=DayState.CHANGED, change=replace(CHANGE, carried="y"))
    assert told(replace(STREAM, days={D1: record}), marker(D4))[AttentionCode.DAY_CHANGED].who is Actor.DROPZONE


def test_a_failed_day_says_what_failed_when_it_is_tried_again_and_how_to_try_it_now() -> None:
    record = DayRecord(state=DayState.FAILED, cut=(), error="the table is locked", next_try=NOW + timedelta(minutes=2))
    found = told(replace(STREAM, days={D1: DONE, D2: record}), marker(D4))[AttentionCode.DAY_FAILED]
    assert found.message == "2026-11-17 failed: the table is locked, and is tried again at 2026-11-20T12:02:00Z"
    assert "dropzone retry acme --dataset metrics" in found.do
    wrong = DayRecord(state=DayState.FAILED, mismatch="metrics/a.csv was refused")
    found = told(replace(STREAM, days={D1: DONE, D2: wrong}), marker(D4))[AttentionCode.DAY_FAILED]
    assert (found.who, "differs from its manifest" in found.message) == (Actor.CUSTOMER, True)


def test_what_a_day_waits_for_says_who_acts() -> None:
    def waiting(record: DayRecord, policy: ReadinessPolicy | None = None) -> Attention:
        state = replace(STREAM, days={D1: DONE, D2: replace(record, state=DayState.WAITING)})
        return told(state, marker(D4), policy=policy)[AttentionCode.DAY_WAITING]

    unread = DayRecord(cut=("metrics/a.csv",))
    assert waiting(unread).who is Actor.DROPZONE
    assert "1 upload without an answer: metrics/a.csv" in waiting(unread).message
    assert waiting(unread, ReadinessPolicy(wait_for_refused=True)).who is Actor.CUSTOMER
    named = waiting(DayRecord(cut=(), expected_files=(ExpectedFile(name="metrics/b.csv"),)))
    assert (named.who, "its manifest names: metrics/b.csv" in named.message) == (Actor.CUSTOMER, True)


def test_a_stream_that_stands_still_comes_first() -> None:
    found = told(replace(STREAM, stopped="a receipt is gone: restore it", days={D1: DONE, D3: WAITING}), marker(D3))
    assert next(iter(found)) is AttentionCode.STREAM_STOPPED
    assert "a receipt is gone: restore it" in found[AttentionCode.STREAM_STOPPED].message
