"""Accepted rows of a check are validated once more, by pandera: what both take cannot hang on how one of them is built."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.errors import DropzoneError
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.staging import LocalPart


class OpinionsDiffer(DropzoneError):
    """Rows that we accepted are not taken by pandera: one of the two is wrong, and that is ours to look at."""


@dataclass(slots=True, kw_only=True)
class SecondOpinion:
    """Shows the parts of one check to pandera."""

    context: SchemaContext
    rows: int = field(default=0, init=False)
    """Rows that pandera took so far."""

    def take(self, dataset: Dataset, part: LocalPart) -> None:
        """Validate a part; OpinionsDiffer names what pandera says."""
        # Most of what starts does not need it, and it takes seconds to load.
        from pandera.errors import SchemaErrors  # noqa: PLC0415

        from schemas.pandera_schema import pandera_schema  # noqa: PLC0415

        schema = pandera_schema(kind_of(dataset).schema(self.context))
        try:
            schema.validate(pl.read_parquet(part.path), lazy=True)
        except SchemaErrors as error:
            checks = sorted({str(case) for case in error.failure_cases.get_column("check")})
            raise OpinionsDiffer(
                f"pandera does not take accepted rows of {part.day.isoformat()} ({', '.join(checks)}): report it with the file"
            ) from error
        self.rows += part.rows
