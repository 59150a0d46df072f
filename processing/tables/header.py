"""Which uploaded column is which column of the contract (contract section 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandera.polars as pa

from processing.domain.errors import CustomerError
from processing.domain.records import Notice

_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """The columns that were found."""

    positions: Mapping[str, int]
    """Contract column to the position of the uploaded column, from 0."""
    warnings: tuple[Notice, ...]


def match_header(header: Sequence[str], schema: pa.DataFrameSchema) -> HeaderMatch:
    """Find the schema's columns by exact name, else after trimming and lower-casing with a warning.

    Raises CustomerError for a name that stands twice and for a required column that is missing.
    """
    _refuse_twice(header)
    positions: dict[str, int] = {}
    renamed: list[str] = []
    folded: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        folded.setdefault(name.strip().lower(), []).append(position)
    for column in schema.columns:
        if column in header:
            positions[column] = header.index(column)
        elif len(folded.get(column, ())) == 1:
            positions[column] = folded[column][0]
            renamed.append(f"{header[positions[column]]!r} as {column}")
        elif column in folded:
            raise CustomerError("duplicate_column", f"more than one column of the header could be {column}: keep one of them")
    missing = [name for name, column in schema.columns.items() if column.required and name not in positions]
    if missing:
        raise CustomerError("missing_column", f"the header lacks {', '.join(missing)}: add what is missing and upload again")
    used = set(positions.values())
    extra = [name for position, name in enumerate(header) if position not in used]
    warnings = []
    if renamed:
        warnings.append(Notice(code="column_name_differs", message=f"taken: {', '.join(renamed)}", count=len(renamed)))
    if extra:
        shown = ", ".join(repr(name[:64]) for name in extra[:_SHOWN])
        more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
        warnings.append(Notice(code="extra_columns", message=f"not read: {shown}{more}", count=len(extra)))
    return HeaderMatch(positions=positions, warnings=tuple(warnings))


def _refuse_twice(header: Sequence[str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise CustomerError("duplicate_column", f"the header names {', '.join(map(repr, twice[:_SHOWN]))} more than once")
