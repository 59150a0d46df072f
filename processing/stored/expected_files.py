"""Long lists of files that a day's manifests name: they lie beside the stream's state, which everybody reads, and not in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from pydantic import TypeAdapter

from processing.domain import blob_names
from processing.domain.errors import OperatorError
from processing.domain.readiness.cuts import LONGEST_LIST
from processing.domain.stream_state import DayRecord, ExpectedFile, StreamState
from processing.ports import BlobStore
from processing.stored.write_once import write_once

_LIST = TypeAdapter(tuple[ExpectedFile, ...])
_MOST_AT_ONCE = 64 * 1024 * 1024
"""Bytes of lists that one look reads."""


def store_long_lists(lake: BlobStore, state: StreamState) -> StreamState:
    """The state without long lists: each is stored under a name of its content, and the record names that."""
    days = {}
    for day, record in state.days.items():
        if len(record.expected_files) > LONGEST_LIST:
            data = _LIST.dump_json(record.expected_files)
            digest = hashlib.sha256(data).hexdigest()
            name = blob_names.expected_name(state.stream, day, digest)
            write_once(lake, blob_names.STATE_CONTAINER, name, data)
            count = len(record.expected_files)
            days[day] = replace(
                record, expected_files=record.expected_files[:LONGEST_LIST], expected_count=count, expected_in=name
            )
    return replace(state, days={**state.days, **days}) if days else state


def read_expected(lake: BlobStore, records: Iterable[DayRecord]) -> dict[str, tuple[ExpectedFile, ...]]:
    """The lists that these records name, by their names, as many as one look may read; those of earlier records first.

    OperatorError for one that is gone.
    """
    found: dict[str, tuple[ExpectedFile, ...]] = {}
    size = 0
    for name in (record.expected_in for record in records):
        if name is None or name in found:
            continue
        blob = lake.get(blob_names.STATE_CONTAINER, name)
        if blob is None:
            raise OperatorError(
                f"{name} is gone though a day waits for the files in it: restore it, or have the day marked again"
            )
        found[name] = _LIST.validate_json(blob[0])
        size += len(blob[0])
        if size >= _MOST_AT_ONCE:
            break
    return found
