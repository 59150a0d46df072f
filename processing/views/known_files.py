"""Which uploads a customer has and what each was answered, as far as that is known without asking for each.

Of a few files the container itself is listed. Of many, the index is read that sweeps keep (protocol, Index of files), and what
attempts since the last sweep have noted. Without an index everything is listed, uploads and receipts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

import polars as pl

from processing.domain import blob_names
from processing.domain.receipts import ReceiptSummary, UploadStatus
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.file_index import ROWS, UNANSWERED, load_file_index, read_segment
from processing.stored.receipts import iterate_receipts, look_at_receipts
from processing.stored.upload_notes import StoredNote, list_notes
from processing.stored.uploads import is_stub, list_uploads

FEW: Final = 1_000
"""Files of which the uploads are listed: that takes one request, and shows also those of which no event came."""
_MOST_MORE: Final = 5
"""How many times as many may be there by now."""
_TRIES: Final = 2
"""A segment may be gone because the index names others since it was read; what is gone for good is listed."""
_THREADS: Final = 8
_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """The files of a customer, or those below one of its folders."""

    rows: pl.DataFrame
    """As `file_index` has them, in any order, with `is_open`: whether an answer may have come since."""
    noted: frozenset[str] = frozenset()
    """Names of those that were worked on since."""


def known_files(context: JobContext, customer: str, folder: str) -> KnownFiles:
    """The files whose names start with `folder`, which ends in `/` or is empty for all of them."""
    # The notes before the index: a sweep takes a note away once the index has what it tells.
    notes = list_notes(context, customer)
    with ThreadPoolExecutor(_THREADS, "files") as pool:
        for _ in range(_TRIES):
            index = load_file_index(context, customer)
            if index is None:
                break
            segments = list(pool.map(partial(read_segment, context), index.segments))
            rows = [index.newest, *(each for each in segments if each is not None)]
            listed = _listed_few(context, customer, folder) if index.files <= FEW else None
            if listed is not None:
                return KnownFiles(_few(context, customer, listed, rows, notes))
            if len(rows) > len(index.segments):
                below = pl.concat(rows)
                below = below.filter(pl.col("name").str.starts_with(folder)) if folder else below
                return _with_notes(below, folder, notes, index.listed_at)
    return KnownFiles(_listed(context, customer, folder))


def ask(context: JobContext, customer: str, known: KnownFiles, names: Collection[str]) -> KnownFiles:
    """The same with the answers that these files have now; without those that are gone."""
    asked = known.rows.filter(pl.col("name").is_in(list(names)))
    with ThreadPoolExecutor(_THREADS, "files") as pool:
        found = list(pool.map(lambda row: _asked(context, customer, row), asked.to_dicts()))
    left = known.rows.filter(~pl.col("name").is_in(list(names)))
    rows = pl.concat([left, _frame(row for row in found if row is not None)])
    return KnownFiles(rows, known.noted.difference(names))


def _listed_few(context: JobContext, customer: str, folder: str) -> list[BlobInfo] | None:
    """The uploads that are there now; None where they have become very many."""
    listed = list(islice(list_uploads(context.drop, customer, folder, metadata=True), _MOST_MORE * FEW + 1))
    return None if len(listed) > _MOST_MORE * FEW else [info for info in listed if not is_stub(info)]


def _few(
    context: JobContext,
    customer: str,
    listed: Iterable[BlobInfo],
    indexed: Iterable[pl.DataFrame],
    notes: Mapping[str, StoredNote],
) -> pl.DataFrame:
    """These uploads with what is known of their answers; the others are asked for."""
    known = {(row["name"], row["etag"]): row for frame in indexed for row in frame.iter_rows(named=True)}

    def told(info: BlobInfo) -> _Row:
        row = known.get((info.name, info.etag))
        if row is None or info.name in notes or row["status"] in (None, UploadStatus.FAILED):
            return _answered(info, _receipt(context, customer, info.name))
        return row

    with ThreadPoolExecutor(_THREADS, "files") as pool:
        return _frame(pool.map(told, listed))


def _with_notes(rows: pl.DataFrame, folder: str, notes: Mapping[str, StoredNote], listed_at: datetime) -> KnownFiles:
    """The index with the versions that attempts since its listing have noted: a newer one in the place of an older."""
    own = {name: each.note for name, each in notes.items() if name.startswith(folder)}
    known = {row["name"]: row for row in rows.filter(pl.col("name").is_in(list(own))).iter_rows(named=True)}
    newer = []
    for name, note in own.items():
        row = known.get(name)
        if note.modified is None or notes[name].written < listed_at:
            continue  # what was noted before the listing is in it, or is gone
        if row is None or (row["etag"] != note.etag and row["uploaded_at"] <= note.modified):
            newer.append(_row(name, note.etag, note.size or 0, note.modified))
    left = rows.filter(~pl.col("name").is_in([each["name"] for each in newer])) if newer else rows
    is_open = pl.col("name").is_in(list(own)) | UNANSWERED
    together = pl.concat([left, pl.DataFrame(newer, schema=ROWS)])
    return KnownFiles(together.with_columns(is_open=is_open), frozenset(own))


def _listed(context: JobContext, customer: str, folder: str) -> pl.DataFrame:
    """The uploads that are there now with their receipts, by two listings."""
    uploads = {
        blob_names.receipt_name(info.name): info
        for info in list_uploads(context.drop, customer, folder, metadata=True)
        if not is_stub(info)
    }
    receipts = {seen.blob: seen.summary for seen in iterate_receipts(context.drop, customer, folder) if seen.blob in uploads}
    return _frame(_answered(info, receipts.get(name)) for name, info in uploads.items())


def _asked(context: JobContext, customer: str, row: _Row) -> _Row | None:
    """A file as it is now: its receipt first, so that a version that came since is not shown with an earlier one's answer."""
    summary = _receipt(context, customer, row["name"])
    info = context.drop.head(blob_names.drop_container(customer), row["name"])
    return None if info is None else _answered(info, summary)


def _receipt(context: JobContext, customer: str, upload: str) -> ReceiptSummary | None:
    name = blob_names.receipt_name(upload)
    found = look_at_receipts(context.drop, customer, [name]).get(name)
    return None if found is None else found.summary


def _answered(info: BlobInfo, summary: ReceiptSummary | None) -> _Row:
    return _with_answer(_row(info.name, info.etag, info.size, info.last_modified), summary)


def _with_answer(row: _Row, summary: ReceiptSummary | None) -> _Row:
    if summary is None:
        return row
    is_current = summary.current_for == row["etag"]
    return {
        **row,
        "status": summary.status.value if is_current else None,
        "rows": summary.rows_read if is_current else None,
        "days": summary.days,
    }


def _row(name: str, etag: str, size: int, uploaded_at: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": None, "rows": None, "days": []}
    return {"name": name, "etag": etag, "size": size, "uploaded_at": uploaded_at, **answer}


def _frame(rows: Iterable[_Row]) -> pl.DataFrame:
    known = [{column: row[column] for column in ROWS} for row in rows]
    return pl.DataFrame(known, schema=ROWS).with_columns(is_open=pl.lit(value=False))
