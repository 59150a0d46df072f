"""The config of one customer: every key of `customers/<customer>.yaml` (contract section 9), each of them optional.

The model checks all that needs no header: types, bounds, dates, zones, formats, and keys that contradict each other. SQL
is text here; the engine checks it. Scalars may come as text, as the engine reads YAML.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.config_base import Name, Part, Unique, all_different, section
from schemas.csv_dialect import CsvDialect
from schemas.experiments import ExperimentConfig, IsoDay, MetricName

MASKED_BY_DEFAULT: Final = ("user", "unit_id", "event_metadata")
"""The columns that `mask_values: true` masks."""
EXCEL: Final = "excel"
"""The format of days and instants as Excel keeps them: the number of days since 1899-12-30."""
_OF_VALUES: Final = ("count", "min", "max")
"""What comes of these is a value."""
DatasetName = Literal["metrics", "events", "exposures"]

_DIRECTIVE = re.compile(r"%(?:%|[-_0]?[dmeHIMSjkl]|[YybBhaAPpTFDRs]|:?z|\.[369]?f|[369]f)")
_OFFSET = re.compile(r"%:?z|%s")
_SAMPLE: Final = datetime(2021, 11, 18, 13, 14, 15, tzinfo=UTC)


def instant_format_problem(form: str) -> str | None:
    """Why `form` is not the format of an instant, or None: the engine must read what it writes with it."""
    return _unknown_directive(form) or _unread(form, is_day=False)


def day_format_problem(form: str) -> str | None:
    """Why `form` is not the format of a day, or None."""
    return _unknown_directive(form) or _unread(form, is_day=True)


def has_offset(form: str) -> bool:
    """Whether a format reads an offset from UTC, so that it needs no zone."""
    return _OFFSET.search(form.replace("%%", "")) is not None


def _unknown_directive(form: str) -> str | None:
    if len(form) > 64:  # noqa: PLR2004 - far longer than any format
        return "the format is longer than 64 characters"
    for match in re.finditer("%.?", _DIRECTIVE.sub("", form), re.DOTALL):
        hint = "; fractions of a second are %.f" if match[0] == "%f" else ""
        return f"the format holds {match[0]!r}, which is not read{hint}"
    return None


def _unread(form: str, *, is_day: bool) -> str | None:
    import polars as pl  # noqa: PLC0415 - takes long, and most configs name no format

    dtype = pl.Date() if is_day else pl.Datetime("us")
    try:
        read = pl.Series([_SAMPLE]).dt.to_string(form).str.strptime(dtype, form, strict=False).cast(pl.Date)[0]
    except pl.exceptions.PolarsError:
        read = None
    return None if read == _SAMPLE.date() else "the format does not hold a whole date, such as %Y-%m-%d"


def _valid_format(form: str) -> str:
    problem = None if form == EXCEL else instant_format_problem(form)
    if problem:
        raise ValueError(problem)
    return form


def _valid_zone(zone: str) -> str:
    import polars as pl  # noqa: PLC0415

    try:
        ZoneInfo(zone)
        pl.Series([_SAMPLE]).dt.convert_time_zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise ValueError("write an IANA zone, such as Europe/Berlin or UTC") from error
    return zone


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | date) else value


def _named_folders(value: object) -> object:
    """A list names folders that are called as their columns are."""
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return {each: each for each in value}
    return value


def _with_empty_entries(value: object) -> object:
    """An entry without keys is written as its name alone."""
    return {key: {} if each is None else each for key, each in value.items()} if isinstance(value, dict) else value


def _masked(value: object) -> object:
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        return MASKED_BY_DEFAULT
    if value is False or (isinstance(value, str) and value.lower() == "false"):
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError("write true, false or a list of columns")  # noqa: TRY004 - pydantic reports this type alone
    return value


Target = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_]{0,126}\z")]
"""A column of the contract."""
FolderKey = Annotated[str, Field(min_length=1, max_length=127, pattern=r"\A[^/=]+\z")]
"""What stands before `=` in the name of a folder."""
Expression = Annotated[str, Field(min_length=1, max_length=4_000)]
Constant = Annotated[str, BeforeValidator(_as_text), Field(max_length=1_024)]


class Limits(Part):
    """How much the HTTP doors take of a customer at once, so that the others do not notice."""

    rows_per_second: int = Field(
        default=5_000,
        ge=1,
        le=1_000_000,
        json_schema_extra=section(7),
        description="rows that may come over HTTP in a second, on the average; after a rest a request of 10,000 fits",
    )
    concurrent_requests: int = Field(
        default=8,
        ge=1,
        le=100,
        json_schema_extra=section(7),
        description="requests that are worked on at once, in each process",
    )


def _anonymous_type(id_type: str) -> str:
    if id_type == "user_id":
        raise ValueError("user_id is the id type of userId: write another one for anonymousId")
    return id_type


class TimestampFormat(Part):
    """How the customer writes instants, where that is neither unix time nor ISO 8601 with an offset."""

    format: Annotated[str, AfterValidator(_valid_format)] | None = Field(
        default=None,
        json_schema_extra=section(4),
        description="a strptime format, such as %d.%m.%Y %H:%M:%S; fractions of a second are %.f; excel for Excel's numbers",
    )
    zone: Annotated[str, AfterValidator(_valid_zone)] | None = Field(
        default=None,
        json_schema_extra=section(4),
        description="the IANA zone of times that carry no offset, such as Europe/Berlin",
    )

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if self.format and not self.zone and not has_offset(self.format):
            raise ValueError("the format reads no offset: name the zone of these times")
        if self.format and self.zone and has_offset(self.format):
            raise ValueError("the format reads an offset: leave the zone out")
        return self


class MetricConfig(Part):
    """What a metric's rows are."""

    aggregate: Literal["sum", "count", "min", "max", "mean", "last"] = Field(
        default="last",
        json_schema_extra=section(4),
        description="what the rows of one unit and day come to: the last of them, or something over all of them (raw facts)",
    )
    kind: Literal["value", "ratio"] | None = Field(
        default=None,
        json_schema_extra=section(4),
        description="pins the kind: rows that do not carry it are rejected; by default a row with both parts makes a ratio",
    )

    @model_validator(mode="after")
    def _some_are_values(self) -> Self:
        if self.aggregate in _OF_VALUES and self.kind == "ratio":
            raise ValueError(f"{self.aggregate} is of values and not of ratios: leave kind out, or write another aggregate")
        return self


