"""The config of a customer: what is taken, how mistakes are told, and which version is in force."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from processing.domain import blob_names
from processing.domain.errors import LaterError, OperatorError
from processing.ports import ARCHIVED, UNCONDITIONAL, BlobInfo, Condition
from processing.stored.customer_config import ConfigCache, ConfigRefused, load_config, parse_config
from schemas.csv_dialect import CsvDialect
from schemas.customer_config import CustomerConfig, DatasetConfig, Limits, TimestampFormat
from tests.support.in_memory import InMemoryBlobStore

FULL = """\
id_types: [user_id, company]
first_day: 2026-11-01
gap_policy: infer
late_policy: hold
late_threshold: 0.05
late_window_days: 7
first_day_window_days: 10
on_refused: wait
max_rejected_fraction: 0.5
mask_values: true
limits:
  rows_per_second: 100
datasets:
  metrics:
    columns: {"User ID": unit_id, amount (€): metric_value}
    constants: {id_type: no, is_test: 0}
    csv: {delimiter: ";", quote: "'", null_values: [NULL, '\\N', '']}
    select:
      metric_name: LOWER("Metric")
    where: country = 'DE' AND amount IS NOT NULL
  events:
    timestamp: {format: "%d.%m.%Y %H:%M:%S%.f", zone: Europe/Berlin}
