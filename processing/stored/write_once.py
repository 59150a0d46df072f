"""Writes blobs whose names carry an id of the writer's own, so that nobody else can have written them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from processing.domain.errors import ConditionNotMet
from processing.ports import IF_ABSENT, BlobStore


def write_once(
    store: BlobStore, container: str, name: str, data: bytes | Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the blob once. Where it is there already, it is by this very write, whose answer was lost on the way."""
    with suppress(ConditionNotMet):
        store.put(container, name, data, when=IF_ABSENT, metadata=metadata)
