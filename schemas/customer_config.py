"""The config of one customer: every key of `customers/<customer>.yaml` (contract section 9), each of them optional.

The model checks all that needs no header: types, bounds, dates, zones, formats, and keys that contradict each other. SQL
is text here; the engine checks it. Scalars may come as text, as the engine reads YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

MASKED_BY_DEFAULT: Final = ("user", "unit_id", "event_metadata")
"""The columns that `mask_values: true` masks."""
DatasetName = Literal["metrics", "events", "exposures"]

_DIRECTIVE = re.compile(r"%(?:%|[-_0]?[dmeHIMSjkl]|[YybBhaAPpTFDRs]|:?z|\.[369]?f|[369]f)")
_OFFSET = re.compile(r"%:?z|%s")
_SAMPLE: Final = datetime(2021, 11, 18, 13, 14, 15, tzinfo=UTC)


def instant_format_problem(form: str) -> str | None:
    """Why `form` is not the format of an instant, or None: the engine must read what it writes with it."""
    return _unknown_directive(form) or _unread(form, pl.Datetime("us"))


def day_format_problem(form: str) -> str | None:
    """Why `form` is not the format of a day, or None."""
    return _unknown_directive(form) or _unread(form, pl.Date())


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


def _unread(form: str, dtype: pl.Date | pl.Datetime) -> str | None:
    try:
        read = pl.Series([_SAMPLE]).dt.to_string(form).str.strptime(dtype, form, strict=False).cast(pl.Date)[0]
    except pl.exceptions.PolarsError:
        read = None
    return None if read == _SAMPLE.date() else "the format does not hold a whole date, such as %Y-%m-%d"


def _valid_format(form: str) -> str:
    problem = instant_format_problem(form)
    if problem:
        raise ValueError(problem)
    return form


def _valid_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
        pl.Series([_SAMPLE]).dt.convert_time_zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise ValueError("write an IANA zone, such as Europe/Berlin or UTC") from error
    return zone


def _iso_day(value: object) -> object:
    # Numbers and times of day would be taken for dates too.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return value
    raise ValueError("write a day as YYYY-MM-DD")


def _iso_instant(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", value)):
        return value
    raise ValueError("write an instant as 2026-11-18T09:00:00Z")


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | date) else value


def _masked(value: object) -> object:
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        return MASKED_BY_DEFAULT
    if value is False or (isinstance(value, str) and value.lower() == "false"):
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError("write true, false or a list of columns")  # noqa: TRY004 - pydantic reports this type alone
    return value


def _all_different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("the list names something twice")
    return values


Name = Annotated[str, Field(min_length=1, max_length=512)]
"""A column of an upload, as its header writes it."""
Target = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9_]{0,126}\z")]
"""A column of the contract."""
Expression = Annotated[str, Field(min_length=1, max_length=4_000)]
Constant = Annotated[str, BeforeValidator(_as_text), Field(max_length=1_024)]
IsoDay = Annotated[date, BeforeValidator(_iso_day)]
IsoInstant = Annotated[AwareDatetime, BeforeValidator(_iso_instant)]
Unique = AfterValidator(_all_different)


def _section(number: int) -> dict[str, JsonValue]:
    """Where the contract speaks of a key."""
    return {"contract_section": number}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        """A key without a value is as good as absent."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data


class ApiKey(_Part):
    """One key of the HTTP doors, as its hash."""

    sha256: str = Field(
        pattern=r"\A[0-9a-f]{64}\z",
        json_schema_extra=_section(7),
        description="SHA-256 of the key, 64 lower-case hexadecimal digits",
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=127, json_schema_extra=_section(7), description="what the key is called in lists"
    )
    created: IsoInstant | None = Field(
        default=None, json_schema_extra=_section(7), description="when it was made, ISO 8601 with offset"
    )
    revoked: IsoInstant | None = Field(
        default=None, json_schema_extra=_section(7), description="when it was revoked; a key with this opens nothing"
    )