"""


def test_every_key_is_read() -> None:
    config = parse_config(FULL.encode())
    assert config.id_types == ("user_id", "company")
    assert config.first_day == date(2026, 11, 1)
    assert (config.gap_policy, config.late_policy, config.on_refused) == ("infer", "hold", "wait")
    assert (config.late_threshold, config.max_rejected_fraction) == (0.05, 0.5)
    assert (config.late_window_days, config.first_day_window_days) == (7, 10)
    assert config.mask_values == ("user", "unit_id", "event_metadata")
    assert config.limits == Limits(rows_per_second=100, concurrent_requests=8)
    metrics = config.dataset("metrics")
    assert metrics.columns == {"User ID": "unit_id", "amount (€)": "metric_value"}
    assert metrics.constants == {"id_type": "no", "is_test": "0"}, "scalars mean what is written"
    assert metrics.csv == CsvDialect(delimiter=";", quote="'", null_values=("NULL", "\\N", ""))
    assert metrics.select == {"metric_name": 'LOWER("Metric")'}
    assert metrics.where == "country = 'DE' AND amount IS NOT NULL"
    assert config.dataset("events").timestamp == TimestampFormat(format="%d.%m.%Y %H:%M:%S%.f", zone="Europe/Berlin")
    assert config.dataset("exposures") == DatasetConfig()


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "gap_policy:\n", "datasets: ~", "null", "\ufeff"])
def test_every_key_is_optional(text: str) -> None:
    assert parse_config(text.encode()) == CustomerConfig()


def test_the_defaults_are_those_of_the_contract() -> None:
    config = CustomerConfig()
    assert (config.gap_policy, config.late_policy, config.on_refused) == ("wait", "reprocess", "publish")
    assert (config.late_threshold, config.late_window_days, config.first_day_window_days) == (0.01, 14, 28)
    assert (config.max_rejected_fraction, config.mask_values, config.id_types) == (0.10, (), None)


def test_every_key_says_what_it_does() -> None:
    for model in (CustomerConfig, DatasetConfig, TimestampFormat, CsvDialect, Limits):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", ("user", "unit_id", "event_metadata")),
        (True, ("user", "unit_id", "event_metadata")),
        ("false", ()),
        (False, ()),
        (["email"], ("email",)),
        (None, ()),
    ],
)
def test_masking_is_on_only_when_the_key_says_so(value: object, expected: tuple[str, ...]) -> None:
    assert CustomerConfig.model_validate({"mask_values": value}).mask_values == expected


WRONG: list[tuple[str, str]] = [
    ("gap_polcy: wait", "line 1: gap_polcy: there is no such key"),
    ("gap_policy: maybe", "line 1: gap_policy: Input should be 'wait' or 'infer'"),
    ("first_day: 2026-1-1", "line 1: first_day: write a day as YYYY-MM-DD"),
    ("first_day: 2026-02-30", "first_day: "),
    ("first_day: 1700000000", "first_day: write a day"),
    ("first_day: 2026-01-01T00:00:00Z", "first_day: write a day"),
    ("late_threshold: 1.5", "late_threshold: "),
    ("late_threshold: nan", "late_threshold: "),
    ("late_window_days: 1.5", "late_window_days: "),
    ("late_window_days: -1", "late_window_days: "),
    ("id_types: []", "id_types: "),
    ("id_types: [a, a]", "id_types: the list names something twice"),
    ("id_types: user_id", "id_types: "),
    ("mask_values: user", "mask_values: write true, false or a list of columns"),
    ("limits:\n  rows_per_second: 0", "line 2: limits.rows_per_second: "),
    ("limits:\n  concurrent_requests: 101", "line 2: limits.concurrent_requests: "),
    ("keys:\n- sha256: dz_acme_secret", "keys: there is no such key"),
    ("datasets:\n  signals: {}", "line 2: datasets.signals: Input should be 'metrics', 'events' or 'exposures'"),
    ("datasets:\n  metrics:\n    csv: {delimiter: x}", "line 3: datasets.metrics.csv: the delimiter must be"),
    ("datasets: {metrics: {csv: {delimiter: ';;'}}}", "datasets.metrics.csv.delimiter: "),
    ("datasets: {metrics: {csv: {delimiter: '\"'}}}", "delimiter and quote must differ"),
    ('datasets: {metrics: {csv: {delimiter: "\\n"}}}', "the delimiter must be"),
    ("datasets: {metrics: {csv: {delimiter: '§'}}}", "the delimiter must be"),
    ("datasets: {metrics: {timestamp: {zone: UTC}}}", "metrics carry a date"),
    ("datasets: {events: {timestamp: {zone: Mars/Olympus}}}", "datasets.events.timestamp.zone: write an IANA zone"),
    ("datasets: {events: {timestamp: {zone: ../../etc/passwd}}}", "datasets.events.timestamp.zone: write an IANA zone"),
    ("datasets: {events: {timestamp: {format: '%Q'}}}", "the format holds '%Q'"),
    ("datasets: {events: {timestamp: {format: '%Y-%m-%d %H:%M:%S.%f', zone: UTC}}}", "fractions of a second are %.f"),
    ("datasets: {events: {timestamp: {format: '%H:%M', zone: UTC}}}", "whole date"),
    ("datasets: {events: {timestamp: {format: 'x%', zone: UTC}}}", "the format holds '%'"),
    ("datasets: {events: {timestamp: {format: '%Y-%m-%d %H:%M'}}}", "name the zone"),
    ("datasets: {events: {timestamp: {format: '%Y-%m-%d %H:%M%z', zone: UTC}}}", "leave the zone out"),
    (
        "datasets: {metrics: {constants: {nope: 1}}}",
        "datasets.metrics.constants.nope: metrics has no column nope; it has unit_id",
    ),
    ("datasets: {metrics: {columns: {x: nope}}}", "datasets.metrics.columns.x: metrics has no column nope"),
    ("datasets: {metrics: {select: {nope: a}}}", "datasets.metrics.select.nope: metrics has no column nope"),
    ("datasets: {metrics: {select: {Bad Name: a}}}", "datasets.metrics.select.Bad Name: "),
    ("datasets: {metrics: {select: {date: a}, constants: {date: b}}}", "date stands under both select and constants"),
    ("datasets: {metrics: {select: {date: a}, columns: {x: date}}}", "date stands under both select and columns"),
    ("datasets:\n  metrics:\n    select:\n      date: SUM(a)", "line 4: datasets.metrics.select.date: SUM is not taken"),
    ("datasets: {metrics: {where: 1 + 1}}", "datasets.metrics.where: true or false is needed"),
    ("datasets: {events: {where: (SELECT 1)}}", "datasets.events.where: SUBQUERY is not taken"),
    # YAML
    ("a: [", "line 1: "),
    ("x", "the file holds no keys"),
    ("- x", "the file holds no keys"),
    ("gap_policy: wait\ngap_policy: infer", "line 2: the key 'gap_policy' stands twice"),
    ("datasets: {metrics: {}, metrics: {}}", "line 1: the key 'metrics' stands twice"),
    ("id_types: &a [x]\nmask_values: *a", "line 1: anchors and aliases are not taken"),
    ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", "anchors and aliases"),
    ("first_day: !!python/object/apply:os.system [id]", "line 1: tags such as"),
    ("first_day: !!timestamp 2026-01-01", "tags such as"),
    ("? [a]\n: b", "a key must be text"),
    ("--- {}\n--- {}", "another document"),
    ("[" * 100_000, "nested more than 16 levels"),
    ("- " * 100_000, "nested more than 16 levels"),
    ("{a: " * 50_000, "nested more than 16 levels"),
    ("#" * (256 * 1024 + 1), "262,145 bytes, more than 262,144"),
    ('id_types: ["\\ud800"]', "half a character"),
    ('id_types: ["\\Uffffffff"]', "broken escape"),
    ("id_types: [\x00]", "a character that YAML does not take"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse_config(text.encode())
    assert told in str(refused.value)
    assert len(str(refused.value)) < 2_000
    str(refused.value).encode()


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(ConfigRefused, match="not UTF-8"):
        parse_config("id_types: [é]".encode("utf-16"))


def test_no_mistake_tells_the_value() -> None:
    """A key that was pasted where none belongs must not end up in a receipt."""
    with pytest.raises(ConfigRefused) as refused:
        parse_config(b"keys:\n- sha256: dz_acme_secret")
    assert "secret" not in str(refused.value)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        CustomerConfig().gap_policy = "infer"


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S", "%d/%m/%y %I:%M %p", "%Y-%m-%dT%H:%M:%S%.3f", "%e %b %Y %T", "%Y%j", "%%%F %R"]
)
def test_formats_that_polars_reads_are_taken(form: str) -> None:
    TimestampFormat(format=form, zone="America/New_York")


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S%.f%z", "%F %T %:z", "%s"])
def test_a_format_with_an_offset_needs_no_zone(form: str) -> None:
    TimestampFormat(format=form)


# Which version is in force


class Lake(InMemoryBlobStore):
    """The lake, with the operator's hand on the config, and a count of requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.before_put: list[Any] = []
        for container in (blob_names.CONFIG_CONTAINER, blob_names.STATE_CONTAINER):
            self.create_container(container)

    def write(self, text: str) -> str:
        return super().put(blob_names.CONFIG_CONTAINER, blob_names.config_name("acme"), text.encode())

    def last_good(self) -> tuple[bytes, str] | None:
        found = super().get(blob_names.STATE_CONTAINER, blob_names.last_good_config_name("acme"))
        return None if found is None else (found[0], found[1].metadata["version"])

    def head(self, container: str, name: str) -> BlobInfo | None:
        self.requests.append(f"head {container}")
        return super().head(container, name)

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        self.requests.append(f"get {container}")
        return super().get(container, name)

    def put(self, container: str, name: str, data: Any, *, when: Condition = UNCONDITIONAL, metadata: Any = None) -> str:
        if self.before_put:
            self.before_put.pop(0)()
        return super().put(container, name, data, when=when, metadata=metadata)


