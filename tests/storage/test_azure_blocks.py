"""What is too large for one request becomes a blob in blocks, all at once and under the same conditions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from processing.domain.errors import ConditionNotMet
from processing.ports import IF_ABSENT, Condition
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection

MEBI = 1024 * 1024
WRITERS = 4


@pytest.fixture(scope="module")
def store(connection: Connection) -> Iterator[AzureBlobStore]:
    with connection.blob_service() as client:
        yield AzureBlobStore(client, largest_put=1000)


@pytest.fixture
def box(store: AzureBlobStore) -> str:
    container = f"box-{uuid4().hex}"
    store.create_container(container)
    return container


def test_a_file_of_several_blocks_is_one_blob(store: AzureBlobStore, box: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"".join(bytes([number]) * MEBI for number in range(33)))
    etag = store.put(box, "large.json", path, when=IF_ABSENT, metadata={"k": "😀"})
    info = store.head(box, "large.json")
    assert info is not None
    assert (info.etag, info.size, info.metadata) == (etag, 33 * MEBI, {"k": "😀"})
    part = store.get_range(box, "large.json", etag=etag, offset=15 * MEBI, length=2 * MEBI)
    assert part == bytes([15]) * MEBI + bytes([16]) * MEBI
    found = store.get(box, "large.json")
    assert found is not None
    assert found[0] == path.read_bytes()


def test_conditions_hold_for_blocks_too(store: AzureBlobStore, box: str) -> None:
    first = store.put(box, "a", b"1" * 2000, when=IF_ABSENT)
    with pytest.raises(ConditionNotMet):
        store.put(box, "a", b"2" * 2000, when=IF_ABSENT)
    second = store.put(box, "a", b"2" * 2000, when=Condition.unchanged(first))
    with pytest.raises(ConditionNotMet):
        store.put(box, "a", b"3" * 2000, when=Condition.unchanged(first))
    with pytest.raises(ConditionNotMet):
        store.put(box, "missing", b"3" * 2000, when=Condition.unchanged(second))
    assert store.get_range(box, "a", etag=second, offset=0, length=1) == b"2"


def test_writers_of_one_name_never_mix_their_blocks(store: AzureBlobStore, box: str) -> None:
    barrier = threading.Barrier(WRITERS)

    def create(writer: int) -> str | None:
        barrier.wait()
        try:
            return store.put(box, "a", bytes([writer]) * 17 * MEBI, when=IF_ABSENT)
        except ConditionNotMet:
            return None

    with ThreadPoolExecutor(WRITERS) as pool:
        etags = list(pool.map(create, range(WRITERS)))
    won = [writer for writer, etag in enumerate(etags) if etag is not None]
    found = store.get(box, "a")
    assert found is not None
    assert len(won) == 1
    assert found[0] == bytes(won) * 17 * MEBI
    assert found[1].etag == etags[won[0]]
