"""A day of exposures from its staged parts: the files of `first_exposures` (contract section 8)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from processing.domain.publications import TableFile, TableOutput
from processing.publication.delta.files import file_schema
from processing.publication.delta.specs import EXPOSED_UNITS, FIRST_EXPOSURES
from processing.publication.exposures import transforms
from processing.publication.inputs import ORDER, part_rows
from processing.publication.key_filter import KeyFilter
from processing.publication.model import DayInput, DayRequest, DayResult, Emit
from processing.publication.result_files import DayFiles
from processing.publication.shuffle import Shuffle

_BUCKETS: Final = 32
_KEYS_AT_ONCE: Final = 1_000_000
_SCHEMA: Final = {**file_schema(FIRST_EXPOSURES), ORDER: pl.Int64()}
_DIGEST_SEEDS: Final = (3, 4)
_DIGITS: Final = 16


def compute_exposure_day(
    request: DayRequest, inputs: Sequence[DayInput], scratch: Path, emit: Emit, earlier: Iterable[bytes]
) -> DayResult:
    """Keep the day's first exposure of each unit to each experiment, unless an earlier day has one.

    `earlier` are the Parquet files of `first_exposures` of all earlier days that are published, in any order; they are
    taken one at a time, and not at all when the day has no rows.

    `rows` counts all rows of the day: a later exposure is no duplicate, so that nothing is superseded, and the table has
    fewer rows than the day.
    """
    shuffle = Shuffle(scratch / "shuffle", transforms.KEY, reduce=transforms.first_rows, buckets=_BUCKETS)
    exposed = Shuffle(scratch / "exposed", transforms.KEY, reduce=transforms.exposed_units, buckets=_BUCKETS)
    today = KeyFilter(transforms.KEY)
    input_rows = []
    for each in inputs:
        request.check_deadline()
        rows = part_rows(each).select(list(_SCHEMA))
        input_rows.append(rows.height)
        today.add(rows)
        shuffle.add(rows)
        exposed.add(transforms.with_groups(rows))
    if any(input_rows):
        for data in earlier:
            # Earlier days may hold many times the keys of this one; only those that it may have, too, matter.
            for keys in _slices(data):
                request.check_deadline()
                shuffle.add(_earlier_rows(today.known(keys)))
    del today
    day_files = DayFiles(request, FIRST_EXPOSURES, scratch, emit)
    files, digest = _write(request, day_files, shuffle)
    return DayResult(
        outputs=(day_files.output(files),),
        input_rows=tuple(input_rows),
        rows=sum(input_rows),
        superseded=0,
        test_rows=0,
        ratios=(),
        first_keys=digest,
        kept=(_write_exposed(request, DayFiles(request, EXPOSED_UNITS, scratch, emit), exposed),),
    )


def _slices(data: bytes) -> Iterator[pl.DataFrame]:
    """The keys of a file, some at a time."""
    keys = pl.scan_parquet(io.BytesIO(data)).select(transforms.KEY)
    for start in range(0, keys.select(pl.len()).collect().item(), _KEYS_AT_ONCE):
        yield keys.slice(start, _KEYS_AT_ONCE).collect()


def _earlier_rows(keys: pl.DataFrame) -> pl.DataFrame:
    rows = keys.with_columns(pl.lit(transforms.BEFORE, _SCHEMA[ORDER]).alias(ORDER))
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items()
    )


def _write(request: DayRequest, day_files: DayFiles, shuffle: Shuffle) -> tuple[list[TableFile], str]:
    """The table's files, and the digest of the keys in them."""
    files: list[TableFile] = []
    sums = [0] * len(_DIGEST_SEEDS)
    for bucket in shuffle.buckets():
        request.check_deadline()
        rows = transforms.new_rows(bucket().lazy()).collect()
        if rows.height:
            files.append(day_files.write(rows))
            sums = [total + _sum_of_hashes(rows, seed) for total, seed in zip(sums, _DIGEST_SEEDS, strict=True)]
    return files, "".join(f"{total % 2**64:0{_DIGITS}x}" for total in sums)


def _write_exposed(request: DayRequest, files: DayFiles, exposed: Shuffle) -> TableOutput:
    """The files that tell experiments which units saw which groups on the day."""
    written: list[TableFile] = []
    for bucket in exposed.buckets():
        request.check_deadline()
        rows = transforms.exposed_units(bucket().lazy()).drop("timestamp", ORDER).sort(transforms.KEY).collect()
        written.append(files.write(rows))
    return files.output(written)


def _sum_of_hashes(rows: pl.DataFrame, seed: int) -> int:
    # A sum does not depend on the order of the rows, nor on the files that they stand in.
    hashes = rows.select(pl.struct(transforms.KEY).hash(seed=seed)).to_series()
    return int(hashes.to_numpy().sum(dtype="uint64"))