GOOD, BROKEN = "gap_policy: infer", "gap_policy: sometimes"


def test_without_a_file_the_defaults_are_in_force() -> None:
    lake = Lake()
    found = load_config(lake, "acme")
    assert (found.config, found.version, found.problem) == (CustomerConfig(), None, None)
    assert lake.last_good() is None


def test_a_good_file_is_in_force_and_kept() -> None:
    lake = Lake()
    version = lake.write(GOOD)
    found = load_config(lake, "acme")
    assert (found.config.gap_policy, found.version, found.problem) == ("infer", version, None)
    assert lake.last_good() == (GOOD.encode(), version)


def test_an_empty_file_is_a_good_one() -> None:
    lake = Lake()
    version = lake.write("")
    assert load_config(lake, "acme").version == version
    assert lake.last_good() == (b"", version)


def test_a_broken_file_leaves_the_last_good_one_in_force() -> None:
    lake = Lake()
    good = lake.write(GOOD)
    load_config(lake, "acme")
    broken = lake.write(BROKEN)
    found = load_config(lake, "acme")
    assert (found.config.gap_policy, found.version) == ("infer", good)
    assert found.problem == (
        f"config version {broken} is broken and version {good} stays in force: "
        "line 1: gap_policy: Input should be 'wait' or 'infer'"
    )
    fixed = lake.write("gap_policy: wait")
    assert load_config(lake, "acme").version == fixed


def test_a_file_that_was_never_good_leaves_the_defaults_in_force() -> None:
    lake = Lake()
    lake.write(BROKEN)
    found = load_config(lake, "acme")
    assert (found.config, found.version) == (CustomerConfig(), None)
    assert found.problem is not None
    assert "defaults are in force" in found.problem


def test_taking_the_file_away_puts_the_defaults_in_force_and_keeps_that() -> None:
    lake = Lake()
    lake.write(GOOD)
    load_config(lake, "acme")
    lake.delete(blob_names.CONFIG_CONTAINER, blob_names.config_name("acme"))
    assert load_config(lake, "acme").config == CustomerConfig()
    lake.write(BROKEN)
    found = load_config(lake, "acme")
    assert (found.config, found.version) == (CustomerConfig(), None)


