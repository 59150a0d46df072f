"""Which uploaded column is which column of the contract (contract section 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pandera.polars as pa

from processing.domain.errors import CustomerError
from processing.domain.records import Notice

MISSING_COLUMN: Final = "missing_column"
"""Code of the refusal for a header without a required column."""

_SHOWN: Final = 10
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """The columns that were found."""

    positions: Mapping[str, int]
    """Contract column to the position of the uploaded column, from 0."""
    warnings: tuple[Notice, ...]


def match_header(
    header: Sequence[str],
    schema: pa.DataFrameSchema,
    *,
    aliases: Mapping[str, str] = _NOTHING,
    given: Collection[str] = (),
    read: Collection[int] = (),
) -> HeaderMatch:
    """Find the schema's columns: by an alias of the config, by exact name, else after trimming and lower-casing.

    An uploaded column that an alias takes is not taken by its own name as well. `given` are contract columns that do not
    come from the header; `read` are positions that something else reads, so that they are not reported as extra.

    Raises CustomerError for a name that stands twice and for a required column that is missing.
    """
    _refuse_twice(header)
    names = _Names(header)
    wanted = [name for name in schema.columns if name not in given]
    for source, column in aliases.items():
        if column in wanted:
            names.take(column, source)
    for column in wanted:
        if column not in names.positions:
            names.take(column, column)
    missing = [name for name in wanted if schema.columns[name].required and name not in names.positions]
    if missing:
        shown = ", ".join(_with_aliases(name, aliases) for name in missing)
        raise CustomerError(MISSING_COLUMN, f"the header lacks {shown}: add what is missing and upload again")
    used = {*names.positions.values(), *read}
    extra = [name for position, name in enumerate(header) if position not in used]
    warnings = []
    if names.renamed:
        message = f"taken: {_listed(names.renamed)}"
        warnings.append(Notice(code="column_name_differs", message=message, count=len(names.renamed)))
    if extra:
        shown = _listed([repr(name[:64]) for name in extra])
        warnings.append(Notice(code="extra_columns", message=f"not read: {shown}", count=len(extra)))
    return HeaderMatch(positions=names.positions, warnings=tuple(warnings))


class _Names:
    """The header while it is given out: each uploaded column goes to at most one contract column."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._exact = {name: position for position, name in enumerate(header)}
        self._folded: dict[str, list[int]] = {}
        for position, name in enumerate(header):
            self._folded.setdefault(fold(name), []).append(position)
        self.positions: dict[str, int] = {}
        self.renamed: list[str] = []

    def take(self, column: str, name: str) -> None:
        """Give `column` the uploaded column called `name`, if there is one that is free."""
        found = self._free([self._exact[name]] if name in self._exact else [])
        exact = bool(found)
        if not exact:
            found = self._free(self._folded.get(fold(name), ()))
        if not found:
            return
        if len(found) > 1 or column in self.positions:
            raise CustomerError("duplicate_column", f"more than one column of the header could be {column}: keep one of them")
        self.positions[column] = found[0]
        if not exact:
            self.renamed.append(f"{self._header[found[0]][:64]!r} as {column}")

    def _free(self, positions: Iterable[int]) -> list[int]:
        taken = set(self.positions.values())
        return [position for position in positions if position not in taken]


def fold(name: str) -> str:
    """A column name as it is compared when no exact one is there."""
    return name.strip().lower()


def _with_aliases(column: str, aliases: Mapping[str, str]) -> str:
    others = [repr(source[:64]) for source, target in aliases.items() if target == column]
    return f"{column} (or {', '.join(others[:_SHOWN])})" if others else column


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _refuse_twice(header: Sequence[str]) -> None:
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise CustomerError(
            "duplicate_column", f"the header names {_listed([repr(name[:64]) for name in twice])} more than once"
        )