class CsvDialect(_Part):
    """How the customer's CSV is written, where it differs from the standard."""

    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        json_schema_extra=_section(3),
        description="what stands between fields: one ASCII character; by default a comma, and a tab in .tsv files",
    )
    quote: str = Field(
        default='"',
        min_length=1,
        max_length=1,
        json_schema_extra=_section(3),
        description="what fields are quoted with: one ASCII character",
    )
    null_values: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=32), Unique] = Field(
        default=(),
        json_schema_extra=_section(3),
        description="texts that stand for no value, besides an empty field; for example NULL or \\N",
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        for what, mark in (("delimiter", self.delimiter), ("quote", self.quote)):
            # Letters, digits and the like occur in every value; ends of lines end records.
            if mark is not None and (not mark.isascii() or mark.isalnum() or mark in "\r\n\0"):
                raise ValueError(f"the {what} must be an ASCII mark that is no letter, digit or end of line")
        if self.quote == (self.delimiter or ","):
            raise ValueError("delimiter and quote must differ")
        return self


class TimestampFormat(_Part):
    """How the customer writes instants, where that is neither unix time nor ISO 8601 with an offset."""

    format: Annotated[str, AfterValidator(_valid_format)] | None = Field(
        default=None,
        json_schema_extra=_section(4),
        description="a strptime format, such as %d.%m.%Y %H:%M:%S; fractions of a second are %.f",
    )
    zone: Annotated[str, AfterValidator(_valid_zone)] | None = Field(
        default=None,
        json_schema_extra=_section(4),
        description="the IANA zone of times that carry no offset, such as Europe/Berlin",
    )

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if self.format and not self.zone and not has_offset(self.format):
            raise ValueError("the format reads no offset: name the zone of these times")
        if self.format and self.zone and has_offset(self.format):
            raise ValueError("the format reads an offset: leave the zone out")
        return self


class DatasetConfig(_Part):
    """How the customer's uploads of one dataset become columns of the contract.

    A contract column comes from the first that names it: `select`, `constants`, `columns`, its own name.
    """

    columns: Annotated[dict[Name, Target], Field(max_length=1_024)] = Field(
        default_factory=dict,
        json_schema_extra=_section(9),
        description="other names of columns: uploaded name to contract column",
    )
    constants: Annotated[dict[Target, Constant], Field(max_length=64)] = Field(
        default_factory=dict, json_schema_extra=_section(9), description="contract column to the text that it has in every row"
    )
    timestamp: TimestampFormat = Field(
        default_factory=TimestampFormat, json_schema_extra=_section(9), description="how instants are written"
    )
    csv: CsvDialect = Field(default_factory=CsvDialect, json_schema_extra=_section(9), description="how CSV is written")
    select: Annotated[dict[Target, Expression], Field(max_length=64)] = Field(
        default_factory=dict,
        json_schema_extra=_section(9),
        description="contract column to one SQL expression over the upload's columns, computed row by row",
    )
    where: Expression | None = Field(
        default=None,
        json_schema_extra=_section(9),
        description="one SQL condition over the upload's columns; rows of which it is not true are filtered",
    )

    @model_validator(mode="after")
    def _no_column_has_two_sources(self) -> Self:
        for first, second in (("select", "constants"), ("select", "columns"), ("constants", "columns")):
            both = _targets(self, first) & _targets(self, second)
            if both:
                raise ValueError(f"{', '.join(sorted(both))} stands under both {first} and {second}: keep one")
        return self


def _targets(config: DatasetConfig, key: str) -> set[str]:
    found: dict[str, str] = getattr(config, key)
    return set(found.values()) if key == "columns" else set(found)


class CustomerConfig(_Part):
    """What an operator has settled with one customer; an absent file is a file without keys."""

    id_types: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=127)], ...], Field(max_length=100), Unique] | None
    ) = Field(
        default=None,
        min_length=1,
        json_schema_extra=_section(4),
        description="the id types that are taken, others are rejected; by default any",
    )
    first_day: IsoDay | None = Field(
        default=None,
        json_schema_extra=_section(6),
        description="the first day of every stream, YYYY-MM-DD; by default found from the first markers",
    )
    gap_policy: Literal["wait", "infer"] = Field(
        default="wait",
        json_schema_extra=_section(6),
        description="whether a day waits for the marker of every earlier day, or its marker stands for them too",
    )
    late_policy: Literal["reprocess", "hold"] = Field(
        default="reprocess",
        json_schema_extra=_section(6),
        description="whether late rows of a processed day reprocess it by themselves, or wait for a word",
    )
    late_threshold: float = Field(
        default=0.01,
        ge=0,
        le=1,
        json_schema_extra=_section(6),
        description="the share of a day's rows that must have changed before it is reprocessed",
    )
    late_window_days: int = Field(
        default=14,
        ge=0,
        le=400,
        json_schema_extra=_section(6),
        description="days after which a day is not reprocessed by itself",
    )
    first_day_window_days: int = Field(
        default=28,
        ge=1,
        le=400,
        json_schema_extra=_section(6),
        description="how many of the last days the first day is looked for in",
    )
    on_refused: Literal["publish", "wait"] = Field(
        default="publish",
        json_schema_extra=_section(6),
        description="whether a day is published without files that were refused, or waits for them",
    )
    max_rejected_fraction: float = Field(
        default=0.10,
        ge=0,
        le=1,
        json_schema_extra=_section(3),
        description="a file of at least 100 rows is refused when a larger share of them is rejected",
    )
    mask_values: Annotated[tuple[Name, ...], BeforeValidator(_masked), Field(max_length=100), Unique] = Field(
        default=(),
        json_schema_extra=_section(5),
        description=(
            "columns whose values are shown masked everywhere but in the drop container: a list, or true for "
            f"{', '.join(MASKED_BY_DEFAULT)}; by default none"
        ),
    )
    keys: Annotated[tuple[ApiKey, ...], Field(max_length=100)] = Field(
        default=(), json_schema_extra=_section(7), description="the keys of the HTTP doors"
    )
    datasets: dict[DatasetName, DatasetConfig] = Field(
        default_factory=dict,
        json_schema_extra=_section(9),
        description="by dataset: how its uploads become columns of the contract",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _all_different(tuple(key.sha256 for key in self.keys))
        metrics = self.datasets.get("metrics")
        if metrics is not None and metrics.timestamp != TimestampFormat():
            raise ValueError("datasets.metrics.timestamp: metrics carry a date and no timestamp; DATE(x, format) reads one")
        return self

    def dataset(self, name: str) -> DatasetConfig:
        """The part about one dataset, which may be empty."""
        return next((part for key, part in self.datasets.items() if key == name), DatasetConfig())