class DatasetConfig(Part):
    """How the customer's uploads of one dataset become columns of the contract.

    A contract column comes from the first that names it: `select`, `constants`, `folders`, `columns`, its own name.
    """

    columns: Annotated[dict[Name, Target], Field(max_length=1_024)] = Field(
        default_factory=dict,
        json_schema_extra=section(9),
        description=(
            "other names of columns: uploaded name to contract column; of JSON objects and structs also a path, "
            "such as properties.time"
        ),
    )
    constants: Annotated[dict[Target, Constant], Field(max_length=64)] = Field(
        default_factory=dict, json_schema_extra=section(9), description="contract column to the text that it has in every row"
    )
    folders: Annotated[dict[FolderKey, Target], BeforeValidator(_named_folders), Field(max_length=64)] = Field(
        default_factory=dict,
        json_schema_extra=section(9),
        description=(
            "columns that stand in the folders of the upload's name, as Hive writes them: of `date=2026-11-18/`, "
            "a list such as [date], or the folder's key to the contract column"
        ),
    )
    timestamp: TimestampFormat = Field(
        default_factory=TimestampFormat, json_schema_extra=section(9), description="how instants are written"
    )
    anonymous_id_type: Annotated[str, AfterValidator(_anonymous_type)] = Field(
        default="stable_id",
        min_length=1,
        max_length=127,
        json_schema_extra=section(4),
        description=(
            "of Segment's calls, the id type of anonymousId, such as anonymous_id; it counts beside userId, which is user_id, "
            "and alone where that is missing"
        ),
    )
    csv: CsvDialect = Field(default_factory=CsvDialect, json_schema_extra=section(9), description="how CSV is written")
    select: Annotated[dict[Target, Expression], Field(max_length=64)] = Field(
        default_factory=dict,
        json_schema_extra=section(9),
        description="contract column to one SQL expression over the upload's columns, computed row by row",
    )
    where: Expression | None = Field(
        default=None,
        json_schema_extra=section(9),
        description="one SQL condition over the upload's columns; rows of which it is not true are filtered",
    )

    values: Annotated[dict[MetricName, Name], Field(max_length=100)] = Field(
        default_factory=dict,
        json_schema_extra=section(4),
        description="of metrics in wide tables: metric to the column with its value, each one row where that is not null",
    )

    @model_validator(mode="after")
    def _values_are_columns_of_their_own(self) -> Self:
        all_different(tuple(self.values.values()))
        keys = {"unit_id", "id_type", "date", "is_test"} & set(self.values.values())
        if keys:
            raise ValueError(f"values: {', '.join(sorted(keys))} tells what a row is about, and is no value")
        return self

    @model_validator(mode="after")
    def _no_column_has_two_sources(self) -> Self:
        for first, second in combinations(("select", "constants", "folders", "columns"), 2):
            both = _targets(self, first) & _targets(self, second)
            if both:
                raise ValueError(f"{', '.join(sorted(both))} stands under both {first} and {second}: keep one")
        return self


def _targets(config: DatasetConfig, key: str) -> set[str]:
    found: dict[str, str] = getattr(config, key)
    return set(found.values()) if key in ("columns", "folders") else set(found)


