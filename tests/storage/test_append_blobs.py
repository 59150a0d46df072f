"""What append blobs do, Azure's and those in memory alike: one writer each, who can be fenced off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from processing.domain.errors import ConditionNotMet, OperatorError
from processing.ports import AppendBlobs, BlobStore
from processing.storage.append_blobs import SEALED
from tests.storage.conftest import BOTH

pytestmark = BOTH


def test_what_is_appended_is_read_in_its_order(store: BlobStore, append_blobs: AppendBlobs, box: str) -> None:
    etag, size = append_blobs.create(box, "a/b"), 0
    for data in (b"one\n", b"two\n", b"x" * 5_000_000, b"\n"):
        etag, size = append_blobs.append(box, "a/b", data, at=size, etag=etag), size + len(data)
    found = store.get(box, "a/b")
    assert found is not None
    assert (found[1].etag, found[1].size) == (etag, size)
    assert found[0].startswith(b"one\ntwo\nxx")


def test_a_blob_is_begun_once(append_blobs: AppendBlobs, box: str) -> None:
    etag = append_blobs.create(box, "a")
    append_blobs.append(box, "a", b"1", at=0, etag=etag)
    with pytest.raises(ConditionNotMet):
        append_blobs.create(box, "a")


def test_an_append_to_another_version_or_position_adds_nothing(store: BlobStore, append_blobs: AppendBlobs, box: str) -> None:
    first = append_blobs.create(box, "a")
    second = append_blobs.append(box, "a", b"12", at=0, etag=first)
    for at, etag in ((2, first), (0, second), (1, second), (3, second)):
        with pytest.raises(ConditionNotMet):
            append_blobs.append(box, "a", b"x", at=at, etag=etag)
    found = store.get(box, "a")
    assert found is not None
    assert found[0] == b"12"


def test_what_is_not_there_cannot_be_appended_to(append_blobs: AppendBlobs, box: str) -> None:
    with pytest.raises(ConditionNotMet):
        append_blobs.append(box, "a", b"x", at=0, etag="0x1")
    with pytest.raises(OperatorError):
        append_blobs.create("no-such-container", "a")


def test_sealing_fences_the_writer_off(store: BlobStore, append_blobs: AppendBlobs, box: str) -> None:
    etag = append_blobs.create(box, "a")
    etag = append_blobs.append(box, "a", b"12", at=0, etag=etag)
    for _ in range(2):  # sealing again is no error
        assert append_blobs.seal(box, "a")
        with pytest.raises(ConditionNotMet):
            append_blobs.append(box, "a", b"3", at=2, etag=etag)
    found = store.get(box, "a")
    assert found is not None
    assert (found[0], found[1].metadata) == (b"12", {SEALED: "1"})
    assert [info.metadata for info in store.list_blobs(box, metadata=True)] == [{SEALED: "1"}]


def test_what_is_gone_cannot_be_sealed(append_blobs: AppendBlobs, box: str) -> None:
    assert not append_blobs.seal(box, "a")


def test_of_many_who_append_at_one_position_one_does(store: BlobStore, append_blobs: AppendBlobs, box: str) -> None:
    etag = append_blobs.create(box, "a")

    def append(data: bytes) -> bool:
        try:
            append_blobs.append(box, "a", data, at=0, etag=etag)
        except ConditionNotMet:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(append, [str(number).encode() for number in range(8)]))
    found = store.get(box, "a")
    assert found is not None
    assert [done.index(True)] == [int(found[0])]
    assert done.count(True) == 1
