"""Rows of a request, in our form or in Statsig's, as rows in the columns of their dataset (contract sections 4 and 7).

Names are all that changes here: what a value may be is decided by the engine that reads uploads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from processing.domain.datasets import Dataset
from processing.domain.days import DayZone
from processing.web.problems import FieldError, field_error

Row = Mapping[str, Any]
_MOST_IDS: Final = 100
"""Of the user of one exposure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a request says of all of its rows, and when it came."""

    now: datetime
    """By the storage service's clock."""
    zone: DayZone
    user: Any = None
    """Statsig's user for rows that have none of their own."""
    is_test: bool = False


@dataclass(slots=True)
class Lines:
    """Rows as lines of NDJSON, each with the row of the request that it comes from."""

    lines: list[bytes] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    """Of each line the index of its row."""
    names: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """Of each row what its fields are called that are called otherwise than their columns."""
    errors: list[FieldError] = field(default_factory=list)
    """Of rows that are no rows at all."""


class _RowError(Exception):
    """A row that cannot be one of the dataset."""

    def __init__(self, name: str | None, value: Any, message: str) -> None:
        super().__init__(message)
        self.field, self.value, self.message = name, value, message


def lines_of(rows: Sequence[Any], dataset: Dataset, sending: Sending) -> Lines:
    """Every row that has the form of one as one line, or, of an exposure of several ids, as one for each."""
    found = Lines()
    for index, row in enumerate(rows):
        try:
            picked = _picked(row)
            written = [_line(columns) for columns in _ROWS_OF[dataset](picked, sending)]
        except _RowError as error:
            found.errors.append(field_error(error.message, index=index, field=error.field, value=error.value))
            continue
        found.lines += written
        found.owners += [index] * len(written)
        found.names[index] = picked.names
    return found


def _picked(row: Any) -> _Picked:
    if not isinstance(row, dict):
        raise _RowError(None, row, "write each row as a JSON object")
    return _Picked(row)


class _Picked:
    """Takes the columns of a row from the fields that may hold them."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.names: dict[str, str] = {}

    def take(self, column: str, *others: str, is_object: bool = False) -> Any:
        """The value of the field that is called as the column, or as one of the others; None where no field has one."""
        there = [name for name in (column, *others) if self.row.get(name) is not None]
        if not there:
            if others and column not in self.row:
                self.names[column] = next((name for name in others if name in self.row), column)
            return None
        value = self.row[there[0]]
        twice = next((name for name in there[1:] if self.row[name] != value), None)
        if twice is not None:
            raise _RowError(twice, self.row[twice], f"{there[0]} says another value: send one of them")
        if isinstance(value, dict | list) and not (is_object and isinstance(value, dict)):
            raise _RowError(there[0], value, "write a JSON object here, and no list" if is_object else "write one value here")
        self.names[column] = there[0]
        return value


def _metrics(row: _Picked, sending: Sending) -> Iterator[dict[str, Any]]:
    names = ("id_type", "date", "metric_name", "metric_value", "numerator", "denominator", "is_test")
    columns = {"unit_id": row.take("unit_id", "user_id"), **{name: row.take(name) for name in names}}
    if columns["date"] is None:
        columns["date"] = sending.zone.day_of(sending.now).isoformat()
    yield _marked_as_test(columns, sending)


def _events(row: _Picked, sending: Sending) -> Iterator[dict[str, Any]]:
    columns = {
        "timestamp": _time(row, sending),
        "event_name": row.take("event_name", "eventName"),
        "event_value": row.take("event_value", "value"),
        "event_metadata": row.take("event_metadata", "metadata", is_object=True),
        "user": _user(row, sending),
        "timeuuid": row.take("timeuuid"),
        "is_test": row.take("is_test"),
    }
    yield _marked_as_test(columns, sending)


def _exposures(row: _Picked, sending: Sending) -> Iterator[dict[str, Any]]:
    columns = {
        "timestamp": _time(row, sending),
        "experiment": row.take("experiment", "experimentName", "gateName"),
        "group_id": _group(row),
        "metadata_json": row.take("metadata_json", is_object=True) or _metadata_of_exposure(row.row),
    }
    unit, id_type = row.take("unit_id"), row.take("id_type")
    user = _user(row, sending)
    if unit is not None or user is None:
        yield {**columns, "unit_id": unit, "id_type": id_type}
        return
    row.names |= {"unit_id": "user", "id_type": "user"}
    for own_type, own in _ids_of(user):
        yield {**columns, "unit_id": own, "id_type": own_type}


_ROWS_OF: Final[Mapping[Dataset, Callable[[_Picked, Sending], Iterator[dict[str, Any]]]]] = MappingProxyType(
    {Dataset.METRICS: _metrics, Dataset.EVENTS: _events, Dataset.EXPOSURES: _exposures}
)
_STATSIG: Final = ("eventName", "experimentName", "gateName")
"""What tells Statsig's form, in which a row without a time is one of now."""


def _time(row: _Picked, sending: Sending) -> Any:
    found = row.take("timestamp", "time")
    return sending.now.isoformat() if found is None and any(name in row.row for name in _STATSIG) else found


def _user(row: _Picked, sending: Sending) -> Any:
    found = row.take("user", is_object=True)
    return sending.user if found is None else found


def _group(row: _Picked) -> Any:
    """The group by its name; Statsig also takes the rule alone, and a gate passes or does not."""
    found = row.take("group_id", "group")
    if found is None:
        found = row.take("group_id", "ruleID")
    passes = row.row.get("passes")
    if found is None and isinstance(passes, bool):
        row.names["group_id"] = "passes"
        return "true" if passes else "false"
    return found


def _metadata_of_exposure(row: Row) -> dict[str, Any] | None:
    return {name: row[name] for name in ("ruleID", "passes") if isinstance(row.get(name), str | bool)} or None


def _ids_of(user: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(user, dict):
        raise _RowError("user", user, "write the user as an object with userID or customIDs")
    custom = user.get("customIDs")
    found = [("user_id", user.get("userID")), *(custom.items() if isinstance(custom, dict) else ())]
    ids = [(name, value) for name, value in found if value is not None and value != ""]
    if not ids or len(ids) > _MOST_IDS:
        raise _RowError("user", user, f"write userID, or 1 to {_MOST_IDS} entries of customIDs")
    wrong = next((value for _, value in ids if isinstance(value, dict | list | bool)), None)
    if wrong is not None:
        raise _RowError("user", wrong, "write each id as a text or a number")
    yield from ids


def _marked_as_test(columns: dict[str, Any], sending: Sending) -> dict[str, Any]:
    return {**columns, "is_test": True} if sending.is_test else columns


def _line(columns: Mapping[str, Any]) -> bytes:
    present = {name: value for name, value in columns.items() if value is not None}
    text = json.dumps(present, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a character has no bytes: as an escape the engine sees it, and turns the row down.
        return json.dumps(present, separators=(",", ":"), allow_nan=False).encode()
