"""Writes down what another processing of a day will change, before it changes anything (contract section 6, corrections)."""

from __future__ import annotations

import heapq
import json
from collections.abc import Set as AbstractSet
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.publications import Manifest, TableOutput
from processing.domain.stream_state import StreamState
from processing.publication.totals import changed_totals
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result
from processing.stored.write_once import write_once

MOST_TOTALS: Final = 10_000
MOST_FILES: Final = 10_000
"""Of what differs so much is written down, and all of it counted: a day may have any number of metrics, and of files."""


def write_difference(context: JobContext, state: StreamState, manifest: Manifest, attempt: str) -> str | None:
    """The name of the blob beside the day's status document that tells what `manifest` will change.

    None when there is no publication before it. Totals are left out when a file of that is gone, OperatorError when its
    manifest is.
    """
    before = read_manifest(context.lake, state, manifest.day)
    if before is None:
        return None
    document = _document(before, manifest)
    if _are_there(context, state, _files(before.outputs)):
        old, new = (
            (read_result(context.results, state.customer, name) for name in _files(outputs))
            for outputs in (before.outputs, manifest.outputs)
        )
        totals = changed_totals(old, new, most=MOST_TOTALS)
        document |= {"totals_changed": totals.count, "totals": totals.shown}
    name = blob_names.difference_name(state.dataset, manifest.day, seq=manifest.seq, epoch=manifest.epoch, attempt=attempt)
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str, allow_nan=False)
    write_once(context.drop, blob_names.receipts_container(state.customer), name, text.encode("utf-8", "backslashreplace"))
    return name


def _are_there(context: JobContext, state: StreamState, names: list[str]) -> bool:
    container = blob_names.results_container(state.customer)
    return all(context.results.head(container, name) is not None for name in names)


def _files(outputs: tuple[TableOutput, ...]) -> list[str]:
    """The files of the table that sums up the day, or holds what there is to sum up."""
    summed = [output for output in outputs if output.table in ("metric_days", "first_exposures")]
    return [f"{output.table}/{file.path}" for output in summed for file in output.files]


def _document(before: Manifest, after: Manifest) -> dict[str, Any]:
    old, new = {each.part: each.blob for each in before.inputs}, {each.part: each.blob for each in after.inputs}
    joined = {blob for part, blob in new.items() if part not in old}
    left = {blob for part, blob in old.items() if part not in new}
    return {
        "customer": after.customer,
        "dataset": after.dataset,
        "day": after.day.isoformat(),
        "seq": after.seq,
        "replaces": before.seq,
        "cause": after.cause,
        "rows": {"before": before.rows, "after": after.rows},
        "superseded": {"before": before.superseded, "after": after.superseded},
        "files_changed": {"joined": len(joined), "left": len(left)},
        "files_joined": _first(joined),
        "files_left": _first(left),
    }


def _first(names: AbstractSet[str]) -> list[str]:
    return heapq.nsmallest(MOST_FILES, names)
