"""What a day's cut holds, when it is taken, and what a manifest adds to it (contract sections 4 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.days import PST
from processing.domain.readiness.advance import advance, due_day, due_days, needs_answers, needs_listing
from processing.domain.readiness.cuts import (
    LONGEST_LIST,
    Judged,
    compared_with_manifest,
    count_missing,
    is_complete,
    last_cut,
    waits_for,
    with_new_cut,
)
from processing.domain.readiness.observation import ListedMarker, ListedUpload, Observation, ReadinessPolicy
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.domain.stream_state import DayRecord, DayState, ExpectedFile, MarkerRef, Published, StreamState

POLICY = ReadinessPolicy()
D1, D2, D3 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
NOW = PST.end_of(D3) + timedelta(hours=5)
WRITTEN = NOW - timedelta(hours=2)
SECOND = timedelta(seconds=1)
STARTED = StreamState(customer="acme", dataset=Dataset.METRICS, first_day=D1)
MD5 = "0" * 32
PUBLISHED = Published(seq=1, manifest="m", files=1, rows=1, superseded=0)


def marker(day: date = D1, *, etag: str = "1", written: datetime = WRITTEN, name: str | None = None) -> ListedMarker:
    return ListedMarker(day=day, ref=MarkerRef(name=name or f"signals/{day}", etag=etag), written=written, own=False)


def receipt(
    status: UploadStatus = UploadStatus.ACCEPTED, *, etag: str = "1", rows: int = 0, md5: str | None = None
) -> ReceiptSummary:
    return ReceiptSummary(
        etag=etag, status=status, attempt=None, in_force_modified=None, next_try=None, rows_read=rows, md5=md5
    )


def seen(
    *markers: ListedMarker,
    uploads: Mapping[str, datetime] | None = None,
    receipts: Mapping[str, ReceiptSummary] | None = None,
    now: datetime = NOW,
) -> Observation:
    found = {name: ListedUpload(etag="1", modified=modified) for name, modified in (uploads or {}).items()}
    return Observation(now=now, markers=markers, uploads=found, receipts=receipts or {})


@pytest.mark.parametrize(("age", "takes_effect"), [(59, False), (60, True), (61, True)])
def test_a_marker_takes_effect_sixty_seconds_after_it_was_written(age: int, takes_effect: bool) -> None:
    state = advance(STARTED, seen(marker(written=NOW - timedelta(seconds=age))), POLICY, PST)
    assert (D1 in state.days) is takes_effect


def test_a_marker_takes_effect_when_its_day_has_ended_and_not_before() -> None:
    early = marker(D3, written=PST.start_of(D3))
    assert D3 not in advance(STARTED, seen(early, now=PST.end_of(D3) - SECOND), POLICY, PST).days
    assert D3 in advance(STARTED, seen(early, now=PST.end_of(D3)), POLICY, PST).days


@pytest.mark.parametrize(("days_ahead", "is_taken"), [(1, True), (2, False)])
def test_a_marker_may_be_a_day_ahead_of_its_writing_and_not_two(days_ahead: int, is_taken: bool) -> None:
    state = advance(STARTED, seen(marker(D3, written=PST.start_of(D3 - timedelta(days=days_ahead)))), POLICY, PST)
    assert (D3 in state.days) is is_taken


def test_the_day_remembers_when_its_first_marker_was_written_and_when_it_was_cut() -> None:
    markers = [marker(written=WRITTEN, name="signals/a"), marker(written=WRITTEN - SECOND, name="signals/b")]
    record = advance(STARTED, seen(*markers), POLICY, PST).days[D1]
    assert (record.marked_at, record.cut_at, record.round) == (WRITTEN - SECOND, NOW, 1)


@pytest.mark.parametrize(("after_the_cut", "is_named"), [(-SECOND, False), (timedelta(0), True), (SECOND, True)])
def test_a_refused_file_is_named_by_the_first_day_that_is_cut_after_it(after_the_cut: timedelta, is_named: bool) -> None:
    first = advance(STARTED, seen(marker(D1), now=NOW - timedelta(minutes=10)), POLICY, PST)
    uploads = {"bad": NOW - timedelta(minutes=10) + after_the_cut}
    state = advance(
        first, seen(marker(D1), marker(D2), uploads=uploads, receipts={"bad": receipt(UploadStatus.REJECTED)}), POLICY, PST
    )
    assert (state.days[D2].refused == ("bad",)) is is_named
    assert state.days[D1].refused == ()


def test_a_new_cut_holds_refused_files_only_where_they_are_waited_for() -> None:
    look = seen(uploads={"bad": WRITTEN, "new": WRITTEN}, receipts={"bad": receipt(UploadStatus.REJECTED)})
    waiting = replace(POLICY, wait_for_refused=True)
    for policy, cut, refused in ((POLICY, ("new",), ("bad",)), (waiting, ("bad", "new"), ())):
        record = with_new_cut(DayRecord(), (), look, Judged.of(look), policy, last_cut=None)
        assert (record.cut, record.refused) == (cut, refused)


def test_a_new_cut_begins_anew_and_keeps_when_the_day_was_first_marked() -> None:
    old = DayRecord(cut=(), marked_at=WRITTEN, expected_count=9, expected_in="list", mismatch="x", tries=2, round=4)
    look = seen()
    record = with_new_cut(old, (marker(written=NOW),), look, Judged.of(look), POLICY, last_cut=None)
    assert record == DayRecord(cut=(), cut_at=NOW, marked_at=WRITTEN, round=5)
    assert with_new_cut(DayRecord(), (), look, Judged.of(look), POLICY, last_cut=None).marked_at is None


def test_a_name_that_is_gone_frees_itself_alone() -> None:
    state = advance(STARTED, seen(marker(), uploads={"a": WRITTEN, "b": WRITTEN}), POLICY, PST)
    assert advance(state, seen(marker(), uploads={"b": WRITTEN}), POLICY, PST).days[D1].cut == ("b",)


def test_the_last_cut_is_that_of_any_day_of_the_stream() -> None:
    days = {D1: DayRecord(cut_at=NOW), D2: DayRecord(cut_at=NOW + SECOND), D3: DayRecord()}
    assert last_cut(days) == NOW + SECOND
    assert last_cut({D3: DayRecord()}) is None


def test_of_days_that_one_look_cuts_the_first_names_the_refused_files() -> None:
    uploads, receipts = {"bad": WRITTEN}, {"bad": receipt(UploadStatus.REJECTED)}
    state = advance(STARTED, seen(marker(D1), marker(D2), uploads=uploads, receipts=receipts), POLICY, PST)
    assert (state.days[D1].refused, state.days[D2].refused) == (("bad",), ())


def test_days_that_one_look_cuts_share_one_list_of_names() -> None:
    state = advance(STARTED, seen(marker(D1), marker(D2), uploads={"a": WRITTEN}), POLICY, PST)
    assert state.days[D1].cut == ("a",)
    assert state.days[D1].cut is state.days[D2].cut


def test_a_day_may_wait_for_refused_files_until_they_are_mended_or_gone() -> None:
    policy = replace(POLICY, wait_for_refused=True)
    uploads, refused = {"bad": WRITTEN, "new": WRITTEN}, {"bad": receipt(UploadStatus.REJECTED)}
    state = advance(STARTED, seen(marker(), uploads=uploads, receipts=refused), policy, PST)
    assert (state.days[D1].cut, state.days[D1].refused) == (("bad", "new"), ())
    rejected = {"bad": receipt(UploadStatus.REJECTED), "new": receipt(UploadStatus.REJECTED)}
    still = advance(state, seen(marker(), uploads=uploads, receipts=rejected), policy, PST)
    assert still.days[D1].cut == ("bad", "new")
    fixed = advance(still, seen(marker(), uploads={"new": WRITTEN}, receipts={"new": receipt()}), policy, PST)
    assert (fixed.days[D1].cut, fixed.days[D1].refused) == ((), ())


@pytest.mark.parametrize("is_published", [False, True])
def test_a_marker_that_is_uploaded_again_cuts_its_day_again(is_published: bool) -> None:
    cut = advance(STARTED, seen(marker()), POLICY, PST)
    if is_published:
        cut = replace(cut, days={D1: replace(cut.days[D1], published=PUBLISHED)})
    again = marker(etag="2")
    assert not needs_listing(cut, NOW, [marker()], POLICY, PST)
    assert needs_listing(cut, NOW, [again], POLICY, PST)
    record = advance(cut, seen(again, uploads={"a": WRITTEN}), POLICY, PST).days[D1]
    assert (record.round, record.cut) == (2, ("a",))
    assert record.reprocess == ("signals/2026-11-16 was uploaded again" if is_published else None)


def test_a_marker_of_several_days_that_is_uploaded_again_forces_none() -> None:
    many = replace(marker(), alone=False)
    cut = advance(STARTED, seen(many), POLICY, PST)
    again = replace(many, ref=MarkerRef(name=many.ref.name, etag="2"))
    assert not needs_listing(cut, NOW, [again], POLICY, PST)
    record = advance(cut, seen(again, uploads={"a": WRITTEN}), POLICY, PST).days[D1]
    assert (record.round, record.cut, record.markers) == (1, (), (again.ref,))


def test_a_day_remembers_a_thousand_markers() -> None:
    markers = [marker(name=f"signals/metrics/{number:05d}.csv") for number in range(1001)]
    assert len(advance(STARTED, seen(*markers[:1000]), POLICY, PST).days[D1].markers) == 1000
    assert len(advance(STARTED, seen(*markers), POLICY, PST).days[D1].markers) == 1000


def test_inferred_gaps_are_marked_by_the_next_marker_without_its_manifest() -> None:
    policy = replace(POLICY, infer_gaps=True)
    named = replace(marker(D3), expected=(ExpectedFile(name="metrics/a.csv"),))
    assert list(advance(STARTED, seen(named), POLICY, PST).days) == [D3]
    state = advance(STARTED, seen(named), policy, PST)
    assert list(state.days) == [D1, D2, D3]
    assert [len(record.expected_files) for record in state.days.values()] == [0, 0, 1]
    assert state.days[D1].markers == (named.ref,)
    assert needs_listing(STARTED, NOW, [named], policy, PST)
    assert advance(STARTED, seen(), policy, PST).days == {}
    begin = replace(STARTED, first_day=date.min)
    assert len(advance(begin, seen(marker(date.min + timedelta(days=2), written=WRITTEN)), policy, PST).days) == 3


def expected(count: int) -> tuple[ExpectedFile, ...]:
    return tuple(ExpectedFile(name=f"metrics/{number:04d}.csv", rows=5, md5=MD5) for number in range(count))


@pytest.mark.parametrize(
    ("answer", "mismatch"),
    [
        (None, None),
        (receipt(UploadStatus.FAILED, rows=5, md5=MD5), None),
        (receipt(rows=5, md5=MD5, etag="0"), None),
        (receipt(UploadStatus.REJECTED, rows=5, md5=MD5), "metrics/0000.csv was refused"),
        (receipt(rows=4, md5=MD5), "metrics/0000.csv has 4 rows where the manifest says 5"),
        (receipt(rows=5, md5="1" * 32), "metrics/0000.csv has another MD5 than the manifest says"),
        (receipt(rows=5), "metrics/0000.csv was taken in before its MD5 was kept: upload it again"),
    ],
)
def test_a_file_that_a_manifest_names_holds_its_day_until_it_is_in_as_it_says(
    answer: ReceiptSummary | None, mismatch: str | None
) -> None:
    record = DayRecord(cut=(), expected_files=expected(1))
    uploads, name = {"metrics/0000.csv": WRITTEN}, "metrics/0000.csv"
    held = compared_with_manifest(record, seen(uploads=uploads, receipts={} if answer is None else {name: answer}))
    assert (held.expected_files, held.mismatch) == (record.expected_files, mismatch)
    assert not is_complete(held)
    free = compared_with_manifest(record, seen(uploads=uploads, receipts={name: receipt(rows=5, md5=MD5)}))
    assert (free.expected_files, free.mismatch) == ((), None)
    assert is_complete(free)


def test_a_manifest_may_name_files_without_rows_and_md5() -> None:
    record = DayRecord(cut=(), expected_files=(ExpectedFile(name="metrics/a.csv"),))
    for answer in (receipt(rows=5, md5=MD5), receipt(rows=5)):
        assert is_complete(compared_with_manifest(record, seen(receipts={"metrics/a.csv": answer})))


@pytest.mark.parametrize(("wrong", "more"), [(1, None), (5, None), (6, "and 1 more"), (8, "and 3 more")])
def test_five_differences_of_a_manifest_are_shown(wrong: int, more: str | None) -> None:
    files = expected(wrong)
    refused = {each.name: receipt(UploadStatus.REJECTED) for each in files}
    mismatch = compared_with_manifest(DayRecord(cut=(), expected_files=files), seen(receipts=refused)).mismatch
    assert mismatch is not None
    shown = [f"{each.name} was refused" for each in files[:5]]
    assert mismatch.split("; ") == [*shown, *([more] if more else [])]


def test_a_long_list_of_expected_files_shows_a_hundred_and_counts_all() -> None:
    files, record = expected(250), DayRecord(cut=("a",), expected_in="list")
    look = replace(seen(), expected={"list": files})
    assert LONGEST_LIST == 100
    held = compared_with_manifest(record, look)
    assert (held.expected_files, held.expected_count, held.expected_in) == (files[:100], 250, "list")
    assert count_missing(held) == 251
    assert count_missing(DayRecord(cut=("a",), expected_files=files[:2], expected_count=9)) == 3
    assert count_missing(DayRecord(expected_files=files[:2])) == 2
    assert not is_complete(replace(held, cut=(), expected_files=()))
    assert compared_with_manifest(held, seen()) == held
    done = replace(look, receipts={each.name: receipt(rows=5, md5=MD5) for each in files})
    free = compared_with_manifest(held, done)
    assert (free.expected_files, free.expected_count, free.expected_in) == ((), 0, None)
    short = compared_with_manifest(DayRecord(cut=(), expected_files=files), seen())
    assert (short.expected_files, short.expected_count) == (files, 0)


def test_what_a_day_waits_for_is_named_up_to_a_bound() -> None:
    record = DayRecord(cut=("a", "b"), expected_files=(ExpectedFile(name="c"),))
    assert waits_for(record, most=2) == ("a", "b")
    assert waits_for(record, most=3) == ("a", "b", "c (named by the manifest)")
    many = {f"{number:03d}": WRITTEN for number in range(101)}
    state = advance(STARTED, seen(marker(), uploads=many), POLICY, PST)
    assert len(state.days[D1].waiting_for) == 100
    assert state.days[D1].history[-1].cause == "101 uploads are not in yet"


@pytest.mark.parametrize(("before", "is_due"), [(SECOND, False), (timedelta(0), True)])
def test_a_day_that_failed_rests_until_its_next_try(before: timedelta, is_due: bool) -> None:
    state = replace(STARTED, days={D1: DayRecord(cut=(), failures=1, next_try=NOW)})
    assert due_day(state, NOW - before) == (D1 if is_due else None)
    assert list(due_days(state)) == [D1]


def test_a_published_day_is_due_beside_the_next_in_order_when_it_is_to_be_processed_again() -> None:
    again = DayRecord(cut=(), published=PUBLISHED, reprocess="why")
    days = {D1: DayRecord(cut=(), published=PUBLISHED), D2: again, D3: DayRecord(cut=(), state=DayState.READY)}
    state = replace(STARTED, days=days)
    assert list(due_days(state)) == [D2, D3]
    assert due_day(state, NOW) == D2
    resting = replace(state, days={**days, D2: replace(again, next_try=NOW + SECOND)})
    assert due_day(resting, NOW) == D3
    assert list(due_days(replace(STARTED, days={**days, D2: replace(again, cut=None)}))) == [D3]
    assert list(due_days(replace(STARTED, days={**days, D2: replace(again, cut=("a",))}))) == [D3]
    assert list(due_days(replace(state, first_day=None))) == [D2]


@pytest.mark.parametrize(
    ("record", "is_listed", "is_asked"),
    [
        (DayRecord(), False, False),
        (DayRecord(cut=()), False, False),
        (DayRecord(cut=("a",)), False, True),
        (DayRecord(cut=(), expected_files=(ExpectedFile(name="metrics/a.csv"),)), False, True),
        (DayRecord(cut=(), expected_in="list"), False, True),
        (DayRecord(cut=None, published=PUBLISHED, reprocess="why"), True, False),
        (DayRecord(cut=(), published=PUBLISHED, reprocess="why"), False, False),
    ],
)
def test_uploads_are_listed_for_a_cut_and_asked_for_by_name_while_a_day_waits_for_them(
    record: DayRecord, is_listed: bool, is_asked: bool
) -> None:
    state = replace(STARTED, days={D1: record})
    assert (needs_listing(state, NOW, [], POLICY, PST), needs_answers(state)) == (is_listed, is_asked)


def test_a_marker_of_a_day_before_the_first_or_of_a_closed_one_changes_nothing() -> None:
    early = marker(D1 - timedelta(days=1))
    assert not needs_listing(STARTED, NOW, [early], POLICY, PST)
    assert advance(STARTED, seen(early), POLICY, PST).days == {}
    done = DayRecord(cut=(), published=PUBLISHED, markers=(marker().ref,))
    closed, again = replace(STARTED, closed_through=D1, days={D1: done}), marker(etag="2")
    assert not needs_listing(closed, NOW, [again], POLICY, PST)
    record = advance(closed, seen(again), POLICY, PST).days[D1]
    assert (record.markers, record.reprocess, record.cut) == (done.markers, None, ())


def test_inferred_gaps_lie_between_marked_days_too_and_are_not_cut_again_by_their_marker() -> None:
    policy = replace(POLICY, infer_gaps=True)
    state = advance(STARTED, seen(marker(D1), marker(D3)), policy, PST)
    assert {day: record.markers for day, record in state.days.items()} == {
        D1: (marker(D1).ref,),
        D2: (marker(D3).ref,),
        D3: (marker(D3).ref,),
    }
    again = advance(state, seen(marker(D1), marker(D3, etag="2")), policy, PST)
    assert [record.round for record in again.days.values()] == [1, 1, 2]


@pytest.mark.parametrize(("before", "now", "after"), [(False, False, False), (True, False, True), (False, True, True)])
def test_a_stream_that_once_had_markers_of_its_own_has_them_for_good(before: bool, now: bool, after: bool) -> None:
    look = replace(seen(), own_markers=now)
    assert advance(replace(STARTED, own_markers=before, stopped="x"), look, POLICY, PST) == replace(STARTED, own_markers=after)


def test_a_day_that_is_processed_again_is_cut_though_its_marker_is_gone() -> None:
    again = DayRecord(cut=None, published=PUBLISHED, reprocess="why")
    record = advance(replace(STARTED, days={D1: again, D2: DayRecord()}), seen(uploads={"a": WRITTEN}), POLICY, PST)
    assert record.days[D1].cut == ("a",)
    assert record.days[D2].cut is None