def test_a_file_too_large_to_read_is_a_broken_one() -> None:
    lake = Lake()
    lake.write("#" * 300_000)
    problem = load_config(lake, "acme").problem
    assert problem is not None
    assert "300,000 bytes" in problem


def test_a_file_in_the_archive_tier_leaves_the_last_good_one_in_force_until_it_is_moved() -> None:
    lake, cache = Lake(), ConfigCache()
    lake.write(GOOD)
    load_config(lake, "acme")
    lake.write("gap_policy: wait")
    lake.make_unreadable(blob_names.CONFIG_CONTAINER, blob_names.config_name("acme"), ARCHIVED)
    found = load_config(lake, "acme", cache)
    assert found.config.gap_policy == "infer"
    assert "archive tier" in str(found.problem)
    lake.make_unreadable(blob_names.CONFIG_CONTAINER, blob_names.config_name("acme"), None)
    found = load_config(lake, "acme", cache)
    assert (found.config.gap_policy, found.problem) == ("wait", None)


def test_a_last_good_copy_that_cannot_be_used_stops_the_work() -> None:
    """Falling back to the defaults would decide about rows by rules that nobody chose."""
    lake = Lake()
    lake.write(BROKEN)
    lake.put(
        blob_names.STATE_CONTAINER, blob_names.last_good_config_name("acme"), b"no_longer_a_key: 1", metadata={"version": "v0"}
    )
    with pytest.raises(OperatorError, match="version v0"):
        load_config(lake, "acme")


def test_another_look_costs_one_request() -> None:
    lake, cache = Lake(), ConfigCache()
    assert load_config(lake, "acme", cache).version is None
    lake.requests.clear()
    load_config(lake, "acme", cache)
    assert lake.requests == ["head config"]
    version = lake.write(GOOD)
    load_config(lake, "acme", cache)
    lake.requests.clear()
    assert load_config(lake, "acme", cache).version == version
    assert lake.requests == ["head config"]
    lake.write(BROKEN)
    load_config(lake, "acme", cache)
    lake.requests.clear()
    assert load_config(lake, "acme", cache).version == version
    assert lake.requests == ["head config", "get state"]


def test_the_cache_keeps_customers_apart() -> None:
    lake, cache = Lake(), ConfigCache()
    lake.write(GOOD)
    assert load_config(lake, "acme", cache).config.gap_policy == "infer"
    assert load_config(lake, "other", cache).config.gap_policy == "wait"


def test_a_slow_reader_of_an_old_version_does_not_keep_it_over_a_newer_one() -> None:
    """A read version 1; before A keeps it, the operator writes version 2 and B reads and keeps that."""
    lake = Lake()
    lake.write("gap_policy: infer")

    def meanwhile() -> None:
        newer = lake.write("gap_policy: wait")
        assert load_config(lake, "acme").version == newer

    lake.before_put.append(meanwhile)
    found = load_config(lake, "acme")
    assert found.config.gap_policy == "wait"
    assert lake.last_good() == (b"gap_policy: wait", found.version)


def test_two_readers_of_one_version_keep_it_once() -> None:
    lake = Lake()
    version = lake.write(GOOD)
    lake.before_put.append(lambda: load_config(lake, "acme"))
    assert load_config(lake, "acme").version == version
    assert lake.last_good() == (GOOD.encode(), version)


class RestlessLake(Lake):
    """The config is another whenever it is about to be read."""

    def get_range(self, container: str, name: str, *, etag: str, offset: int, length: int) -> bytes:
        self.write(f"late_window_days: {len(self.requests)}")
        return super().get_range(container, name, etag=etag, offset=offset, length=length)


def test_a_file_that_never_stands_still_is_tried_again_later() -> None:
    lake = RestlessLake()
    lake.write(GOOD)
    with pytest.raises(LaterError, match="faster than it can be read"):
        load_config(lake, "acme")


def test_names_of_the_config_are_made_of_the_customer_alone() -> None:
    assert blob_names.config_name("acme") == "customers/acme.yaml"
    assert blob_names.last_good_config_name("acme") == "configs/acme/last-good.yaml"


def test_a_key_of_control_characters_is_told_escaped() -> None:
    with pytest.raises(ConfigRefused) as told:
        parse_config('datasets:\n  "m\u202e\u009bx": {}\n'.encode())
    assert str(told.value).isprintable()
