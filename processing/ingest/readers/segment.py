"""Segment's shape of events, read as ours (contract section 4).

| ours | Segment's |
| --- | --- |
| `event_name` | `event` |
| `timestamp` | `timestamp`, else `originalTimestamp`, else `receivedAt` |
| `user` | `userId` as userID, `anonymousId` as a custom id: stable_id, or what the config calls it |
| `event_value`, `event_metadata` | `properties.value`, `properties.metadata` |

Rows named `statsig::experiment_exposure`, `statsig::gate_exposure` and `statsig::config_exposure` are exposures: the
experiment and the group come from `properties`, the unit is the user, else the anonymous id. Below `exposures/` they alone
are taken; any other record of Segment's there is a bad row, whose hint names the folder that takes it.

Calls of other types (page, screen, identify, group, alias) are no events, and are filtered.

A file has Segment's shape when its header has `event`, or `type` and `messageId`, and one of the ids; for NDJSON, when its
first 1,000 records have them.
In such a file a row may be of our own shape as well: what it has of our columns comes first. In NDJSON whose first records
are not of this shape, a later one that is becomes a bad row, whose hint says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import or_
from types import MappingProxyType
from typing import Final

import polars as pl

from processing.domain.datasets import Dataset
from processing.domain.reasons import WarningCode
from processing.frames.casts import as_text
from processing.ingest.columns.timestamps import in_zone
from processing.ingest.readers.raw_batches import BatchTask, RawBatch, RawReader
from processing.ingest.readers.segment_values import PROPERTIES, read_properties, write_users
from processing.ingest.readers.upload_form import UploadForm
from schemas.customer_config import DatasetConfig
from schemas.rule import Rule
from schemas.rule_codes import RuleCode

EXPOSURE_NAMES: Final = ("statsig::experiment_exposure", "statsig::gate_exposure", "statsig::config_exposure")
_OTHER_CALLS: Final = ("page", "screen", "identify", "group", "alias")
FOLDERS: Final = frozenset({Dataset.EVENTS, Dataset.EXPOSURES})
"""The datasets below whose folders a file may have Segment's shape."""
MARKS: Final = ("event", "userId", "anonymousId")
"""What tells Segment's shape: the first, and one of the others."""
_TYPE: Final = "type"
_MESSAGE: Final = "messageId"
FIELDS: Final = (*MARKS, _TYPE, "properties", "originalTimestamp", "receivedAt")
"""What Segment calls things; readers that must be told which fields to read are told these."""

SOURCES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "event_name": ("event",),
        "timestamp": ("originalTimestamp", "receivedAt"),
        "user": ("userId", "anonymousId"),
        "event_value": ("properties",),
        "event_metadata": ("properties",),
        "experiment": ("properties",),
        "group_id": ("properties",),
        "unit_id": ("userId", "anonymousId"),
        "id_type": ("userId", "anonymousId"),
    }
)
"""Our columns that are computed, and what of Segment's they come from."""

_TEXT: Final = pl.String()
_TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt")
_READ: Final = "__properties"
"""Column of what is read from `properties`, once for all that is computed from it."""


def is_segment(header: Sequence[str]) -> bool:
    """Whether an upload with these columns has Segment's shape."""
    event, *ids = MARKS
    # A file may hold calls of other types alone.
    is_named = event in header or {_TYPE, _MESSAGE}.issubset(header)
    return is_named and any(name in header for name in ids)


def late_record(header: Sequence[str], named: pl.Expr) -> Rule:
    """The rule against records of Segment's shape, for a file that is of another; `named` is what names a record of ours."""
    event, *ids = (pl.col(str(header.index(name))).is_not_null() for name in MARKS)
    return Rule(
        code=RuleCode.SEGMENT_RECORD,
        hint="this is a record of Segment's among others: upload Segment's records in a file of their own",
        fails=event & reduce(or_, ids) & named.is_null(),
        columns=(),
    )


class SegmentReader(RawReader):
    """A reader whose records have, besides what was uploaded, our columns of events and of exposures.

    `folder` is the dataset below whose folder the file lies; of its config come the zone of instants whose column has none, UTC
    by default, and the id type of anonymous ids.
    """

    def __init__(self, reader: RawReader, folder: Dataset, config: DatasetConfig | None = None) -> None:
        self._reader = reader
        self._folder = folder
        self._columns = _Columns(reader, config or DatasetConfig(), exposures_alone=folder is Dataset.EXPOSURES)

    @property
    def header(self) -> tuple[str, ...]:
        """The uploaded names, then those of ours that were not among them."""
        return tuple(self._columns.names)

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        """What the columns hold: what is computed is text, but for instants of columns that agree in their type."""
        return tuple(self._columns.dtypes)

    @property
    def used(self) -> frozenset[int]:
        """Positions that are read here, or that are computed."""
        return frozenset(index for index, name in enumerate(self.header) if name in FIELDS or index >= self._columns.uploaded)

    @property
    def derived_from(self) -> Mapping[int, frozenset[int]]:
        """Positions of the columns that are computed, each with the uploaded positions that it comes from."""
        return self._columns.derived_from

    @property
    def shows_known_alone(self) -> bool:
        """It holds much about users that is not read."""
        return True

    @property
    def mixes_numbers(self) -> bool:
        """Values come from the JSON of properties, too."""
        return True

    @property
    def exposures(self) -> pl.Expr | None:
        """Those by name; below their own folder nothing else is taken."""
        return None if self._folder is Dataset.EXPOSURES else self._is_exposure()

    def _is_exposure(self) -> pl.Expr:
        return pl.col(self._columns.position("event_name")).is_in(EXPOSURE_NAMES).fill_null(value=False)

    def wrong_kind(self, named: pl.Expr) -> Rule | None:
        """The rule against records that are not of the folder; `named` is what names a record of our own shape."""
        if self._folder is not Dataset.EXPOSURES:
            return None
        return Rule(
            code=RuleCode.NOT_AN_EXPOSURE,
            hint=f"upload Segment's events under events/; here {', '.join(EXPOSURE_NAMES)} are taken",
            fails=self._columns.event.is_not_null() & ~self._is_exposure() & named.is_null(),
            columns=(),
        )

    @property
    def lines_before(self) -> int:
        """Physical lines before the first record."""
        return self._reader.lines_before

    @property
    def form(self) -> UploadForm:
        """How the file is written."""
        return self._reader.form

    def batch_tasks(self) -> Iterator[BatchTask]:
        """The records with the computed columns."""
        for task in self._reader.batch_tasks():
            yield partial(self._computed, task)

    def _computed(self, task: BatchTask) -> RawBatch:
        batch = task()
        frame = batch.frame.with_columns(self._columns.properties).with_columns(self._columns.computed).drop(_READ)
        other = self._columns.is_other_call
        if other is None:
            return replace(batch, frame=frame)
        kept = frame.filter(~other)
        left_out = frame.height - kept.height
        if not left_out:
            return replace(batch, frame=frame)
        return replace(batch, frame=kept, left_out={**batch.left_out, WarningCode.OTHER_CALLS: left_out})


