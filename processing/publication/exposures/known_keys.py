"""The keys of the first exposures of many days in one file, so that a day need not read a file of each day before it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from processing.publication.exposures.transforms import KEY

_SCHEMA: Final = pa.schema([(name, pa.string()) for name in KEY])


def write_known_keys(files: Iterable[bytes], target: Path) -> None:
    """Write the keys of files of `first_exposures`, one behind the other, as a file with the columns of KEY alone.

    No two days have a key in common, so that nothing is to be compared. In memory are a file and one of its row groups.
    """
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd") as writer:
        for data in files:
            source = pq.ParquetFile(io.BytesIO(data))
            for group in range(source.num_row_groups):
                writer.write_table(source.read_row_group(group, columns=list(KEY)).select(list(KEY)).cast(_SCHEMA))
