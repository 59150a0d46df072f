"""Names: what is printed parses back, and no customer's text leaves the customer's containers (contract section 2)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from processing.domain import blob_names as names
from processing.domain.blob_names import DataFile, DayDocument, Marker, Misplaced, MissedMarker, NotData, PartName, SignalFile
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.streams import Stream
from processing.ingest.fixes.open_fixes import every_ending

uploads = st.text(st.characters(codec=None), min_size=1, max_size=1_024) | st.builds(
    "{}/{}".format,
    st.sampled_from(["metrics", "events", "signals", "exposures", "_long", "metrics/_long", "days"]),
    st.text(min_size=1, max_size=1_000),
)
words = st.text("abyz09", min_size=1, max_size=12)
customers = st.lists(words, min_size=2, max_size=3).map("-".join)
attempts = st.binary(min_size=16, max_size=16).map(bytes.hex)
days = st.dates()
parts = st.builds(
    PartName,
    dataset=st.sampled_from(DATA_DATASETS),
    customer=customers,
    day=days,
    attempt=attempts,
    number=st.integers(0, 10**7),
)


@given(parts)
def test_a_part_parses_from_its_own_name(part: PartName) -> None:
    assert PartName.parse(str(part)) == part


@given(parts, st.text(min_size=1, max_size=3))
def test_nothing_else_parses_as_a_part(part: PartName, more: str) -> None:
    assert PartName.parse(str(part) + more) is None
    assert PartName.parse(more + str(part)) is None


@given(customers)
def test_a_customer_is_found_from_the_drop_container(customer: str) -> None:
    assert names.customer_of_drop_container(names.drop_container(customer)) == customer
    assert names.customer_of_drop_container(names.receipts_container(customer)) is None
    for container in (names.drop_container, names.receipts_container, names.results_container):
        assert len(container(customer)) <= 63


@pytest.mark.parametrize("name", ["ab", "a" * 51, "Acme", "a--b", "-ab", "ab-", "a_b", "acmé", "a b", "acme\n", ""])
def test_other_names_are_no_customers(name: str) -> None:
    assert not names.is_customer_name(name)
    assert names.customer_of_drop_container(f"drop-{name}") is None


@given(uploads)
@example("metrics/" + "x" * 1_016)
@example("metrics/a\x01.csv")
@example("metrics/_long/" + "0" * 64)
def test_a_receipt_has_a_storable_name_that_leads_back(upload: str) -> None:
    receipt = names.receipt_name(upload)
    assert names.is_receipt(receipt)
    assert len(receipt) <= names.LONGEST_RECEIPT_NAME
    assert not names._UNLISTABLE.search(receipt)
    assert names.upload_of_receipt(receipt) in (upload, None)


@given(uploads, uploads)
@example("metrics/_long/x", "metrics/x")
def test_two_uploads_never_share_a_receipt(one: str, other: str) -> None:
    assume(one != other)
    assert names.receipt_name(one) != names.receipt_name(other)


@given(uploads, attempts)
def test_rejected_rows_are_never_taken_for_a_receipt(upload: str, attempt: str) -> None:
    rejected = names.rejected_name(upload, attempt)
    assert not names.is_receipt(rejected)
    assert not names._UNLISTABLE.search(rejected)
    assert len(rejected) <= 1_024


@given(st.sampled_from(["", "metrics/", "events/", "exposures/"]), days, st.sampled_from(["", ".json", ".tar.gz", "/_SUCCESS"]))
def test_a_marker_names_one_day_and_maybe_one_dataset(folder: str, day: date, ending: str) -> None:
    kind = names.kind_of_upload(f"signals/{folder}{day.isoformat()}{ending}")
    assert kind == Marker(dataset=Dataset(folder[:-1]) if folder else None, day=day)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("metrics/a.csv", DataFile(dataset=Dataset.METRICS)),
        ("metrics/2026-11-18", DataFile(dataset=Dataset.METRICS)),
        ("2026-11-18/metrics", Misplaced(hint="metrics/")),
        ("other/2026-11-18", Misplaced(hint="metrics/", marker="signals/2026-11-18")),
        ("signals", Misplaced(hint="signals/")),
        ("signals/", Misplaced(hint="signals/")),
        ("signals/2026-11-18/", MissedMarker(right_name="signals/2026-11-18")),
        ("signals/2026-11-18/_success", MissedMarker(right_name="signals/2026-11-18")),
        ("signals/metrics/2026-11-18/_success", MissedMarker(right_name="signals/metrics/2026-11-18")),
        ("signals/date=2026-11-18/_SUCCESS", MissedMarker(right_name="signals/2026-11-18")),
        ("signals/2026/11/18/_SUCCESS", MissedMarker(right_name="signals/2026-11-18")),
        ("signals/year=2026/month=11/day=8/_SUCCESS", MissedMarker(right_name="signals/2026-11-08")),
        ("signals/2026-11-18/_SUCCESS.txt", MissedMarker(right_name="signals/2026-11-18")),
        ("signals/_SUCCESS", MissedMarker(right_name="signals/YYYY-MM-DD")),
        ("signals/_temporary/2026-11-18/_SUCCESS", NotData()),
        ("signals/2026-11-18/._SUCCESS.crc", NotData()),
        ("metrics/2026-11-18/_SUCCESS", MissedMarker(right_name="signals/metrics/2026-11-18")),
        ("events/date=20261118/_SUCCESS", MissedMarker(right_name="signals/events/2026-11-18")),
        ("metrics/2026-11-18/_temporary/0/_SUCCESS", NotData()),
        ("metrics/signals/2026-11-18", MissedMarker(right_name="signals/metrics/2026-11-18")),
        ("metrics/signals/2026-11-18.csv", DataFile(dataset=Dataset.METRICS)),
        ("Signals/2026-11-18", Misplaced(hint="signals/", marker="signals/2026-11-18")),
        ("signal/metrics/20261118", Misplaced(hint="signals/", marker="signals/metrics/2026-11-18")),
        ("2026-11-18", Misplaced(hint="metrics/", marker="signals/2026-11-18")),
        ("2026-11-18/", Misplaced(hint="metrics/", marker="signals/2026-11-18")),
        ("metrics/2026-11-18/", DataFile(dataset=Dataset.METRICS)),
        ("metrics/_committed_2026-11-18", NotData()),
        ("events/2026-11-18/deep/er/a.csv", DataFile(dataset=Dataset.EVENTS)),
        ("metrics/../events/a.csv", DataFile(dataset=Dataset.METRICS)),
        ("metrics//a.csv", DataFile(dataset=Dataset.METRICS)),
        ("metrics/_SUCCESS", NotData()),
        ("metrics/.a.csv.crc", NotData()),
        ("metrics/_temporary/0/task_1/part-0.parquet", NotData()),
        ("events/.hive-staging_1/a.csv", NotData()),
        ("metrics/t/_delta_log/0.json", NotData()),
        ("signals/_temporary/done.csv", NotData()),
        ("_logs/metrics/a.csv", NotData()),
        ("metrics/a_b/c.d/e_.csv", DataFile(dataset=Dataset.METRICS)),
        ("metrics/a.crc", NotData()),
        ("metrics/", Misplaced(hint="metrics/")),
        ("_SUCCESS", MissedMarker(right_name="signals/YYYY-MM-DD")),
        ("2026-11-18/_SUCCESS", MissedMarker(right_name="signals/2026-11-18")),
        ("metrics/a.crc ", NotData()),
        ("metric/a.csv", Misplaced(hint="metrics/")),
        ("Metrics/a.csv", Misplaced(hint="metrics/")),
        ("events.csv", Misplaced(hint="events/")),
        ("metrics", Misplaced(hint="metrics/")),
        ("metrics%2Fa.csv", Misplaced(hint="metrics/")),
        ("signals/2026-11-18x", SignalFile(dataset=None)),
        ("signals/2026-1-18", SignalFile(dataset=None)),
        ("signals/2026-11-18.", SignalFile(dataset=None)),
        ("signals/metrics/done.csv", SignalFile(dataset=Dataset.METRICS)),
        ("signals/metrics/deep/done.csv", SignalFile(dataset=Dataset.METRICS)),
        ("signals/2026-11-18/other", SignalFile(dataset=None)),
        ("signals/signals/2026-11-18", SignalFile(dataset=None)),
    ],
)
def test_a_name_tells_what_an_upload_is(name: str, kind: names.UploadKind) -> None:
    assert names.kind_of_upload(name) == kind


@given(st.sampled_from(DATA_DATASETS), st.dates(), st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_documents_of_a_day_are_known_by_their_names(dataset: Dataset, day: date, seq: int, epoch: int) -> None:
    status, difference = (
        names.day_status_name(dataset, day),
        names.difference_name(dataset, day, seq=seq, epoch=epoch, attempt=names.new_attempt()),
    )
    for name, is_difference in ((status, False), (difference, True)):
        assert name.startswith(names.days_prefix(dataset))
        assert DayDocument.parse(name) == DayDocument(day=day, is_difference=is_difference)
        assert DayDocument.parse(names.receipt_name(name)) is None


@given(uploads)
def test_every_name_is_something(upload: str) -> None:
    kind = names.kind_of_upload(upload)
    if isinstance(kind, DataFile):
        assert upload.startswith(f"{kind.dataset}/")
    if isinstance(kind, Marker | SignalFile):
        assert upload.startswith("signals/")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("abc", True),
        ("ab", False),
        ("a" * 50, True),
        ("a" * 51, False),
        ("a-1", True),
        ("a--1", False),
        ("-a1", False),
        ("a1-", False),
    ],
)
def test_a_customer_has_three_to_fifty_characters_and_single_hyphens(name: str, is_one: bool) -> None:
    assert names.is_customer_name(name) is is_one
    assert names.customer_of_drop_container(f"drop-{name}") == (name if is_one else None)
    assert names.customer_of_drop_container(name) is None


@pytest.mark.parametrize(("length", "is_plain"), [(1_000, True), (1_001, False)])
def test_a_receipt_whose_path_would_pass_a_thousand_characters_is_named_by_a_hash(length: int, is_plain: bool) -> None:
    upload = "metrics/" + "x" * (length - len("metrics/" + names.RECEIPT_SUFFIX))
    assert (names.receipt_name(upload) == upload + names.RECEIPT_SUFFIX) is is_plain
    assert names.receipt_name(upload).startswith("metrics/_long/") is not is_plain


@pytest.mark.parametrize(("length", "is_plain"), [(1_024, True), (1_025, False)])
def test_rejected_rows_lie_beside_the_receipt_while_their_name_can_be_stored(length: int, is_plain: bool) -> None:
    ending = f".{'a' * 32}.rejected.ndjson"
    upload = "metrics/" + "x" * (length - len("metrics/" + ending))
    assert (names.rejected_name(upload, "a" * 32) == upload + ending) is is_plain


@pytest.mark.parametrize("below", ["", "metrics/"])
def test_what_lies_among_the_hashed_names_is_hashed_itself(below: str) -> None:
    assert names.receipt_name(f"{below}_long/x") != f"{below}_long/x{names.RECEIPT_SUFFIX}"
    assert names.upload_of_receipt(f"{below}_long/{'0' * 64}{names.RECEIPT_SUFFIX}") is None
    assert names.receipt_name("other/" + "x" * 2_000).startswith("_long/")


def test_publications_are_named_by_day_numbers_and_sixteen_digits_of_their_attempt() -> None:
    named = names.manifest_name(
        Stream("acme", Dataset.METRICS), date(2026, 11, 18), seq=7, epoch=9, attempt="0123456789abcdef" * 2
    )
    assert named == "manifests/acme/metrics/2026-11-18/00000007-00000009-0123456789abcdef.json"
    changed = names.difference_name(Dataset.METRICS, date(2026, 11, 18), seq=7, epoch=9, attempt="0123456789abcdef" * 2)
    assert changed == "days/metrics/2026-11-18/00000007-00000009-0123456789abcdef.changes.json"


@pytest.mark.parametrize("name", ["a/../b", "./b", "a/.", "..", "a\\..\\b"])
def test_a_name_with_a_segment_of_dots_cannot_be_asked_for(name: str) -> None:
    assert not names.is_addressable(name)
    assert names.is_addressable(name.replace(".", "x"))
    assert names.is_addressable("a/...b/c..d")


def test_what_lies_in_a_receipts_container_is_told_apart_by_its_name() -> None:
    attempt = names.new_attempt()
    assert len(attempt) == 32
    assert names.is_rejected_rows(names.rejected_name("metrics/a.csv", attempt))
    for ending in every_ending():
        assert names.is_rejected_rows(names.fix_name("metrics/a.csv", attempt, ending))
        assert names.fix_name("metrics/a.csv", attempt, ending) != names.rejected_name("metrics/a.csv", attempt)
    assert not names.is_rejected_rows(names.receipt_name("metrics/a.csv"))
    assert names.upload_of_receipt(names.receipt_name("metrics/a.csv")) == "metrics/a.csv"
    assert names.upload_of_receipt(names.rejected_name("metrics/a.csv", attempt)) is None


@pytest.mark.parametrize("day", ["2026-02-30", "2026-1-01", "20260101"])
def test_a_part_of_what_is_no_day_is_no_part(day: str) -> None:
    attempt = "a" * 32
    assert PartName.parse(f"metrics/customer=acme/pst_date={day}/{attempt}-00000.parquet") is None
    assert PartName.parse(f"metrics/customer=acme/pst_date=2026-02-28/{attempt}-00000.parquet") is not None


def test_a_document_of_what_is_no_day_is_none() -> None:
    assert DayDocument.parse("days/metrics/2026-02-30.json") is None
    assert DayDocument.parse("days/metrics/2026-02-28.json") == DayDocument(day=date(2026, 2, 28), is_difference=False)


def test_a_hashed_receipt_lies_in_the_folder_of_its_dataset_however_deep_the_upload_lay() -> None:
    assert names.receipt_name("metrics/deep/er/" + "x" * 1_000).startswith("metrics/_long/")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("exposure/deep/a.csv", "exposures/"),
        ("in/Events-2026.csv", "events/"),
        ("a/b/exposures.csv", "exposures/"),
        ("x/y", "metrics/"),
    ],
)
def test_the_hint_of_a_misplaced_upload_comes_from_its_folder_or_its_own_name(name: str, hint: str) -> None:
    assert names.kind_of_upload(name) == Misplaced(hint=hint)
