"""The files of a customer's results that publications name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from processing.domain import blob_names
from processing.domain.errors import OperatorError
from processing.domain.stream_state import StreamState
from processing.ports import BlobStore
from processing.stored.manifests import read_manifest


def files_of_days(
    lake: BlobStore, results: BlobStore, state: StreamState, table: str, *, before: date = date.max
) -> Iterator[bytes]:
    """The files that the published days before one have in a table, one after another; days that stand apart have none."""
    for day in (each for each in sorted(state.days) if each < before):
        manifest = read_manifest(lake, state, day)
        names = () if manifest is None else manifest.names_in(table)
        yield from (read_result(results, state.customer, name) for name in names)


def read_result(results: BlobStore, customer: str, name: str) -> bytes:
    """A file of a results table; OperatorError when it is gone though a publication names it."""
    found = results.get(blob_names.results_container(customer), name)
    if found is None:
        raise OperatorError(f"{name} of {customer} is gone though a publication names it: restore it")
    return found[0]