class _Columns:
    def __init__(self, reader: RawReader, config: DatasetConfig, *, exposures_alone: bool) -> None:
        header = reader.header
        self.names = list(header)
        self.dtypes = list(reader.dtypes)
        self.uploaded = len(header)
        """How many columns were uploaded; the computed ones come behind them."""
        self._uploaded = {name: index for index, name in enumerate(header)}
        self._zone = config.timestamp.zone or "UTC"
        self.computed: list[pl.Expr] = []
        self.derived_from: dict[int, frozenset[int]] = {}
        text = self._text("properties")
        # A function of a constant would give one row for all, which the engine takes for a mistake.
        read = (
            text.map_batches(read_properties, return_dtype=PROPERTIES) if "properties" in header else pl.lit(None, PROPERTIES)
        )
        self.properties = read.alias(_READ)
        """What is to be computed first."""
        properties = pl.col(_READ)
        user_id, anonymous_id = self._text("userId"), self._text("anonymousId")
        self.event = self._text("event")
        self._applies = self.event.is_in(EXPOSURE_NAMES) if exposures_alone else None
        self._add("event_name", self.event)
        name = pl.col(self.position("event_name"))
        kind = self._text(_TYPE).str.to_lowercase()
        self.is_other_call = (name.is_null() & kind.is_in(_OTHER_CALLS)).fill_null(value=False) if _TYPE in header else None
        """Which records are calls of Segment's that are no events; None where none says of what type it is."""
        self._add_timestamp()
        written = partial(write_users, anonymous_type=config.anonymous_id_type)
        self._add("user", pl.struct(user=user_id, anonymous=anonymous_id).map_batches(written, return_dtype=pl.String))
        self._add("event_value", properties.struct.field("value"))
        self._add("event_metadata", properties.struct.field("metadata"))
        self._add("experiment", properties.struct.field("experiment"))
        self._add("group_id", properties.struct.field("group"))
        self._add("unit_id", pl.coalesce(user_id, anonymous_id))
        is_anonymous = user_id.is_null() & anonymous_id.is_not_null()
        self._add("id_type", pl.when(is_anonymous).then(pl.lit(config.anonymous_id_type)))

    def position(self, name: str) -> str:
        """Name of a column in the frames."""
        return str(self.names.index(name))

    def _text(self, name: str) -> pl.Expr:
        index = self._uploaded.get(name)
        if index is None:
            return pl.lit(None, pl.String)
        value, dtype = pl.col(str(index)), self.dtypes[index]
        text = as_text(value, dtype)
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
            # What the zone's clocks never showed stays without an offset, and is no instant.
            zoned = as_text(in_zone(value, self._zone), pl.Datetime(dtype.time_unit, "UTC"))
            text = pl.coalesce(zoned, text)
        return pl.when(text != "").then(text)

    def _add_timestamp(self) -> None:
        uploaded = [self._uploaded[name] for name in _TIMES if name in self._uploaded]
        dtypes = {self.dtypes[index] for index in uploaded}
        dtype = next(iter(dtypes)) if len(dtypes) == 1 else pl.String()
        if isinstance(dtype, pl.Datetime):
            # As a column of our own: the zone is given to it where it is read.
            self._add("timestamp", pl.coalesce(pl.col(str(index)) for index in uploaded), dtype)
        else:
            self._add("timestamp", pl.coalesce(self._text("originalTimestamp"), self._text("receivedAt")))

    def _add(self, name: str, value: pl.Expr, dtype: pl.DataType = _TEXT) -> None:
        """Compute a column of ours; what was uploaded under its name comes first."""
        if self._applies is not None:
            value = pl.when(self._applies).then(value)
        if name in self._uploaded:
            index = self._uploaded[name]
            own = self._text(name) if dtype == _TEXT else pl.col(str(index))
            value = pl.coalesce(own, value)
            self.dtypes[index] = dtype
        else:
            index = len(self.names)
            self.names.append(name)
            self.dtypes.append(dtype)
        self.computed.append(value.alias(str(index)))
        roots = {*value.meta.root_names()}
        if _READ in roots:
            roots = {*roots, *self.properties.meta.root_names()} - {_READ}
        self.derived_from[index] = frozenset(map(int, roots))
