"""The same store, twice: Azure's on the emulator, and the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.storage.blob import StandardBlobTier
from deltalake import DeltaTable

from processing.domain.publications import TableFile
from processing.ports import ARCHIVED, AppendBlobs, BlobStore, Tables
from processing.storage.append_blobs import AzureAppendBlobs
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection
from processing.storage.delta_tables import DeltaTables
from tests.support.in_memory import InMemoryAppendBlobs, InMemoryBlobStore, InMemoryTables

BOTH = pytest.mark.parametrize("kind", ["azurite", "memory"])


@pytest.fixture(scope="session")
def connection(azurite: str) -> Connection:
    """The emulator."""
    return Connection(connection_string=azurite)


@pytest.fixture(scope="session")
def azure_store(connection: Connection) -> Iterator[AzureBlobStore]:
    """One client for all tests, as one serves a process."""
    with connection.blob_service() as client:
        yield AzureBlobStore(client)


@pytest.fixture
def store(request: pytest.FixtureRequest, kind: str) -> BlobStore:
    """The store under test."""
    if kind == "memory":
        return InMemoryBlobStore()
    result: BlobStore = request.getfixturevalue("azure_store")
    return result


@pytest.fixture
def append_blobs(store: BlobStore, connection: Connection) -> Iterator[AppendBlobs]:
    """The append blobs of the store's account."""
    if isinstance(store, InMemoryBlobStore):
        yield InMemoryAppendBlobs(store)
    else:
        with connection.blob_service() as client:
            yield AzureAppendBlobs(client)


@pytest.fixture
def box(store: BlobStore) -> str:
    """An empty container of this test's own."""
    container = f"box-{uuid4().hex}"
    store.create_container(container)
    return container


@pytest.fixture
def archive(request: pytest.FixtureRequest, store: BlobStore, box: str) -> Callable[[str], None]:
    """Moves a blob of the box to the archive tier, as its owner may."""

    def move(name: str) -> None:
        if isinstance(store, InMemoryBlobStore):
            store.make_unreadable(box, name, ARCHIVED)
            return
        connection: Connection = request.getfixturevalue("connection")
        with connection.blob_service() as client:
            client.get_blob_client(box, name).set_standard_blob_tier(StandardBlobTier.ARCHIVE)

    return move


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """Tables, and the store that their files lie in."""

    tables: Tables
    store: BlobStore
    container: str
    connection: Connection | None
    """Of the emulator; None in memory."""

    def write(self, table: str, path: str, values: list[int], **partition: str) -> TableFile:
        """Put a Parquet file with column `n` where the table may take it."""
        buffer = BytesIO()
        pq.write_table(pa.table({"n": pa.array(values, pa.int64())}), buffer)
        self.store.put(self.container, f"{table}/{path}", buffer.getvalue())
        low, high = min(values), max(values)
        statistics = (
            f'{{"numRecords":{len(values)},"minValues":{{"n":{low}}},"maxValues":{{"n":{high}}},"nullCount":{{"n":0}}}}'
        )
        return TableFile(path=path, size=len(buffer.getvalue()), rows=len(values), partition=partition, statistics=statistics)

    def rows(self, table: str, version: int | None = None) -> list[tuple[str, ...]]:
        """What a reader of one version sees, as text: the partition's values in the order of their columns, then `n`."""
        if isinstance(self.tables, InMemoryTables):
            return sorted(
                (*(value for _, value in sorted(file.partition.items())), str(n))
                for file in self.tables.files(self.container, table, version)
                for n in self._numbers(f"{table}/{file.path}")
            )
        assert self.connection is not None
        uri, options = f"az://{self.container}/{table}", self.connection.delta_options()
        found = DeltaTable(uri, version=version, storage_options=options).to_pyarrow_table().to_pylist()
        return sorted((*(str(row[column]) for column in sorted(set(row) - {"n"})), str(row["n"])) for row in found)

    def _numbers(self, name: str) -> list[int]:
        found = self.store.get(self.container, name)
        assert found is not None
        numbers: list[int] = pq.read_table(BytesIO(found[0]))["n"].to_pylist()
        return numbers


@pytest.fixture
def lake(request: pytest.FixtureRequest, kind: str, store: BlobStore, box: str) -> Lake:
    """Empty tables of this test's own."""
    if kind == "memory":
        return Lake(tables=InMemoryTables(), store=store, container=box, connection=None)
    connection: Connection = request.getfixturevalue("connection")
    return Lake(tables=DeltaTables(connection), store=store, container=box, connection=connection)
