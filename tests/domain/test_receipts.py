"""What a listing tells of a receipt fits its metadata, and long receipts stay short (contract section 5; protocol, Objects)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json, to_json
from processing.domain.receipts import InForce, Part, Receipt, ReceiptError, ReceiptSummary, Retry, RowCounts, UploadStatus

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = date(2026, 11, 18)
ATTEMPT = "a" * 32


def part(number: int, *, day: date = DAY, attempt: str = ATTEMPT) -> Part:
    name = PartName(dataset=Dataset.METRICS, customer="acme", day=day, attempt=attempt, number=number)
    return Part(name=str(name), rows=number + 1)


def receipt(*, days: int = 1, parts: tuple[Part, ...] = (), dataset: str = "metrics", in_force: bool = True) -> Receipt:
    held = InForce(
        etag="1",
        attempt=ATTEMPT,
        last_modified=NOW,
        sha256="0" * 64,
        days={DAY + timedelta(days=number): 1 for number in reversed(range(days))},
        parts=parts,
        trace="t",
    )
    return Receipt(
        blob=f"{dataset}/a.csv",
        customer="acme",
        dataset=dataset,
        etag="1",
        size=1,
        format="csv",
        status=UploadStatus.ACCEPTED,
        received_at=NOW,
        finished_at=NOW,
        in_force=held if in_force else None,
    )


@pytest.mark.parametrize(("days", "is_told"), [(1, True), (60, True), (61, False)])
def test_a_listing_tells_sixty_finished_days(days: int, is_told: bool) -> None:
    summary = ReceiptSummary.of(receipt(days=days, dataset="signals"))
    assert summary.marks == tuple(DAY + timedelta(days=number) for number in range(days))
    assert ReceiptSummary.from_metadata(summary.to_metadata()).marks == (summary.marks if is_told else None)


@pytest.mark.parametrize(("days", "is_told"), [(1, True), (40, True), (41, False)])
def test_a_listing_tells_the_parts_of_forty_days(days: int, is_told: bool) -> None:
    parts = tuple(part(number, day=DAY + timedelta(days=index)) for index in range(days) for number in range(2))
    summary = ReceiptSummary.of(receipt(parts=parts))
    expected = {(Dataset.METRICS, DAY + timedelta(days=index)): 2 for index in range(days)}
    assert summary.parts == expected
    assert ReceiptSummary.from_metadata(summary.to_metadata()).parts == (expected if is_told else None)


def test_metadata_at_its_bounds_is_ascii_and_below_two_kibibytes() -> None:
    parts = tuple(part(9_999, day=DAY + timedelta(days=index)) for index in range(40))
    failed = replace(
        receipt(parts=parts),
        retry=Retry(since=NOW, attempts=9, next_try=NOW),
        rows=RowCounts(read=10**8),
        error=ReceiptError(code="unreadable_here", message=""),
        md5="0" * 32,
    )
    metadata = ReceiptSummary.of(failed).to_metadata()
    assert all(f"{name}{value}".isascii() for name, value in metadata.items())
    assert sum(len(name) + len(value) for name, value in metadata.items()) < 2048
    assert ReceiptSummary.from_metadata(metadata) == ReceiptSummary.of(failed)


def test_what_is_absent_is_left_out_and_comes_back_as_absent() -> None:
    summary = ReceiptSummary.of(receipt(in_force=False))
    assert summary.to_metadata() == {"etag": "1", "status": "accepted"}
    assert ReceiptSummary.from_metadata(summary.to_metadata()) == summary
    unknown = ReceiptSummary.from_metadata({"etag": "1", "status": "accepted", "attempt": ATTEMPT})
    assert unknown.parts is None
    assert ReceiptSummary.from_metadata({**unknown.to_metadata(), "parts": ""}).parts == {}


@pytest.mark.parametrize("value", [7, None, ("accepted",)])
def test_a_status_is_a_word(value: Any) -> None:
    with pytest.raises(ValueError, match="Status"):
        UploadStatus(value)


def test_nothing_is_counted_that_was_not_read() -> None:
    assert RowCounts() == RowCounts(read=0, accepted=0, rejected=0, filtered=0)
    bare = ReceiptSummary(etag="1", status=UploadStatus.FAILED, attempt=None, in_force_modified=None, next_try=None)
    assert (bare.rows_read, bare.marks) == (0, ())
    assert from_json(Receipt, to_json(receipt(in_force=False))) == receipt(in_force=False)


def test_days_too_many_to_tell_stay_so_when_they_are_told_again() -> None:
    many = ReceiptSummary.from_metadata({"etag": "1", "status": "accepted", "marks": "many"})
    assert many.marks is None
    assert ReceiptSummary.from_metadata(many.to_metadata()).marks is None


def test_only_files_with_finished_dates_that_are_in_force_mark_days() -> None:
    assert ReceiptSummary.of(receipt(dataset="metrics")).marks == ()
    assert ReceiptSummary.of(receipt(dataset="signals", in_force=False)).marks == ()


@pytest.mark.parametrize(
    ("status", "is_answer"),
    [
        (UploadStatus.ACCEPTED, True),
        (UploadStatus.REJECTED, True),
        (UploadStatus.IGNORED, True),
        (UploadStatus.FAILED, False),
        (UploadStatus("newer"), True),
    ],
)
def test_a_failed_receipt_is_no_answer_and_one_of_another_version_is_not_current(status: UploadStatus, is_answer: bool) -> None:
    summary = ReceiptSummary.of(replace(receipt(), status=status))
    assert summary.answers("1") is is_answer
    assert not summary.answers("2")


@pytest.mark.parametrize(("count", "by_name"), [(1, True), (500, True), (501, False)])
def test_more_than_five_hundred_parts_are_written_by_their_rows(count: int, by_name: bool) -> None:
    written = receipt(parts=tuple(part(number) for number in range(count)))
    data = to_json(written)
    assert (b"part_rows" not in data) is by_name
    assert (b'"schema_version": 1' in data) is by_name
    assert from_json(Receipt, data) == written


@pytest.mark.parametrize("odd", [Part(name="elsewhere", rows=1), part(900), part(501, attempt="b" * 32)])
def test_parts_whose_names_do_not_follow_from_their_numbers_are_written_by_name(odd: Part) -> None:
    written = receipt(parts=(*(part(number) for number in range(501)), odd))
    assert b"part_rows" not in to_json(written)
    assert from_json(Receipt, to_json(written)) == written


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"in_force": null}', b'{"customer": "acme"}'])
def test_what_is_no_receipt_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(ValueError, match="Receipt"):
        from_json(Receipt, data)
