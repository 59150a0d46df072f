"""Segment's shape is read as ours, column by column (contract section 4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from processing.domain.datasets import Dataset
from processing.ingest.readers.raw_batches import LINE, RECORD, BatchTask, BrokenRecord, BrokenRecords, RawBatch, RawReader
from processing.ingest.readers.segment import EXPOSURE_NAMES, SOURCES, SegmentReader, is_segment, late_record
from processing.ingest.readers.upload_form import NdjsonForm, TextForm, UploadForm
from schemas.customer_config import DatasetConfig
from tests.support.batches import batches_of

EXPOSURE = EXPOSURE_NAMES[0]
COMPUTED = ["event_name", "timestamp", "user", "event_value", "event_metadata", "experiment", "group_id", "unit_id", "id_type"]


class Rows(RawReader):
    """A reader of one batch."""

    def __init__(
        self,
        *,
        header: tuple[str, ...],
        rows: Sequence[Sequence[Any]],
        dtypes: tuple[pl.DataType, ...],
        broken: tuple[BrokenRecord, ...] = (),
    ) -> None:
        self._header, self._dtypes = header, dtypes
        self.rows, self.broken = rows, broken

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    @property
    def dtypes(self) -> tuple[pl.DataType, ...]:
        return self._dtypes

    @property
    def lines_before(self) -> int:
        return 1

    @property
    def form(self) -> UploadForm:
        return NdjsonForm(text=TextForm())

    def batch_tasks(self) -> Iterator[BatchTask]:
        schema = {str(index): dtype for index, dtype in enumerate(self.dtypes)}
        frame = pl.DataFrame(self.rows, schema=schema, orient="row")
        lines = pl.Series(LINE, range(2, frame.height + 2), pl.Int64)
        numbered = frame.with_row_index(RECORD, 1).cast({RECORD: pl.Int64}).with_columns(lines)
        batch = RawBatch(frame=numbered, broken=BrokenRecords.of(self.broken))
        yield lambda: batch


def reader(
    *rows: dict[str, Any], folder: Dataset = Dataset.EVENTS, zone: str = "Etc/GMT+8", **dtypes: pl.DataType
) -> SegmentReader:
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    types = tuple(dtypes.get(name, pl.String()) for name in header)
    cells = [[row.get(name) for name in header] for row in rows]
    return SegmentReader(
        Rows(header=header, rows=cells, dtypes=types), folder, DatasetConfig.model_validate({"timestamp": {"zone": zone}})
    )


def read(found: SegmentReader) -> list[dict[str, Any]]:
    """The columns of the batch by their names, which stand where the header says."""
    (batch,) = batches_of(found)
    return [{name: row[str(index)] for index, name in enumerate(found.header)} for row in batch.frame.iter_rows(named=True)]


def computed(row: dict[str, Any], folder: Dataset = Dataset.EVENTS) -> dict[str, Any]:
    """What is computed for one row and is not null."""
    (found,) = read(reader(row, folder=folder))
    return {name: found[name] for name in COMPUTED if found[name] is not None}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["event", "userId"], True),
        (["event", "anonymousId"], True),
        (["x", "anonymousId", "userId", "event", "event_name"], True),
        (["event"], False),
        (["userId", "anonymousId", "properties"], False),
        (["event_name", "user", "timestamp"], False),
        (["Event", "userId"], False),
        (["event", "userID"], False),
        ([], False),
    ],
)
def test_a_header_with_event_and_an_id_has_the_shape(header: list[str], expected: bool) -> None:
    assert is_segment(header) is expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"event": "buy", "userId": "u"},
            {"event_name": "buy", "user": '{"userID":"u"}', "unit_id": "u"},
        ),
        (
            {"event": "buy", "anonymousId": "a"},
            {"event_name": "buy", "user": '{"customIDs":{"stable_id":"a"}}', "unit_id": "a", "id_type": "stable_id"},
        ),
        (
            {"event": "buy", "userId": "u", "anonymousId": "a"},
            {"event_name": "buy", "user": '{"userID":"u","customIDs":{"stable_id":"a"}}', "unit_id": "u"},
        ),
        (
            {"event": "buy", "userId": "", "anonymousId": "a"},
            {"event_name": "buy", "user": '{"customIDs":{"stable_id":"a"}}', "unit_id": "a", "id_type": "stable_id"},
        ),
        ({"event": "", "userId": None, "anonymousId": None}, {}),
        ({"event": "buy", "userId": 'ü "1"'}, {"event_name": "buy", "user": '{"userID":"ü \\"1\\""}', "unit_id": 'ü "1"'}),
    ],
)
def test_the_name_and_the_ids_come_from_segments_columns(row: dict[str, Any], expected: dict[str, Any]) -> None:
    assert computed(row) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, {}),
        ({"other": 1}, {}),
        ({"value": "12"}, {"event_value": "12"}),
        ({"value": 12.5}, {"event_value": "12.5"}),
        ({"value": True}, {"event_value": "true"}),
        ({"value": None, "metadata": None}, {}),
        ({"value": ["a", {"b": 1}]}, {"event_value": '["a",{"b":1}]'}),
        ({"metadata": {"ü": 1, "b": {"c": 2}}}, {"event_metadata": '{"ü":1,"b":{"c":2}}'}),
        ({"metadata": '{"a":1}'}, {"event_metadata": '{"a":1}'}),
        ({"metadata": []}, {"event_metadata": "[]"}),
        ({"experimentName": "x", "ruleID": "r"}, {"experiment": "x", "group_id": "r"}),
        ({"experiment": 7, "group": False}, {"experiment": "7", "group_id": "false"}),
        # The first of several keys that says something.
        ({"configName": "c", "config": "", "gate": None, "gateName": "g"}, {"experiment": "g"}),
        ({"variant": "v", "group_id": "", "groupName": "n"}, {"group_id": "n"}),
    ],
)
def test_values_and_groups_come_from_the_properties(properties: dict[str, Any], expected: dict[str, Any]) -> None:
    assert computed({"event": None, "userId": None, "properties": json.dumps(properties)}) == expected


@pytest.mark.parametrize("properties", [None, "", "null", "[]", '"text"', "12", "{", "{'value':1}", "[" * 100_000])
def test_properties_that_are_no_object_say_nothing(properties: str | None) -> None:
    assert computed({"event": "buy", "userId": None, "properties": properties}) == {"event_name": "buy"}


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ({"timestamp": "t", "originalTimestamp": "o", "receivedAt": "r"}, "t"),
        ({"timestamp": "", "originalTimestamp": "o", "receivedAt": "r"}, "o"),
        ({"timestamp": None, "originalTimestamp": "", "receivedAt": "r"}, "r"),
        ({"receivedAt": "r"}, "r"),
        ({"originalTimestamp": "o"}, "o"),
        ({"sentAt": "s"}, None),
    ],
)
def test_the_time_is_the_timestamp_else_the_original_one_else_when_it_was_received(
    stamps: dict[str, Any], expected: str | None
) -> None:
    assert computed({"event": None, "userId": None, **stamps}).get("timestamp") == expected


def test_instants_of_columns_that_agree_in_their_type_stay_instants() -> None:
    instant = pl.Datetime("ms", "UTC")
    at = datetime(2026, 11, 18, 9, tzinfo=UTC)
    row = {"event": "buy", "userId": "u", "timestamp": None, "receivedAt": at}
    found = reader(row, timestamp=instant, receivedAt=instant)
    assert dict(zip(found.header, found.dtypes, strict=True))["timestamp"] == instant
    assert read(found)[0]["timestamp"] == at


def test_instants_without_a_zone_beside_others_are_on_the_clocks_of_the_zone_given() -> None:
    local = datetime(2026, 11, 18, 1, 30)  # noqa: DTZ001 - as such a column holds it
    row = {"event": "buy", "userId": "u", "timestamp": None, "receivedAt": local}
    (found,) = read(reader(row, zone="Etc/GMT+8", receivedAt=pl.Datetime("us")))
    assert datetime.fromisoformat(found["timestamp"]) == datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"event_name": "ours"}, {"event_name": "ours"}),
        ({"event_name": ""}, {"event_name": "theirs"}),
        ({"user": '{"userID":"ours"}'}, {"user": '{"userID":"ours"}'}),
        ({"event_value": "ours"}, {"event_value": "ours"}),
        ({"unit_id": "ours"}, {"unit_id": "ours"}),
        ({"id_type": "ours"}, {"id_type": "ours"}),
    ],
)
def test_what_a_row_has_of_our_own_columns_comes_first(row: dict[str, Any], expected: dict[str, Any]) -> None:
    theirs = {"event": "theirs", "userId": "t", "properties": '{"value":"theirs"}'}
    assert computed(theirs | row).items() >= expected.items()


def test_the_uploaded_columns_stay_before_the_computed_ones() -> None:
    found = reader({"event": "buy", "userId": "u", "unit_id": "ours", "extra": "e"})
    assert found.header == ("event", "userId", "unit_id", "extra", *(name for name in COMPUTED if name != "unit_id"))
    (row,) = read(found)
    assert (row["event"], row["userId"], row["extra"]) == ("buy", "u", "e")


def test_each_computed_column_knows_the_uploaded_ones_that_it_comes_from() -> None:
    """What is computed from a masked column must be masked too."""
    found = reader({"event": "buy", "userId": "u", "anonymousId": "a", "properties": "{}", "unit_id": "ours"})
    derived_from = {
        found.header[index]: {found.header[source] for source in sources} for index, sources in found.derived_from.items()
    }
    assert derived_from["user"] == {"userId", "anonymousId"}
    assert derived_from["unit_id"] == {"unit_id", "userId", "anonymousId"}
    assert derived_from["id_type"] == {"userId", "anonymousId"}
    assert derived_from["event_metadata"] == {"properties"}
    assert derived_from["event_name"] == {"event"}
    assert derived_from["timestamp"] == set()
    assert derived_from.keys() == set(COMPUTED) == SOURCES.keys()
    assert all(sources <= {column, *SOURCES[column]} for column, sources in derived_from.items())


def test_segments_columns_and_the_computed_ones_are_read_and_others_are_extra() -> None:
    found = reader({"event": "buy", "userId": "u", "receivedAt": "r", "messageId": "m"})
    assert {found.header[index] for index in found.used} == {"event", "userId", "receivedAt", *COMPUTED}


def test_records_that_could_not_be_taken_apart_go_through() -> None:
    broken = BrokenRecord(record=2, line=3, rule="broken_quoting", hint="h", raw="r")
    rows = Rows(header=("event", "userId"), rows=[("buy", "u")], dtypes=(pl.String(), pl.String()), broken=(broken,))
    (batch,) = batches_of(SegmentReader(rows, Dataset.EVENTS))
    assert tuple(batch.broken) == (broken,)
    assert batch.frame.select(RECORD, LINE).rows() == [(1, 2)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        *((name, True) for name in EXPOSURE_NAMES),
        (EXPOSURE.upper(), False),
        (f" {EXPOSURE}", False),
        ("statsig::other_exposure", False),
        ("buy", False),
        ("", False),
        (None, False),
    ],
)
def test_three_names_alone_are_exposures(event: str | None, expected: bool) -> None:
    found = reader({"event": event, "userId": "u"})
    (batch,) = batches_of(found)
    assert found.exposures is not None
    assert batch.frame.select(found.exposures).to_series().to_list() == [expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"event": "buy", "userId": "u"}, True),
        ({"event": EXPOSURE, "userId": "u"}, False),
        # A record of our own shape may lie in the same file, and one that is nothing at all lacks its columns.
        ({"event": "buy", "userId": "u", "experiment": "x"}, False),
        ({"event": None, "userId": "u"}, False),
    ],
)
def test_below_exposures_other_records_of_segments_are_strays(row: dict[str, Any], expected: bool) -> None:
    found = reader({"experiment": None} | row, folder=Dataset.EXPOSURES)
    (batch,) = batches_of(found)
    rule = found.wrong_kind(pl.col(str(found.header.index("experiment"))))
    assert rule is not None
    assert (rule.code, rule.column) == ("not_an_exposure", None)
    assert batch.frame.select(rule.fails).to_series().to_list() == [expected]


def test_below_exposures_only_exposures_get_our_columns_from_segments() -> None:
    other = {"event": "buy", "userId": "u", "properties": '{"experiment":"x","group":"g"}', "receivedAt": "r"}
    assert computed(other, Dataset.EXPOSURES) == {}
    expected = {"event_name": EXPOSURE, "experiment": "x", "group_id": "g", "unit_id": "u", "timestamp": "r"}
    assert computed(other | {"event": EXPOSURE}, Dataset.EXPOSURES).items() >= expected.items()


def test_below_events_nothing_is_a_stray() -> None:
    assert reader({"event": "buy", "userId": "u"}).wrong_kind(pl.col("0")) is None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"event": "buy", "userId": "u"}, True),
        ({"event": "buy", "anonymousId": "a"}, True),
        ({"event": "buy"}, False),
        ({"userId": "u", "anonymousId": "a"}, False),
        ({"event": "buy", "userId": "u", "event_name": "ours"}, False),
        ({"event_name": "ours"}, False),
        ({}, False),
    ],
)
def test_in_a_file_of_another_shape_a_record_of_segments_is_told_what_it_is(row: dict[str, str], expected: bool) -> None:
    header = ["event_name", "event", "userId", "anonymousId"]
    frame = pl.DataFrame(
        {str(index): [row.get(name)] for index, name in enumerate(header)}, schema_overrides=dict.fromkeys("0123", pl.String)
    )
    rule = late_record(header, pl.col("0"))
    assert (rule.code, rule.column) == ("segment_record", None)
    assert frame.select(rule.fails).item() is expected
