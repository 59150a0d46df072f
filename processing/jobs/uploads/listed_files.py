"""What a sweep learns of a customer's files on its way: each upload that is listed, and of some what they were answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import polars as pl

from processing.domain.receipts import ReceiptSummary
from processing.ports import BlobInfo
from processing.stored.file_index import ROWS

MOST_WAITING: Final = 4 << 20
"""Characters that the names of uploads without an answer may have together: some seventy thousand names of sixty."""
_LISTED: Final = ("name", "etag", "size", "uploaded_at")
_TOLD: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "name": pl.String,
    "of": pl.String,
    "status": pl.String,
    "rows": pl.Int64,
    "days": pl.List(pl.Date),
}
"""Of a receipt: the upload's name, the version that it is current for, and what `file_index` has of it."""


@dataclass(frozen=True, slots=True)
class ToldFile:
    """What a receipt tells of an upload, as little as must be kept of each."""

    etag: str | None
    """The version of which it tells; None of one that says that the upload is gone, or where there is none."""
    status: str | None = None
    rows: int | None = None
    days: tuple[date, ...] | None = ()
    """Of which the upload has rows in force; None where they are so many that the receipt itself must be read."""

    @classmethod
    def of(cls, summary: ReceiptSummary) -> ToldFile:
        """What a listing of receipts tells of one."""
        return cls(summary.current_for, summary.status.value, summary.rows_read, summary.days)


NO_RECEIPT: Final = ToldFile(None)


@dataclass(slots=True)
class ListedFiles:
    """Column by column, so that a name and a time are all that is kept of most.

    What waits may be any number of uploads: once their names are too many, nothing is kept of any.
    """

    at: datetime
    """Before anything was listed, by the service's clock."""
    told: dict[str, ToldFile] = field(default_factory=dict)
    """By name."""
    _names: list[str] = field(default_factory=list)
    _etags: list[str] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _times: list[datetime] = field(default_factory=list)
    _stubs: set[str] = field(default_factory=set)
    _waiting: int = 0
    """Characters of the names of those without an answer."""
    are_too_many: bool = False

    def see(self, info: BlobInfo) -> None:
        """That an upload is listed."""
        if self.are_too_many:
            return
        self._names.append(info.name)
        self._etags.append(info.etag)
        self._sizes.append(info.size)
        self._times.append(info.last_modified)

    def tell(self, name: str, told: ToldFile) -> None:
        """What the receipt of an upload says now."""
        if not self.are_too_many:
            self.told[name] = told

    def wait(self, name: str) -> None:
        """That an upload which is listed has no answer."""
        self._waiting += len(name)
        if self._waiting > MOST_WAITING:
            self.give_up()

    def give_up(self) -> None:
        """Keep nothing: who shows files lists them."""
        self.are_too_many = True
        for kept in (self.told, self._names, self._etags, self._sizes, self._times, self._stubs):
            kept.clear()

    def are_gone(self, names: Collection[str]) -> bool:
        """Whether any of these is not listed."""
        return bool(names) and not set(self._names).issuperset(names)

    def leave_out(self, stubs: Collection[str]) -> None:
        """That some stand for folders alone."""
        self._stubs.update(stubs)

    def frame(self) -> pl.DataFrame:
        """Every upload, with the first columns of ROWS and `is_told`, whether its receipt was asked for."""
        schema = {name: ROWS[name] for name in _LISTED}
        listed = pl.DataFrame([self._names, self._etags, self._sizes, self._times], schema=schema)
        listed = listed.with_columns(pl.Series("is_told", [name in self.told for name in self._names], pl.Boolean))
        return listed.filter(~pl.col("name").is_in(list(self._stubs))) if self._stubs else listed


def told_frame(told: Mapping[str, ToldFile], names: Iterable[str]) -> pl.DataFrame:
    """What is told of some uploads, for a join with their rows."""
    rows = [(name, each.etag, each.status, each.rows, each.days) for name in names if (each := told.get(name)) is not None]
    return pl.DataFrame(rows, schema=_TOLD, orient="row")
