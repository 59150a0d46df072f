"""Gathers the keys of first exposures of a closed month in one file, for the days after it (protocol, Closed days)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.stream_state import ClosedDays, StreamState
from processing.domain.streams import Stream
from processing.publication.delta.specs import FIRST_EXPOSURES
from processing.publication.exposures.known_keys import write_known_keys
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.result_files import files_of_days
from processing.stored.stream_state import change_state, load_state
from processing.stored.write_once import write_once

_MOST_BYTES: Final = 256 * 1024 * 1024
"""Of the files of a month: beyond that their number is not what a day pays for, and scratch disk is small."""


def gather_known_keys(context: JobContext, stream: Stream) -> int:
    """Make the file of each closed month that is over and has none; returns how many."""
    if stream.dataset is not Dataset.EXPOSURES:
        return 0
    stored = load_state(context, stream)
    made = 0
    # The last one grows with the next day that is closed.
    for closed in (each for each in stored.state.closed[:-1] if each.known_keys is None):
        name = _written(context, stored.state, closed)
        if name is None:
            continue

        def named(state: StreamState, closed: ClosedDays = closed, name: str = name) -> StreamState:
            return replace(
                state, closed=tuple(replace(each, known_keys=name) if each == closed else each for each in state.closed)
            )

        stored = change_state(context, stored, named)
        made += 1
    return made


def _written(context: JobContext, state: StreamState, closed: ClosedDays) -> str | None:
    """The name of the file, which is stored; None for days that are left as they are."""
    days = with_closed_days(context.lake, replace(state, closed=(closed,), days={}))
    manifests = (read_manifest(context.lake, days, day) for day in days.days)
    outputs = (output for manifest in manifests if manifest is not None for output in manifest.outputs)
    size = sum(file.size for output in outputs if output.table == FIRST_EXPOSURES.name for file in output.files)
    if size > _MOST_BYTES:
        return None
    name = blob_names.known_keys_name(state.stream, closed.first, closed.last, blob_names.new_attempt())
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        target = Path(scratch) / "keys.parquet"
        write_known_keys(files_of_days(context.lake, context.results, days, FIRST_EXPOSURES.name), target)
        write_once(context.lake, blob_names.STATE_CONTAINER, name, target)
    return name
