"""Files within all bounds that take longest for each of their rows, valid or not; made from clean samples once and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from benchmarks.samples import FOLDER, Layout, SampleSpec, sample

_SHARE: Final = 49
"""Percent of the rows that are changed where it is not all of them: the most that are not the most."""
_LINE: Final = "line"
_MAKER: Final = 1
"""Rises when the same arguments give other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """One way to be slow."""

    title: str
    layout: Layout
    change: Callable[[pl.Expr], pl.Expr]
    """From a clean line to the changed one; of Parquet from a unit to the changed one."""
    is_valid: bool = False
    """Whether the changed rows are accepted."""
    share: int = 100
    """Percent of the rows that are changed."""

    def clean(self, rows: int) -> SampleSpec:
        """The sample that it is made from, and that its speed is held against."""
        return SampleSpec(dataset="events" if self.layout == "ndjson" else "metrics", layout=self.layout, rows=rows)

    def rejected(self, rows: int) -> int:
        """How many of the first rows ingest must reject."""
        whole, rest = divmod(rows, 100)
        return 0 if self.is_valid else whole * self.share + min(rest, self.share)


def _segment(line: pl.Expr) -> pl.Expr:
    """A call as Segment's libraries write it, with the user and the page of the clean event."""
    user, page, value = (line.str.extract(rf'"{name}":"([^"]*)"') for name in ("userID", "page", "event_value"))
    return pl.concat_str(
        pl.lit('{"type":"track","event":"bought","messageId":"ajs-'),
        line.hash(1).cast(pl.String),
        pl.lit('","userId":"'),
        user,
        pl.lit('","anonymousId":"a-'),
        user,
        pl.lit('","originalTimestamp":"2026-10-28T10:11:12.123Z","context":{"page":{"path":"'),
        page,
        pl.lit('"}},"properties":{"value":'),
        value,
        pl.lit(',"currency":"USD","products":[{"id":7,"price":9.5}],"metadata":{"page":"'),
        page,
        pl.lit('"}}}'),
    )


def _becomes(text: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda _: pl.lit(text)


WORST: Final = (
    Worst(title="Segment track", layout="ndjson", change=_segment, is_valid=True),
    Worst(
        title="Segment track, nested deep",
        layout="ndjson",
        change=lambda line: _segment(line).str.replace('"price":9.5', '"price":{"a":[{"b":[1,2,{"c":null}]}]}', literal=True),
        is_valid=True,
    ),
    Worst(
        title="users and metadata with escapes",
        layout="ndjson",
        change=lambda line: line.str.replace(r'":\{', '":{"note":"\\"\\"",').str.replace(
            '"userID":', '"n":"\\"","userID":', literal=True
        ),
        is_valid=True,
    ),
    Worst(title="no JSON", layout="ndjson", change=lambda line: line.str.head(40), share=_SHARE),
    Worst(title="JSON with one brace too many", layout="ndjson", change=lambda line: line + "}", share=_SHARE),
    Worst(title="empty objects", layout="ndjson", change=_becomes("{}"), share=_SHARE),
    Worst(title="ragged", layout="csv", change=lambda line: line + ",surplus", share=_SHARE),
    Worst(title="broken quoting", layout="csv", change=lambda line: line.str.replace("^(...)", '${1}"'), share=_SHARE),
    Worst(title="four reasons a row", layout="csv", change=_becomes(",,x,,y"), share=_SHARE),
    Worst(title="no units", layout="parquet", change=_becomes(""), share=99),
)


def worst_file(worst: Worst, rows: int, folder: Path = FOLDER) -> Path:
    """The file, made unless it is there already."""
    clean = sample(worst.clean(rows), folder).path
    path = folder / f"worst-{worst.title.replace(' ', '-')}-{worst.share}-v{_MAKER}-{clean.name}"
    if not path.exists():
        unfinished = folder / f"{os.getpid()}-{path.name}"
        _WRITERS[worst.layout](worst, clean, unfinished)
        unfinished.rename(path)
    return path


def _changed(worst: Worst, column: str) -> pl.Expr:
    is_changed = pl.int_range(pl.len()) % 100 < worst.share
    return pl.when(is_changed).then(worst.change(pl.col(column))).otherwise(column).alias(column)


def _write_lines(worst: Worst, clean: Path, path: Path) -> None:
    lines = pl.scan_lines(clean, name=_LINE).collect()
    head, rows = (lines.head(1), lines.slice(1)) if worst.layout == "csv" else (lines.clear(), lines)
    written = pl.concat([head, rows.select(_changed(worst, _LINE))])
    path.write_text(written.get_column(_LINE).str.join("\n").item() + "\n", encoding="utf-8")


def _write_parquet(worst: Worst, clean: Path, path: Path) -> None:
    pl.read_parquet(clean).with_columns(_changed(worst, "unit_id")).write_parquet(path, compression="snappy")


_WRITERS: Final[Mapping[str, Callable[[Worst, Path, Path], None]]] = {
    "csv": _write_lines,
    "ndjson": _write_lines,
    "parquet": _write_parquet,
}
