"""Manifests of publications: the one by which a day is published."""

from __future__ import annotations

from datetime import date

from processing.domain import blob_names
from processing.domain.documents import from_json
from processing.domain.errors import OperatorError
from processing.domain.publications import Manifest
from processing.domain.stream_state import StreamState
from processing.ports import BlobStore


def read_manifest(lake: BlobStore, state: StreamState, day: date) -> Manifest | None:
    """The manifest of a day's publication; None when it is not published, OperatorError when it is gone."""
    record = state.days.get(day)
    if record is None or record.published is None:
        return None
    name = record.published.manifest
    found = lake.get(blob_names.STATE_CONTAINER, name)
    if found is None:
        raise OperatorError(f"{name} is gone though {state.stream} has published by it: restore it")
    return from_json(Manifest, found[0])