class CustomerConfig(Part):
    """What an operator has settled with one customer; an absent file is a file without keys."""

    id_types: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=127)], ...], Field(max_length=100), Unique] | None
    ) = Field(
        default=None,
        min_length=1,
        json_schema_extra=section(4),
        description="the id types that are taken, others are rejected; by default any",
    )
    first_day: IsoDay | None = Field(
        default=None,
        json_schema_extra=section(6),
        description="the first day of every stream, YYYY-MM-DD; by default found from the first markers",
    )
    gap_policy: Literal["wait", "infer"] = Field(
        default="wait",
        json_schema_extra=section(6),
        description="whether a day waits for the marker of every earlier day, or its marker stands for them too",
    )
    late_policy: Literal["reprocess", "hold"] = Field(
        default="reprocess",
        json_schema_extra=section(6),
        description="whether late rows of a processed day reprocess it by themselves, or wait for a word",
    )
    late_threshold: float = Field(
        default=0.01,
        ge=0,
        le=1,
        json_schema_extra=section(6),
        description="the share of a day's rows that must have changed before it is reprocessed",
    )
    late_window_days: int = Field(
        default=14,
        ge=0,
        le=400,
        json_schema_extra=section(6),
        description="days after which a day is not reprocessed by itself",
    )
    first_day_window_days: int = Field(
        default=28,
        ge=1,
        le=400,
        json_schema_extra=section(6),
        description="how many of the last days the first day is looked for in",
    )
    on_refused: Literal["publish", "wait"] = Field(
        default="publish",
        json_schema_extra=section(6),
        description="whether a day is published without files that were refused, or waits for them",
    )
    on_delete: Literal["keep", "withdraw"] = Field(
        default="keep",
        json_schema_extra=section(5),
        description="whether the rows of an upload that somebody deletes stay, or are withdrawn; what retention deletes stays",
    )
    max_rejected_fraction: float = Field(
        default=0.10,
        ge=0,
        le=1,
        json_schema_extra=section(3),
        description="a file of at least 100 rows is refused when a larger share of them is rejected",
    )
    mask_values: Annotated[tuple[Name, ...], BeforeValidator(_masked), Field(max_length=100), Unique] = Field(
        default=(),
        json_schema_extra=section(5),
        description=(
            "columns whose values are shown masked everywhere but in the drop container: a list, or true for "
            f"{', '.join(MASKED_BY_DEFAULT)}; by default none"
        ),
    )
    limits: Limits = Field(
        default_factory=Limits,
        json_schema_extra=section(7),
        description="how much of the customer's rows and requests the HTTP doors take at once",
    )
    metrics: Annotated[dict[MetricName, MetricConfig], Field(max_length=10_000)] = Field(
        default_factory=dict,
        json_schema_extra=section(9),
        description="by metric: how its rows come to one of each unit and day, and whether it is a value or a ratio",
    )
    experiments: Annotated[
        dict[MetricName, ExperimentConfig], BeforeValidator(_with_empty_entries), Field(max_length=1_000)
    ] = Field(
        default_factory=dict,
        json_schema_extra=section(8),
        description="by experiment: how its results are computed; those that are not named have none",
    )
    datasets: dict[DatasetName, DatasetConfig] = Field(
        default_factory=dict,
        json_schema_extra=section(9),
        description="by dataset: how its uploads become columns of the contract",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        metrics = self.datasets.get("metrics")
        if metrics is not None and metrics.timestamp != TimestampFormat():
            raise ValueError("datasets.metrics.timestamp: metrics carry a date and no timestamp; DATE(x, format) reads one")
        for name, part in self.datasets.items():
            named = part.anonymous_id_type if "anonymous_id_type" in part.model_fields_set else None
            if named is not None and name == "metrics":
                raise ValueError("datasets.metrics.anonymous_id_type: metrics have no anonymousId")
            if named is not None and self.id_types is not None and named not in self.id_types:
                raise ValueError(
                    f"datasets.{name}.anonymous_id_type: {named} is not among id_types, so that its rows were rejected"
                )
            if part.values and name != "metrics":
                raise ValueError(f"datasets.{name}.values: only metrics come in wide tables")
            ratios = sorted(metric for metric in part.values if self.pinned.get(metric) == "ratio")
            if ratios:
                raise ValueError(f"datasets.metrics.values: {', '.join(ratios)} is pinned to ratio, and a column is a value")
        return self

    @property
    def aggregated(self) -> dict[str, str]:
        """The metrics of which all rows of a unit and day count, with how."""
        return {name: part.aggregate for name, part in self.metrics.items() if part.aggregate != "last"}

    @property
    def pinned(self) -> dict[str, str]:
        """The metrics whose kind does not follow from their rows, with it."""
        kinds = {name: "value" if part.aggregate in _OF_VALUES else part.kind for name, part in self.metrics.items()}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    @property
    def fitting(self) -> dict[str, str]:
        """Of those, the ones whose rows must carry that kind; what is counted is a row, whatever it carries."""
        return {
            name: kind
            for name, kind in self.pinned.items()
            if self.metrics[name].aggregate != "count" or self.metrics[name].kind
        }

    def dataset(self, name: str) -> DatasetConfig:
        """The part about one dataset, which may be empty."""
        return next((part for key, part in self.datasets.items() if key == name), DatasetConfig())
