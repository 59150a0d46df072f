"""Which uploaded column is which column of the contract (contract section 3)."""

from __future__ import annotations

import re
from collections import Counter
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


class MissingColumnsError(CustomerError):
    """The header lacks required columns."""

    def __init__(self, missing: Sequence[str], message: str) -> None:
        super().__init__(RefusalCode.MISSING_COLUMN, message)
        self.missing = tuple(missing)


class HeaderNames:
    """How messages and rejected rows call the columns of an upload.

    Where values are masked, a name that nobody could expect is not repeated: of a file without a header the names are its
    first row. `known` are the names that may be told then, in any spelling that is read as theirs; None tells all.
    """

    def __init__(self, header: Sequence[str], known: Collection[str] | None = None) -> None:
        self._header = header
        counts = Counter(header)
        self._is_unclear = {name for name, count in counts.items() if count > 1 or not fold(name)}
        self._known = None if known is None else {fold(name) for name in known}

    def quoted(self, position: int) -> str:
        """The name for a message: in quotes, and cut."""
        name = self._header[position]
        if not fold(name):
            return f"column {position + 1}, which has no name"
        return repr(name[:64]) if self.may_show(name) else f"column {position + 1}"

    def shown(self, position: int) -> str:
        """The name beside a value; a long one is cut, so that it is not written a million times. No two are the same."""
        name = self._header[position]
        if not self.may_show(name) or not fold(name):
            return f"column {position + 1}"
        if name in self._is_unclear:
            return f"{name[:LONGEST_NAME]} (column {position + 1})"
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

    A name that stands twice matters only where it is read, and a column without one is never read. Raises CustomerError for
    the first, and for a required column that is missing.
    """
    called = names or HeaderNames(header)
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
        raise MissingColumnsError(missing, f"the header lacks {shown}: add what is missing and upload again")
    used = {*found.positions.values(), *read}
    # A name that begins so is meant for somebody else, as ours for the errors of a fix file is.
    extra = [position for position in range(len(header)) if position not in used and not header[position].startswith("_")]
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
        self._exact: dict[str, list[int]] = {}
        self._folded: dict[str, list[int]] = {}
        for position, name in enumerate(header):
            self._exact.setdefault(name, []).append(position)
            self._folded.setdefault(fold(name), []).append(position)
        self.positions: dict[str, int] = {}
        self.renamed: list[str] = []

    def take(self, column: str, name: str) -> None:
        """Give `column` the uploaded column called `name`, if there is one that is free."""
        found = self._free(self._exact.get(name, ()))
        exact = bool(found)
        if len(found) > 1:
            raise _named_twice(self._called, found)
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


def refuse_twice(header: Sequence[str], called: HeaderNames, read: Iterable[int]) -> None:
    """Raise CustomerError where one of the columns that are `read` by their names shares it with another."""
    for position in read:
        same = [other for other, name in enumerate(header) if name == header[position]]
        if len(same) > 1:
            raise _named_twice(called, same)


def _named_twice(called: HeaderNames, positions: Sequence[int]) -> CustomerError:
    one, other = positions[:2]
    return CustomerError(
        RefusalCode.DUPLICATE_COLUMN,
        f"the header names {called.quoted(one)} more than once (columns {one + 1} and {other + 1})",
    )
