"""A customer's uploads and what each was answered, the newest first: those that somebody looks for, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.stored.context import JobContext
from processing.stored.file_index import NEWEST_FIRST
from processing.stored.receipts import days_in_force
from processing.views.known_files import KnownFiles, ask, known_files

NO_ANSWER: Final = "none"
"""In the place of a status: an upload without a current receipt."""
_MOST_NOTED: Final = 5_000
"""Files that were worked on since the last sweep of which one page asks for the answers, where it shows some answers alone."""
_MOST_ASKED: Final = 300
"""Receipts of files without a known answer that one page asks for, and one for each of its files where these are more."""
_THREADS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """One upload as it lies there."""

    name: str
    size: int
    """Bytes."""
    uploaded_at: datetime
    status: str | None
    """Of the receipt that is current for it; None while there is none."""
    rows: int | None
    """Records that were read of it."""
    days: Collection[date] | None = ()
    """Of which it holds rows in force, by whichever version; None where they are so many that its receipt must be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """What is looked for; None for whatever it is."""

    dataset: Dataset | None = None
    """The folder."""
    status: str | None = None
    """Of the current receipt, or NO_ANSWER."""
    day: date | None = None
    """A day of which the upload holds rows in force."""
    name: str | None = None
    """A part of the name, in whatever case."""
    since: datetime | None = None
    """When it was uploaded, at the earliest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePage:
    """Some of the files that are looked for."""

    files: Sequence[FileStatus]
    """The newest first; of the same second, the last by name."""
    count: int
    """How many there are on all pages."""
    has_more: bool
    """Whether there are some behind these."""


ANY_FILE: Final = FileFilter()
Place = tuple[datetime, str]
"""When a file was uploaded, and its name."""


def list_files(
    context: JobContext,
    customer: str,
    wanted: FileFilter = ANY_FILE,
    *,
    after: Place | None = None,
    limit: int | None = None,
) -> FilePage:
    """The files that are looked for, behind the place `after`, at most `limit` of them.

    Of many files, those are known that the last sweep listed or somebody has worked on since. Of those that are on the page and
    may be answered by now, it is asked whether they are.
    """
    known = known_files(context, customer, f"{wanted.dataset}/" if wanted.dataset is not None else "")
    known = KnownFiles(_named(known.rows, wanted), known.noted)
    left = _MOST_ASKED if limit is None else max(_MOST_ASKED, limit + 1)
    if (wanted.status is not None or wanted.day is not None) and known.noted:
        noted = _newest(known.rows.filter(pl.col("name").is_in(list(known.noted))), _MOST_NOTED)
        known, _ = _ask(context, customer, known, noted, _MOST_NOTED)
    while True:
        found = _matching(context, customer, known.rows, wanted)
        page = _newest(found if after is None else found.filter(_is_behind(after)), None if limit is None else limit + 1)
        is_open = page.filter("is_open")
        if is_open.is_empty() or left == 0:
            break
        known, left = _ask(context, customer, known, is_open, left)
    shown = page if limit is None else page.head(limit)
    return FilePage(
        files=[_status(row) for row in shown.iter_rows(named=True)], count=found.height, has_more=shown.height < page.height
    )


def _named(rows: pl.DataFrame, wanted: FileFilter) -> pl.DataFrame:
    """Those that are looked for by what no answer changes."""
    if wanted.since is not None:
        rows = rows.filter(pl.col("uploaded_at") >= wanted.since)
    if wanted.name:
        rows = rows.filter(_may_have(wanted.name))
        part = wanted.name.casefold()
        rows = rows.filter(pl.Series([part in name.casefold() for name in rows["name"].to_list()], dtype=pl.Boolean))
    return rows


def _may_have(part: str) -> pl.Expr:
    """Names that may have this part in whatever case, told by the engine, which does not know every case beyond ASCII."""
    name = pl.col("name")
    is_ascii = name.str.len_bytes() == name.str.len_chars()
    return ~is_ascii | name.str.contains(f"(?i){re.escape(part)}") if part.isascii() else pl.lit(value=True)


def _matching(context: JobContext, customer: str, rows: pl.DataFrame, wanted: FileFilter) -> pl.DataFrame:
    """Those that are looked for by their answers."""
    if wanted.status is not None:
        is_meant = pl.col("status").is_null() if wanted.status == NO_ANSWER else pl.col("status") == wanted.status
        rows = rows.filter(is_meant)
    if wanted.day is not None:
        unknown = rows.filter(pl.col("days").is_null())["name"].to_list()
        with ThreadPoolExecutor(_THREADS, "files") as pool:
            read = zip(unknown, pool.map(lambda name: days_in_force(context.drop, customer, name), unknown), strict=True)
            having = [name for name, days in read if wanted.day in days]
        rows = rows.filter(pl.col("days").list.contains(wanted.day).fill_null(value=False) | pl.col("name").is_in(having))
    return rows


def _newest(rows: pl.DataFrame, most: int | None) -> pl.DataFrame:
    if most is not None:
        # By two columns alone: the others are of no concern for which they are.
        rows = rows[rows.select(NEWEST_FIRST).with_row_index().top_k(most, by=NEWEST_FIRST)["index"]]
    return rows.sort(NEWEST_FIRST, descending=True)


def _is_behind(place: Place) -> pl.Expr:
    at, name = place
    return (pl.col("uploaded_at") < at) | ((pl.col("uploaded_at") == at) & (pl.col("name") < name))


def _ask(context: JobContext, customer: str, known: KnownFiles, rows: pl.DataFrame, most: int) -> tuple[KnownFiles, int]:
    names = rows["name"].head(most).to_list()
    return ask(context, customer, known, names), most - len(names)


def _status(row: dict[str, Any]) -> FileStatus:
    days = row["days"]
    return FileStatus(
        name=row["name"],
        size=row["size"],
        uploaded_at=row["uploaded_at"],
        status=row["status"],
        rows=row["rows"],
        days=None if days is None else frozenset(days),
    )
