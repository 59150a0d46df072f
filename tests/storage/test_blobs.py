"""What a blob store does, Azure's and the one in memory alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processing.domain.errors import ConditionNotMet, LaterError, LeasedError, OperatorError
from processing.ports import ARCHIVED, IF_ABSENT, BlobKind, BlobStore, Condition
from tests.storage.conftest import BOTH

pytestmark = BOTH

WRITERS = 8
HOSTILE_NAMES = (
    "a//b",
    "/leading",
    "trailing/",
    "question?x=1#fragment",
    "%2e%2e/percent%20",
    "..dots/..x",
    "dot.",
    " space ",
    "plus+and&<>\"'",
    "tab\tand\r\nline",
    "é\u0301",
    "😀",
    "\ufffd",
    "\x7f",
    "~tilde",
    "x" * 1024,
)


def test_what_was_put_is_read_back(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"hello", metadata={"k": "v"})
    found = store.get(box, "a")
    assert found is not None
    data, info = found
    assert data == b"hello"
    assert info == store.head(box, "a")
    assert (info.name, info.etag, info.size, info.kind, info.metadata) == ("a", etag, 5, BlobKind.BLOCK, {"k": "v"})
    assert '"' not in etag
    assert not info.copy_pending


def test_a_blob_that_is_not_there_is_none(store: BlobStore, box: str) -> None:
    assert store.head(box, "a") is None
    assert store.get(box, "a") is None
    assert store.head("no-such-container", "a") is None
    assert store.get("no-such-container", "a") is None


def test_every_write_gives_a_fresh_version_even_of_the_same_bytes(store: BlobStore, box: str) -> None:
    assert len({store.put(box, "a", b"same") for _ in range(5)}) == 5


def test_create_if_absent_does_not_touch_what_is_there(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"first", when=IF_ABSENT)
    with pytest.raises(ConditionNotMet):
        store.put(box, "a", b"second", when=IF_ABSENT)
    found = store.get(box, "a")
    assert found is not None
    assert (found[0], found[1].etag) == (b"first", etag)


def test_replace_if_unchanged_refuses_an_older_version_and_a_missing_blob(store: BlobStore, box: str) -> None:
    first = store.put(box, "a", b"1")
    second = store.put(box, "a", b"2", when=Condition.unchanged(first))
    with pytest.raises(ConditionNotMet):
        store.put(box, "a", b"3", when=Condition.unchanged(first))
    store.put(box, "a", b"3", when=Condition.unchanged(second))
    with pytest.raises(ConditionNotMet):
        store.put(box, "missing", b"", when=Condition.unchanged(second))
    assert store.head(box, "missing") is None


def test_of_many_who_create_a_blob_at_once_one_does(store: BlobStore, box: str) -> None:
    barrier = threading.Barrier(WRITERS)

    def create(writer: int) -> str | None:
        barrier.wait()
        return _unless_refused(lambda: store.put(box, "a", str(writer).encode(), when=IF_ABSENT))

    with ThreadPoolExecutor(WRITERS) as pool:
        etags = list(pool.map(create, range(WRITERS)))
    won = [writer for writer, etag in enumerate(etags) if etag is not None]
    found = store.get(box, "a")
    assert found is not None
    assert (found[0], found[1].etag) == (str(won[0]).encode(), etags[won[0]])
    assert len(won) == 1


def test_a_counter_changed_by_many_at_once_is_exact(store: BlobStore, box: str) -> None:
    store.put(box, "n", b"0")

    def add() -> str | None:
        found = store.get(box, "n")
        assert found is not None
        data, info = found
        return _unless_refused(lambda: store.put(box, "n", b"%d" % (int(data) + 1), when=Condition.unchanged(info.etag)))

    def add_in_the_end(_: int) -> None:
        while add() is None:
            pass

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(add_in_the_end, range(4 * WRITERS)))
    found = store.get(box, "n")
    assert found is not None
    assert found[0] == b"%d" % (4 * WRITERS)


@pytest.mark.parametrize("prefix", ["a=b/", "a+b ", "ü/", "%2F", "a&b=c", "#?;:@!$'()*,", '"<>"'])
def test_a_listing_takes_a_prefix_as_it_is(store: BlobStore, box: str, prefix: str) -> None:
    for name in (f"{prefix}1", f"{prefix}2", "other"):
        store.put(box, name, b"x")
    assert [info.name for info in store.list_blobs(box, prefix)] == [f"{prefix}1", f"{prefix}2"]


def test_a_listing_has_the_names_with_the_prefix_in_order(store: BlobStore, box: str) -> None:
    for name in ("b/2", "a", "b/10", "b", "B/1", "b/1", "bb", "b/é", "b/~"):
        store.put(box, name, name.encode())
    assert [info.name for info in store.list_blobs(box, "b/")] == ["b/1", "b/10", "b/2", "b/~", "b/é"]
    assert [info.name for info in store.list_blobs(box)] == ["B/1", "a", "b", "b/1", "b/10", "b/2", "b/~", "b/é", "bb"]
    assert list(store.list_blobs(box, "c")) == []
    with pytest.raises(OperatorError, match="there is no container no-such-container"):
        list(store.list_blobs("no-such-container"))


@pytest.mark.parametrize("start", ["b/1", "b/2", "b/15", "b/~", "a", "b/", "z"])
def test_a_listing_begins_with_a_name_whether_it_is_there_or_not(store: BlobStore, box: str, start: str) -> None:
    names = ["b/1", "b/10", "b/2", "b/~", "b/é"]
    for name in (*names, "a", "c"):
        store.put(box, name, b"")
    assert [info.name for info in store.list_blobs(box, "b/", start=start)] == [name for name in names if name >= start]


def test_a_listing_tells_what_looking_at_each_blob_would(store: BlobStore, box: str) -> None:
    for number in range(3):
        store.put(box, f"{number}", b"x" * number, metadata={"number": f"{number} 😀"})
    with_metadata = list(store.list_blobs(box, metadata=True))
    assert with_metadata == [store.head(box, f"{number}") for number in range(3)]
    assert [info.etag for info in store.list_blobs(box)] == [info.etag for info in with_metadata]
    assert all(info.metadata == {} for info in store.list_blobs(box))


def test_ranges_are_those_of_one_version(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"0123456789")

    def read(offset: int, length: int) -> bytes:
        return store.get_range(box, "a", etag=etag, offset=offset, length=length)

    assert read(0, 10) == b"0123456789"
    assert read(3, 4) == b"3456"
    assert read(7, 100) == b"789"
    assert read(10, 5) == b""
    assert read(99, 5) == b""
    assert read(2, 0) == b""


def test_a_range_of_a_version_that_is_gone_is_refused(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"old")
    store.put(box, "a", b"newer")
    for offset, length in ((0, 3), (4, 1), (99, 1), (0, 0)):
        with pytest.raises(ConditionNotMet):
            store.get_range(box, "a", etag=etag, offset=offset, length=length)
    store.delete(box, "a")
    with pytest.raises(ConditionNotMet):
        store.get_range(box, "a", etag=etag, offset=0, length=3)


def test_metadata_may_be_any_text(store: BlobStore, box: str) -> None:
    metadata = {"emoji": "😀 é", "percent": "100%41 %", "empty": "", "lines": "a\r\nb", "quotes": "\"'<&>;=, x ", "n_1": "/"}
    store.put(box, "a", b"", metadata=metadata)
    info = store.head(box, "a")
    assert info is not None
    assert info.metadata == metadata
    assert [each.metadata for each in store.list_blobs(box, metadata=True)] == [metadata]


def test_a_write_without_metadata_leaves_none(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"", metadata={"k": "v"})
    store.put(box, "a", b"")
    info = store.head(box, "a")
    assert info is not None
    assert info.metadata == {}


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_any_name_that_storage_takes_is_the_blob_of_that_name(store: BlobStore, box: str, name: str) -> None:
    etag = store.put(box, name, b"x", when=IF_ABSENT)
    assert store.get_range(box, name, etag=etag, offset=0, length=9) == b"x"
    assert [info.name for info in store.list_blobs(box)] == [name]
    store.delete(box, name)
    assert store.head(box, name) is None


@pytest.mark.parametrize("name", ["..", "../other/a", "a/./b", "a/..", "a\\..\\b", "", "\ud800"], ids=ascii)
def test_a_name_that_could_lead_elsewhere_is_never_sent(store: BlobStore, box: str, name: str) -> None:
    with pytest.raises(OperatorError):
        store.put(box, name, b"")
    with pytest.raises(OperatorError):
        store.head(box, name)


def test_an_empty_blob_is_a_blob(store: BlobStore, box: str) -> None:
    etag = store.put(box, "empty", b"")
    found = store.get(box, "empty")
    assert found is not None
    assert (found[0], found[1].size) == (b"", 0)
    assert store.get_range(box, "empty", etag=etag, offset=0, length=5) == b""


def test_a_file_is_put_as_its_bytes(store: BlobStore, box: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 1000)
    etag = store.put(box, "a", tmp_path / "file", when=IF_ABSENT, metadata={"k": "v"})
    found = store.get(box, "a")
    assert found is not None
    assert found[0] == (tmp_path / "file").read_bytes()
    assert (found[1].etag, found[1].metadata) == (etag, {"k": "v"})
    (tmp_path / "file").write_bytes(b"")
    assert store.get_range(box, "a", etag=store.put(box, "a", tmp_path / "file"), offset=0, length=1) == b""


def test_deleting_twice_is_no_error(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"")
    store.delete(box, "a")
    store.delete(box, "a")
    store.delete("no-such-container", "a")
    assert store.head(box, "a") is None


def test_a_write_to_a_container_that_is_not_there_is_the_operators_matter(store: BlobStore) -> None:
    with pytest.raises(OperatorError):
        store.put("no-such-container", "a", b"")


def test_making_a_container_twice_keeps_what_is_in_it(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"")
    store.create_container(box)
    assert store.head(box, "a") is not None
    assert list(store.list_containers(box)) == [box]
    assert box not in list(store.list_containers("other-"))


def test_the_services_time_is_in_whole_seconds_and_dates_its_blobs(store: BlobStore, box: str) -> None:
    began = datetime.now(UTC)
    before = store.service_time()
    store.put(box, "a", b"")
    info = store.head(box, "a")
    assert info is not None
    assert before <= info.last_modified <= store.service_time()
    for instant in (before, info.last_modified):
        assert instant.microsecond == 0
        assert instant.utcoffset() == timedelta(0)
    now = datetime.now(UTC)
    assert began - timedelta(minutes=1) < before < now + timedelta(minutes=1), "its clock is that of this machine, about"


def test_a_leased_blob_is_leased_to_nobody_else_until_it_is_released(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"")
    lease = store.lease(box, "a", seconds=15)
    assert lease is not None
    assert lease.renew()
    assert store.lease(box, "a", seconds=15) is None
    lease.release()
    other = store.lease(box, "a", seconds=15)
    assert other is not None
    assert not lease.renew()
    lease.release()
    assert other.renew()
    other.release()


def test_of_many_who_lease_a_blob_at_once_one_does(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"")
    barrier = threading.Barrier(WRITERS)

    def lease(_: int) -> bool:
        barrier.wait()
        return store.lease(box, "a", seconds=60) is not None

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sum(pool.map(lease, range(WRITERS))) == 1


def test_a_leased_blob_is_still_one_that_exists_and_cannot_be_changed(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"")
    lease = store.lease(box, "a", seconds=15)
    assert lease is not None
    with pytest.raises(ConditionNotMet):
        store.put(box, "a", b"", when=IF_ABSENT)
    with pytest.raises(LaterError):
        store.put(box, "a", b"", when=Condition.unchanged(etag))
    with pytest.raises(LaterError):
        store.put(box, "a", b"")
    with pytest.raises(LaterError):
        store.delete(box, "a")
    lease.release()
    store.delete(box, "a")
    assert not lease.renew()
    lease.release()


def test_a_lease_of_somebody_else_can_be_broken_and_the_blob_deleted_at_once(store: BlobStore, box: str) -> None:
    etag = store.put(box, "a", b"")
    lease = store.lease(box, "a", seconds=60)
    assert lease is not None
    with pytest.raises(LeasedError):
        store.delete(box, "a", when=Condition.unchanged(etag))
    store.break_lease(box, "a")
    assert not lease.renew()
    store.delete(box, "a", when=Condition.unchanged(etag))
    assert store.head(box, "a") is None


def test_there_need_be_no_lease_to_be_broken(store: BlobStore, box: str) -> None:
    store.put(box, "a", b"")
    store.break_lease(box, "a")
    store.break_lease(box, "a")
    store.break_lease(box, "missing")
    store.break_lease("no-such-container", "a")
    assert store.lease(box, "a", seconds=15) is not None


def test_an_archived_blob_is_told_as_one_that_cannot_be_read_and_can_only_be_deleted(
    store: BlobStore, box: str, archive: Callable[[str], None]
) -> None:
    etag = store.put(box, "cold", b"cold", metadata={"k": "v"})
    store.put(box, "warm", b"warm")
    archive("cold")
    info = store.head(box, "cold")
    assert info is not None
    assert (info.etag, info.size, info.metadata, info.unreadable) == (etag, 4, {"k": "v"}, ARCHIVED)
    assert {info.name: info.unreadable for info in store.list_blobs(box)} == {"cold": ARCHIVED, "warm": None}
    with pytest.raises(OperatorError):
        store.get(box, "cold")
    with pytest.raises(OperatorError):
        store.get_range(box, "cold", etag=etag, offset=0, length=4)
    with pytest.raises(OperatorError):
        store.put(box, "cold", b"thawed")
    store.delete(box, "cold")
    store.put(box, "cold", b"thawed")
    assert [info.unreadable for info in store.list_blobs(box)] == [None, None]


def test_a_blob_that_is_not_there_cannot_be_leased(store: BlobStore, box: str) -> None:
    with pytest.raises(OperatorError):
        store.lease(box, "a", seconds=15)


def _unless_refused(write: Callable[[], str]) -> str | None:
    try:
        return write()
    except ConditionNotMet:
        return None


def test_a_blob_in_pieces_is_there_when_it_is_finished_and_only_once(store: BlobStore, box: str, tmp_path: Path) -> None:
    upload, others = store.start_block_upload(box, "p"), store.start_block_upload(box, "p")
    (tmp_path / "piece").write_bytes(b"two")
    upload.add(b"one,")
    others.add(b"other")
    upload.add(tmp_path / "piece")
    assert store.head(box, "p") is None
    upload.finish()
    with pytest.raises(ConditionNotMet):
        others.finish()
    found = store.get(box, "p")
    assert found is not None
    assert found[0] == b"one,two"
