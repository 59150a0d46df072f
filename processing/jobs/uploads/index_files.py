"""Keeps the index of a customer's files as a sweep's listing has them (protocol, Index of files).

The files of a segment are those that were uploaded before its end and not before the end of the next older one. So a digest of
what is listed tells of each segment whether it is to be read at all: a sweep that finds nothing new reads and writes none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl
import structlog

from processing.domain import blob_names
from processing.domain.errors import LaterError
from processing.jobs.failures import log_failure
from processing.jobs.uploads.listed_files import NO_RECEIPT, ListedFiles, ToldFile, told_frame
from processing.stored.context import JobContext
from processing.stored.file_index import (
    NEWEST_FIRST,
    ROWS,
    UNANSWERED,
    Digest,
    FileIndex,
    Segment,
    digest_of_versions,
    forget_file_index,
    joined_rows,
    load_file_index,
    no_rows,
    read_segment,
    store_file_index,
    stored_etag,
    write_segment,
)
from processing.stored.receipts import days_in_force, find_receipts, iterate_receipts
from processing.stored.uploads import MOST_LOOKED_AT

NEWEST: Final = 2_000
"""Rows beside the names of segments: they are written with each sweep that finds something new."""
SEGMENT: Final = 20_000
_READ: Final = 500
"""Receipts that one sweep reads whole, of files with rows of very many days: the days of others are left to whoever asks."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KnownIndex:
    """The index as it was before anything was listed."""

    index: FileIndex | None
    etag: str | None

    @classmethod
    def load(cls, context: JobContext, customer: str) -> KnownIndex:
        """As it is stored; one that cannot be read is made anew."""
        index = load_file_index(context, customer)
        return cls(index, stored_etag(context, customer) if index is None else index.etag)


@dataclass(slots=True, kw_only=True)
class _Piece:
    """The files of a segment, or the newest."""

    listed: pl.DataFrame
    """As they are listed now."""
    until: datetime | None
    """None for the newest."""
    digest: Digest | None = None
    """Of what is stored; None where nothing is."""
    segment: Segment | None = None
    """That holds them as they are; None where it is to be written."""
    rows: pl.DataFrame | None = None
    """What is stored, and then what is to be; None as long as nobody needed them."""

    @property
    def files(self) -> int:
        return self.listed.height


def index_files(
    context: JobContext, customer: str, known: KnownIndex, listed: ListedFiles, noted: Collection[str], *, anew: bool
) -> bool:
    """Write the index where it differs from the listing, or from what was told; whether it is so stored now.

    `noted` are uploads of which attempts have left notes. With `anew`, every receipt was asked for, and nothing that was known
    is relied on. False where another sweep wrote meanwhile: the next one does it again. What cannot be indexed at all is
    forgotten, and read from listings. LaterError when storage fails.
    """
    if listed.are_too_many:
        _log.info("too_many_files_wait", customer=customer)
        if known.etag is not None:
            forget_file_index(context, customer)
        return True
    try:
        # A note of what is gone by now would stand for it; so it must be told from one that is younger than the listing.
        is_older = known.index is None or anew or listed.are_gone(noted)
        return _index(context, customer, KnownIndex(None if anew else known.index, known.etag), listed, is_older=is_older)
    except LaterError:
        raise
    except Exception as error:  # noqa: BLE001 - a list of files holds up no upload
        log_failure(_log, "files_not_indexed", error, customer=customer)
        forget_file_index(context, customer)
        return True


def _index(context: JobContext, customer: str, known: KnownIndex, listed: ListedFiles, *, is_older: bool) -> bool:
    pieces = _pieces(listed.frame(), known.index)
    if not _change(context, customer, [piece for piece in pieces if _is_other(piece)], listed) and not is_older:
        return True
    segments = list(_segments(context, customer, pieces))
    newest = no_rows() if pieces[0].rows is None else pieces[0].rows
    index = FileIndex(newest=newest, segments=tuple(segments), digest=Digest.of(newest), listed_at=listed.at, etag=known.etag)
    return store_file_index(context, customer, index)


def ask_receipts(context: JobContext, customer: str, names: Collection[str]) -> dict[str, ToldFile]:
    """What the receipts of some uploads tell: one by one while that costs less than listing them all."""
    found = dict.fromkeys(names, NO_RECEIPT)
    if len(names) <= MOST_LOOKED_AT:
        return found | {name: ToldFile.of(seen.summary) for name, seen in find_receipts(context.drop, customer, names).items()}
    wanted = {blob_names.receipt_name(name): name for name in names}
    for seen in iterate_receipts(context.drop, customer):
        if (name := wanted.get(seen.blob)) is not None:
            found[name] = ToldFile.of(seen.summary)
    return found


def _pieces(listed: pl.DataFrame, index: FileIndex | None) -> list[_Piece]:
    """The listing by segments, the newest first."""
    segments = index.segments if index is not None else ()
    ends = pl.Series([each.until for each in reversed(segments)], dtype=ROWS["uploaded_at"])
    places = ends.search_sorted(listed["uploaded_at"], side="right") if segments else pl.zeros(listed.height, eager=True)
    by_place = listed.with_columns(place=pl.Series(places, dtype=pl.Int64)).partition_by("place", as_dict=True)
    nothing, number = listed.clear(), len(segments)
    newest = _Piece(listed=_at(by_place, number, nothing), until=None)
    if index is not None:
        newest.digest, newest.rows = index.digest, index.newest
    older = (
        _Piece(listed=_at(by_place, number - place, nothing), until=segment.until, segment=segment, digest=segment.digest)
        for place, segment in enumerate(segments, 1)
    )
    return [newest, *older]


