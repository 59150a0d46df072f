"""Segment's shape of events, read as ours (contract section 4).

| ours | Segment's |
| --- | --- |
| `event_name` | `event` |
| `timestamp` | `timestamp`, else `originalTimestamp`, else `receivedAt` |
| `user` | `userId` as userID, `anonymousId` as the custom id stable_id |
| `event_value`, `event_metadata` | `properties.value`, `properties.metadata` |

Rows named `statsig::experiment_exposure`, `statsig::gate_exposure` and `statsig::config_exposure` are exposures: the
experiment and the group come from `properties`, the unit is the user, else the anonymous id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from processing.tables.batches import RawBatch, RawReader
from processing.tables.casts import as_text
from processing.tables.json_objects import CUSTOM_IDS, USER_ID

EXPOSURE_NAMES: Final = ("statsig::experiment_exposure", "statsig::gate_exposure", "statsig::config_exposure")
FIELDS: Final = ("event", "userId", "anonymousId", "properties", "originalTimestamp", "receivedAt")
"""What Segment calls things; readers that must be told which fields to read are told these."""

_STABLE_ID: Final = "stable_id"
_EXPERIMENT_KEYS: Final = ("experiment", "experimentName", "gate", "gateName", "config", "configName")
_GROUP_KEYS: Final = ("group", "groupName", "group_id", "ruleID", "variant")
_PROPERTIES: Final = pl.Struct(dict.fromkeys(("value", "metadata", "experiment", "group"), pl.String))


def is_segment(header: Sequence[str]) -> bool:
    """Whether an upload with these columns has Segment's shape."""
    return "event" in header and ("userId" in header or "anonymousId" in header)


class SegmentReader:
    """A reader whose records have, besides what was uploaded, our columns of events and of exposures."""

    def __init__(self, reader: RawReader) -> None:
        self._reader = reader
        self._columns = _Columns(reader.header, reader.dtypes)

    @property
    def header(self) -> tuple[str, ...]:
        """The uploaded names, then those of ours that were not among them."""
        return tuple(self._columns.names)

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """What the columns hold: what is computed is text."""
        return tuple(self._columns.dtypes)

    @property
    def used(self) -> frozenset[int]:
        """Positions that are read here, or that are computed."""
        return frozenset(index for index, name in enumerate(self.header) if name in FIELDS or index >= self._columns.uploaded)

    @property
    def made_of(self) -> Mapping[int, frozenset[int]]:
        """Positions of the columns that are computed, each with the uploaded positions that it comes from."""
        return self._columns.made_of

    def is_exposure(self) -> pl.Expr:
        """Whether a record is an exposure; never null."""
        return pl.col(self._columns.position("event_name")).is_in(EXPOSURE_NAMES).fill_null(value=False)

    def batches(self) -> Iterator[RawBatch]:
        """The records with the computed columns."""
        for batch in self._reader.batches():
            yield RawBatch(frame=batch.frame.with_columns(self._columns.computed), broken=batch.broken)


class _Columns:
    def __init__(self, header: Sequence[str], dtypes: Sequence[pl.DataType]) -> None:
        self.names = list(header)
        self.dtypes = list(dtypes)
        self.uploaded = len(header)
        """How many columns were uploaded; the computed ones come behind them."""
        self._uploaded = {name: index for index, name in enumerate(header)}
        self.computed: list[pl.Expr] = []
        self.made_of: dict[int, frozenset[int]] = {}
        properties = self._text("properties").map_batches(_read_properties, return_dtype=_PROPERTIES)
        user_id, anonymous_id = self._text("userId"), self._text("anonymousId")
        self._add("event_name", self._text("event"))
        self._add("timestamp", pl.coalesce(self._text("originalTimestamp"), self._text("receivedAt")))
        self._add("user", pl.struct(user=user_id, anonymous=anonymous_id).map_batches(_write_users, return_dtype=pl.String))
        self._add("event_value", properties.struct.field("value"))
        self._add("event_metadata", properties.struct.field("metadata"))
        self._add("experiment", properties.struct.field("experiment"))
        self._add("group_id", properties.struct.field("group"))
        self._add("unit_id", pl.coalesce(user_id, anonymous_id))
        self._add("id_type", pl.when(user_id.is_null() & anonymous_id.is_not_null()).then(pl.lit(_STABLE_ID)))

    def position(self, name: str) -> str:
        """Name of a column in the frames."""
        return str(self.names.index(name))

    def _text(self, name: str) -> pl.Expr:
        index = self._uploaded.get(name)
        if index is None:
            return pl.lit(None, pl.String)
        text = as_text(pl.col(str(index)), self.dtypes[index])
        return pl.when(text != "").then(text)

    def _add(self, name: str, value: pl.Expr) -> None:
        """Compute a column of ours; what was uploaded under its name comes first."""
        if name in self._uploaded:
            index = self._uploaded[name]
            value = pl.coalesce(self._text(name), value)
            self.dtypes[index] = pl.String()
        else:
            index = len(self.names)
            self.names.append(name)
            self.dtypes.append(pl.String())
        self.computed.append(value.alias(str(index)))
        self.made_of[index] = frozenset(int(root) for root in value.meta.root_names())


def _read_properties(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [_read(text) for text in texts], _PROPERTIES)


def _read(text: str | None) -> dict[str, str | None]:
    try:
        found = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        found = None
    values: Mapping[str, Any] = found if isinstance(found, dict) else {}
    return {
        "value": _as_text(values.get("value")),
        "metadata": _as_text(values.get("metadata")),
        "experiment": _first(values, _EXPERIMENT_KEYS),
        "group": _first(values, _GROUP_KEYS),
    }


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((text for key in keys if (text := _as_text(values.get(key)))), None)


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write_users(ids: pl.Series) -> pl.Series:
    return pl.Series(ids.name, [_user(each["user"], each["anonymous"]) for each in ids], pl.String)


def _user(user: str | None, anonymous: str | None) -> str | None:
    found: dict[str, Any] = {}
    if user is not None:
        found[USER_ID] = user
    if anonymous is not None:
        found[CUSTOM_IDS] = {_STABLE_ID: anonymous}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else None
