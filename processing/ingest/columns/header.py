"""Which uploaded column is which column of the contract (contract section 3)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Final

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode, WarningCode
from processing.domain.receipts import ReceiptWarning
from processing.ingest.shown_rows import LONGEST_NAME, shown_name
from schemas.dataset_schema import DatasetSchema

_SHOWN: Final = 10
_BETWEEN: Final = re.compile(r"(?<=[^_-])[_-]+")
# Blanks of all kinds and what only steers how others look; not NUL, which stands between the letters of another encoding.
_INVISIBLE: Final = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class HeaderNames:
    """How messages and rejected rows call the columns of an upload.

    Where values are masked, a name that nobody could expect is not repeated: of a file without a header the names are its
    first row. `known` are the names that may be told then, in any spelling that is read as theirs; None tells all.
    """

    def __init__(self, header: Sequence[str], known: Collection[str] | None = None) -> None:
        self._header = header
        self._known = None if known is None else {fold(name) for name in known}

    def quoted(self, position: int) -> str:
        """The name for a message: in quotes, and cut."""
        name = self._header[position]
        return repr(name[:64]) if self.may_show(name) else f"column {position + 1}"

    def shown(self, position: int) -> str:
        """The name beside a value; a long one is cut, so that it is not written a million times. No two are the same."""
        name = self._header[position]
        if not self.may_show(name):
            return f"column {position + 1}"
        return shown_name(name, position + 1)

    def may_show(self, name: str) -> bool:
        """Whether a name of the header may be repeated."""
        return self._known is None or fold(name) in self._known


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """The columns that were found."""

    positions: Mapping[str, int]
    """Contract column to the position of the uploaded column, from 0."""
    warnings: tuple[ReceiptWarning, ...]


def match_header(
    header: Sequence[str],
    schema: DatasetSchema,
    *,
    aliases: Mapping[str, str] = _NOTHING,
    given: Collection[str] = (),
    read: Collection[int] = (),
    names: HeaderNames | None = None,
) -> HeaderMatch:
    """Find the schema's columns: by an alias of the config, by exact name, else by a name that is read as the same.

    An uploaded column that an alias takes is not taken by its own name as well. `given` are contract columns that do not
    come from the header; `read` are positions that something else reads, so that they are not reported as extra; `names`
    tells how messages call columns.

    Raises CustomerError for a name that stands twice and for a required column that is missing.
    """
    called = names or HeaderNames(header)
    _refuse_twice(header, called)
    found = _Names(header, called)
    wanted = [name for name in schema.columns if name not in given]
    for source, column in aliases.items():
        if column in wanted:
            found.take(column, source)
    for column in wanted:
        if column not in found.positions:
            found.take(column, column)
    missing = [name for name in wanted if schema.columns[name].required and name not in found.positions]
    if missing:
        shown = ", ".join(_with_aliases(name, aliases) for name in missing)
        raise CustomerError(RefusalCode.MISSING_COLUMN, f"the header lacks {shown}: add what is missing and upload again")
    used = {*found.positions.values(), *read}
    extra = [position for position in range(len(header)) if position not in used]
    warnings = []
    if found.renamed:
        message = f"taken: {_listed(found.renamed, len(found.renamed))}"
        warnings.append(ReceiptWarning(code=WarningCode.COLUMN_NAME_DIFFERS, message=message, count=len(found.renamed)))
    if extra:
        shown = _listed(map(called.quoted, extra), len(extra))
        warnings.append(ReceiptWarning(code=WarningCode.EXTRA_COLUMNS, message=f"not read: {shown}", count=len(extra)))
    return HeaderMatch(positions=found.positions, warnings=tuple(warnings))


class _Names:
    """The header while it is given out: each uploaded column goes to at most one contract column."""

    def __init__(self, header: Sequence[str], called: HeaderNames) -> None:
        self._called = called
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
            raise CustomerError(
                RefusalCode.DUPLICATE_COLUMN, f"more than one column of the header could be {column}: keep one of them"
            )
        self.positions[column] = found[0]
        if not exact:
            self.renamed.append(f"{self._called.quoted(found[0])} as {column}")

    def _free(self, positions: Iterable[int]) -> list[int]:
        taken = set(self.positions.values())
        return [position for position in positions if position not in taken]


def fold(name: str) -> str:
    """A column name as it is compared when no exact one is there: `unitId`, `Unit ID` and `unit-id` are `unit_id`.

    Case, blanks, characters that nobody sees, and hyphens and underscores behind a letter tell no names apart.
    """
    # Of NDJSON each name of each rejected row is compared.
    return _folded(name) if len(name) <= LONGEST_NAME else _folded.__wrapped__(name)


@lru_cache(maxsize=4_096)
def _folded(name: str) -> str:
    return _BETWEEN.sub("", _INVISIBLE.sub("", name)).lower()


def _with_aliases(column: str, aliases: Mapping[str, str]) -> str:
    others = [repr(source[:64]) for source, target in aliases.items() if target == column]
    return f"{column} (or {', '.join(others[:_SHOWN])})" if others else column


def _listed(items: Iterable[str], count: int) -> str:
    more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
    return ", ".join(islice(items, _SHOWN)) + more


def _refuse_twice(header: Sequence[str], called: HeaderNames) -> None:
    first: dict[str, int] = {}
    twice: dict[int, int] = {}
    for position, name in enumerate(header):
        if first.setdefault(name, position) != position:
            twice.setdefault(first[name], position)
    if twice:
        each = (f"{called.quoted(one)} more than once (columns {one + 1} and {other + 1})" for one, other in twice.items())
        raise CustomerError(RefusalCode.DUPLICATE_COLUMN, f"the header names {_listed(each, len(twice))}")