def _at(by_place: dict[tuple[object, ...], pl.DataFrame], place: int, nothing: pl.DataFrame) -> pl.DataFrame:
    found = by_place.get((place,))
    return nothing if found is None else found.drop("place")


def _is_other(piece: _Piece) -> bool:
    """Whether the rows that are stored of a piece may differ from what is listed and told."""
    digest = piece.digest
    if digest is None or digest.open or digest.files != piece.files or piece.listed["is_told"].any():
        return True
    return digest_of_versions(piece.listed) != digest.versions


def _change(context: JobContext, customer: str, pieces: list[_Piece], listed: ListedFiles) -> bool:
    """Make these the rows that are to be; whether any differ from those that are stored."""
    drafts = [(piece, _draft(context, piece)) for piece in pieces]
    names = [name for _, draft in drafts for name in draft.filter("is_unknown")["name"].to_list()]
    told = {**listed.told, **ask_receipts(context, customer, names)}
    is_any, left = False, _READ
    for piece, draft in drafts:
        rows, read = _with_days(context, customer, _with_told(draft, told), left)
        left -= read
        digest, is_same = Digest.of(rows), piece.rows is not None and rows.equals(piece.rows)
        if is_same and digest == piece.digest:
            continue
        is_any, piece.rows = True, rows
        if piece.segment is not None:
            piece.segment = replace(piece.segment, digest=digest) if is_same else None
    return is_any


def _draft(context: JobContext, piece: _Piece) -> pl.DataFrame:
    """What is listed of a piece with what was known of it, and `is_unknown`, of which receipts are to be asked for."""
    if piece.segment is not None:
        piece.rows = read_segment(context, piece.segment)
    before = no_rows() if piece.rows is None else piece.rows
    known = before.select("name", "etag", "status", "rows", "days", is_known=pl.lit(value=True))
    is_open = pl.col("is_known").is_null() | UNANSWERED
    return piece.listed.join(known, on=("name", "etag"), how="left").with_columns(is_unknown=is_open & ~pl.col("is_told"))


def _with_told(draft: pl.DataFrame, told: Mapping[str, ToldFile]) -> pl.DataFrame:
    """The rows of a piece, the newest first: what was told takes the place of what was known."""
    is_asked = pl.col("is_told") | pl.col("is_unknown")
    names = draft.filter(is_asked)["name"].to_list()
    joined = draft.join(told_frame(told, names), on="name", how="left", suffix="_told")
    is_current = pl.col("of") == pl.col("etag")
    taken = [
        pl.when(is_asked).then(pl.when(is_current).then(f"{column}_told")).otherwise(column).alias(column)
        for column in ("status", "rows")
    ]
    days = pl.when(is_asked).then("days_told").otherwise("days").alias("days")
    return joined.with_columns(*taken, days).select(list(ROWS)).sort(NEWEST_FIRST, descending=True)


def _with_days(context: JobContext, customer: str, rows: pl.DataFrame, most: int) -> tuple[pl.DataFrame, int]:
    """With the days of files of which metadata cannot tell them, of at most so many; and of how many that was."""
    names = rows.filter(pl.col("days").is_null()).head(most)["name"].to_list()
    if not names:
        return rows, 0
    read = [(name, days_in_force(context.drop, customer, name)) for name in names]
    found = pl.DataFrame(read, schema={"name": pl.String, "read": ROWS["days"]}, orient="row")
    joined = rows.join(found, on="name", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("days", "read").alias("days")).select(list(ROWS)), len(names)


def _segments(context: JobContext, customer: str, pieces: list[_Piece]) -> Iterator[Segment]:
    """The segments of the index that is to be, the newest first; those that are others are written."""
    newest, *older = pieces
    rows = no_rows() if newest.rows is None else newest.rows
    if rows.height > NEWEST:
        newest.rows, moved, edge = _cut(rows, NEWEST // 2)
        older.insert(0, _Piece(listed=moved, until=edge, rows=moved))
    for piece in _merged(context, [each for each in older if each.files]):
        if piece.segment is not None:
            yield piece.segment
        elif piece.rows is not None and piece.until is not None:
            yield from _written(context, customer, piece.rows, piece.until)


def _merged(context: JobContext, pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours that fit into one segment as one, where one of them is written anyhow."""
    found: list[_Piece] = []
    for piece in pieces:
        newer = found[-1] if found else None
        if newer is not None and newer.files + piece.files <= SEGMENT and (newer.segment is None or piece.segment is None):
            frames = [_rows(context, newer), _rows(context, piece)]
            rows = [frame for frame in frames if frame is not None]
            if len(rows) == len(frames):  # what is lost is left to housekeeping, which has all of it told anew
                together = joined_rows(rows)
                found[-1] = _Piece(listed=together, until=newer.until, rows=together)
                continue
        found.append(piece)
    return found


def _rows(context: JobContext, piece: _Piece) -> pl.DataFrame | None:
    if piece.rows is None and piece.segment is not None:
        piece.rows = read_segment(context, piece.segment)
    return piece.rows


def _written(context: JobContext, customer: str, rows: pl.DataFrame, until: datetime) -> Iterator[Segment]:
    while rows.height > SEGMENT:
        newer, rows, edge = _cut(rows, SEGMENT)
        yield write_segment(context, customer, newer, until)
        until = edge
    if rows.height:
        yield write_segment(context, customer, rows, until)


def _cut(rows: pl.DataFrame, most: int) -> tuple[pl.DataFrame, pl.DataFrame, datetime]:
    """The newest so many rows, with all that were uploaded when the last of them was; the others; and the time between."""
    edge: datetime = rows["uploaded_at"][most - 1]
    is_newer = pl.col("uploaded_at") >= edge
    return rows.filter(is_newer), rows.filter(~is_newer), edge
