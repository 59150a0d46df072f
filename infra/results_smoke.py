"""Tries the account of results as the program and its readers use it: `.venv/bin/python -m infra.results_smoke`.

In a container of its own, which goes with it: conditional writes, a Delta table that takes two commits, listings in which no
directory counts as a blob, and the dfs endpoint, by which Spark, Databricks, Synapse and Fabric read. Run it once after the
first deployment, with the addresses of docs/operators/README.md set, as somebody who is among `operators`.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.parquet as pq

from processing.domain.errors import ConditionNotMet, DropzoneError
from processing.domain.publications import TableFile, TableSpec
from processing.ports import IF_ABSENT, Condition
from processing.settings import load_settings
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection
from processing.storage.late_tables import LateTables
from processing.wiring import results_connection

SPEC: Final = TableSpec(name="tried", columns={"n": "long", "pst_date": "string"}, partition_by=("pst_date",))
DAY: Final = {"pst_date": "2026-11-18"}
_SECONDS: Final = 30
_VERSION: Final = "2023-11-03"
"""Of the dfs endpoint's protocol."""


class SmokeError(Exception):
    """Something does not work; its message says what."""


def main() -> int:
    """0 when all of it works, a line for each; else 1 with what does not."""
    try:
        connection = results_connection(load_settings())
        for line in try_blobs(connection, dfs_of(connection)):
            sys.stdout.write(f"ok  {line}\n")
    except (SmokeError, DropzoneError) as error:
        sys.stderr.write(f"the account of results is not as it must be: {error}\n")
        return 1
    return 0


def try_blobs(connection: Connection, dfs: Callable[[str, str], bytes] | None = None) -> Iterator[str]:
    """What works, one sentence after another; SmokeError or DropzoneError where something does not.

    `dfs` reads a path of a container by the dfs endpoint, and lists the container where the path is empty.
    """
    client = connection.blob_service()
    store, container = AzureBlobStore(client), f"smoke-{secrets.token_hex(8)}"
    store.create_container(container)
    try:
        yield from _writes(store, container)
        yield from _table(connection, store, container)
        if dfs is not None:
            name = next(info.name for info in store.list_blobs(container, f"{SPEC.name}/") if info.name.endswith(".parquet"))
            _expect(SPEC.name.encode() in dfs(container, ""), "the dfs endpoint does not list the table")
            _expect(dfs(container, name)[:4] == b"PAR1", f"the dfs endpoint does not give {name}")
            yield "the dfs endpoint lists and reads what was written as blobs"
    finally:
        client.delete_container(container)


def _writes(store: AzureBlobStore, container: str) -> Iterator[str]:
    etag = store.put(container, "a/b/one", b"1", when=IF_ABSENT)
    for condition in (IF_ABSENT, Condition.unchanged("0x0")):
        try:
            store.put(container, "a/b/one", b"2", when=condition)
        except ConditionNotMet:
            continue
        raise SmokeError("a write whose condition does not hold was done")
    store.put(container, "a/b/one", b"2", when=Condition.unchanged(etag))
    yield "writes keep their conditions"
    store.delete(container, "a/b/one")
    left = [info.name for info in store.list_blobs(container)]
    _expect(not left, f"a listing of nothing shows {left}")
    yield "directories that are left empty are no blobs"


def _table(connection: Connection, store: AzureBlobStore, container: str) -> Iterator[str]:
    tables = LateTables(connection, store)
    _expect(not tables.has(container, SPEC.name), "there is a table before one was made")
    table = tables.open(container, SPEC)
    for seq in (1, 2):
        table.replace([_file(store, container, seq)], partition=DAY, app="smoke", seq=seq)
    again = tables.find(container, SPEC)
    _expect(again is not None, "a table that was made is not found")
    assert again is not None  # noqa: S101 - said above
    _expect(again.seq_of("smoke") == 2, "the second commit is not the last")  # noqa: PLR2004
    shown = again.files_of(DAY)
    _expect(list(shown) == [_path(2)], f"the table shows {shown}")
    yield "a Delta table is made and takes two commits"
    unused = list(again.unused_files(timedelta(0)))
    _expect(unused == [_path(1)], f"housekeeping would delete {unused}")
    yield "housekeeping finds the file that no version needs, and no directory"


def _path(seq: int) -> str:
    return f"pst_date={DAY['pst_date']}/part-{seq}.parquet"


def _file(store: AzureBlobStore, container: str, seq: int) -> TableFile:
    out = BytesIO()
    pq.write_table(pa.table({"n": pa.array([seq], pa.int64())}), out)
    store.put(container, f"{SPEC.name}/{_path(seq)}", out.getvalue(), when=IF_ABSENT)
    statistics = f'{{"numRecords":1,"minValues":{{"n":{seq}}},"maxValues":{{"n":{seq}}},"nullCount":{{"n":0}}}}'
    return TableFile(path=_path(seq), size=len(out.getvalue()), rows=1, partition=DAY, statistics=statistics)


def dfs_of(connection: Connection) -> Callable[[str, str], bytes] | None:
    """Reads by the dfs endpoint of the same account; None for the emulator, which has none."""
    if connection.connection_string or connection.blob_service_uri is None:
        return None
    address, token = connection.blob_service_uri.replace(".blob.", ".dfs.").rstrip("/"), connection.token()

    def read(container: str, path: str) -> bytes:
        url = f"{address}/{container}/{path}" if path else f"{address}/{container}?resource=filesystem&recursive=true"
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": _VERSION}
        try:
            with urlopen(Request(url, headers=headers), timeout=_SECONDS) as answer:  # noqa: S310 - the address that is set
                return bytes(answer.read())
        except HTTPError as error:
            raise SmokeError(f"the dfs endpoint answers {error.code} {error.headers.get('x-ms-error-code', '')}") from None
        except URLError as error:
            raise SmokeError(f"the dfs endpoint cannot be reached: {error.reason}") from None

    return read


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SmokeError(otherwise)


if __name__ == "__main__":
    sys.exit(main())
