"""Seeded sample files of any size, made once and kept, each with the exact counts that ingest must come to."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from benchmarks import rows as sound
from benchmarks.flaws import BAD_BYTE, EVENT_FLAWS, KIND, LINE, METRIC_FLAWS, Damage, Flaw, choose, spoil

Layout = Literal["csv", "csv.gz", "ndjson", "parquet"]
Kind = Literal["metrics", "events"]

FOLDER: Final = Path(__file__).resolve().parents[1] / ".bench" / "samples"
"""Where samples are kept when nothing else is said."""
UPLOADED_AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""Last-Modified of every sample that is read as a local file."""
_BLOCK: Final = 250_000
_MAKER: Final = 2
"""Rises when the same arguments give other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSpec:
    """What decides every byte of a sample."""

    dataset: Kind = "metrics"
    layout: Layout = "csv"
    rows: int
    days: int = 7
    bad: float = 0.0
    """Share of bad rows."""
    damage: Damage = Damage.ALL
    seed: int = 7

    @property
    def file_name(self) -> str:
        """One name for each spec."""
        bad = f"-bad{self.bad:g}-{self.damage}" if self.bad else ""
        return f"{self.dataset}-{self.rows}-{self.days}d{bad}-s{self.seed}-v{_MAKER}.{self.layout}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What ingest must find in a sample."""

    read: int
    accepted: int
    rejected: int
    days: dict[str, int]
    """Accepted rows of each PST day, as YYYY-MM-DD."""
    rules: dict[str, int]
    """`rule:column` to bad rows; each breaks one rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A file and what is in it."""

    path: Path
    expected: Expected

    @property
    def megabytes(self) -> float:
        """Its size on disk in millions of bytes."""
        return self.path.stat().st_size / 1e6


def sample(spec: SampleSpec, folder: Path = FOLDER) -> Sample:
    """The sample of a spec, made unless it is there already."""
    path = folder / spec.file_name
    facts = path.with_name(path.name + ".expected.json")
    if not (path.exists() and facts.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{os.getpid()}-{path.name}"
        expected = _make(spec, unfinished, folder)
        facts.write_text(json.dumps(asdict(expected)), encoding="utf-8")
        unfinished.rename(path)
    return Sample(path=path, expected=Expected(**json.loads(facts.read_text(encoding="utf-8"))))


def _make(spec: SampleSpec, path: Path, folder: Path) -> Expected:
    if spec.layout == "csv.gz":
        plain = sample(_plain(spec), folder)
        with plain.path.open("rb") as source, gzip.open(path, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return plain.expected
    days: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    flaws = choose(METRIC_FLAWS if spec.dataset == "metrics" else EVENT_FLAWS, spec.layout, spec.damage)
    blocks = _counted(_blocks(spec, len(flaws)), flaws, days, rules)
    if spec.layout == "parquet":
        _write_parquet(spec, blocks, flaws, path)
    else:
        _write_text(spec, blocks, flaws, path)
    rejected = rules.total()
    return Expected(
        read=spec.rows,
        accepted=spec.rows - rejected,
        rejected=rejected,
        days=dict(sorted(days.items())),
        rules=dict(sorted(rules.items())),
    )


def _plain(spec: SampleSpec) -> SampleSpec:
    return SampleSpec(
        dataset=spec.dataset, layout="csv", rows=spec.rows, days=spec.days, bad=spec.bad, damage=spec.damage, seed=spec.seed
    )


def _blocks(spec: SampleSpec, flaws: int) -> Iterator[pl.DataFrame]:
    """The rows of a sample, a quarter of a million at a time, each with its KIND."""
    rng = np.random.default_rng(spec.seed)
    draw = sound.metric_rows if spec.dataset == "metrics" else sound.event_rows
    for start in range(0, spec.rows, _BLOCK):
        count = min(_BLOCK, spec.rows - start)
        rows = draw(rng, count, units=max(spec.rows // 5, 1), days=spec.days)
        # Drawn whatever the share is, so that a clean sample is the twin of a dirty one, row by row.
        is_bad, kinds = rng.random(count) < spec.bad, rng.integers(1, flaws + 1, count)
        yield rows.with_columns(pl.Series(KIND, np.where(is_bad, kinds, 0), pl.Int8))


def _counted(
    blocks: Iterator[pl.DataFrame], flaws: list[Flaw], days: Counter[str], rules: Counter[str]
) -> Iterator[pl.DataFrame]:
    for block in blocks:
        clean = block.filter(pl.col(KIND) == 0).group_by(sound.DAY).len()
        days.update({day.isoformat(): count for day, count in clean.iter_rows()})
        for kind, count in block.filter(pl.col(KIND) > 0).group_by(KIND).len().iter_rows():
            rules[flaws[kind - 1].rule] += count
        yield block


def _columns(spec: SampleSpec) -> tuple[str, ...]:
    return sound.METRIC_COLUMNS if spec.dataset == "metrics" else sound.EVENT_COLUMNS


def _write_text(spec: SampleSpec, blocks: Iterator[pl.DataFrame], flaws: list[Flaw], path: Path) -> None:
    columns = _columns(spec)
    line = sound.csv_line(columns) if spec.layout == "csv" else sound.json_line(columns)
    with path.open("wb") as file:
        if spec.layout == "csv":
            file.write(",".join(columns).encode() + b"\n")
        for block in blocks:
            lines = spoil(spoil(block, flaws).select(line.alias(LINE), KIND), flaws)
            text = "\n".join(lines.get_column(LINE)).encode()
            file.write(text.replace(BAD_BYTE.encode(), b"\xff") + b"\n")


def _write_parquet(spec: SampleSpec, blocks: Iterator[pl.DataFrame], flaws: list[Flaw], path: Path) -> None:
    writer = None
    for block in blocks:
        table = sound.typed(spoil(block, flaws).select(_columns(spec))).to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table)
    if writer is not None:
        writer.close()
