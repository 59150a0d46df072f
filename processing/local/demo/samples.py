"""Three sample customers with three days of uploads, some of it wrong on purpose, and what must come out.

The expectation is kept by the generator as it writes, row by row; nothing of the engine is used for it.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.days import PST, DayZone
from processing.local.demo.behaviour import EXPERIMENTS, Behaviour, events_of, exposures_of
from schemas.rule_codes import RuleCode

COLUMNS: Final = ("unit_id", "id_type", "date", "metric_name", "metric_value", "numerator", "denominator")
_METRICS: Final = ("revenue", "sessions", "conversion")
_RATIO: Final = "conversion"

Row = dict[str, str]
Key = tuple[str, str]
"""Unit and metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    """One upload and the receipt it must get."""

    name: str
    data: bytes
    status: str
    rows_read: int
    accepted: int
    rules: Counter[str]


@dataclass(slots=True)
class SampleDay:
    """What a day must publish: the last accepted row of each unit and metric."""

    rows: dict[Key, Row] = field(default_factory=dict)
    accepted: int = 0
    """Rows, before duplicates are removed."""

    def totals(self) -> dict[str, tuple[int, float, float]]:
        """For each metric: units, sum and mean."""
        found: dict[str, list[Row]] = {}
        for (_, metric), row in self.rows.items():
            found.setdefault(metric, []).append(row)
        return {metric: _total(metric, rows) for metric, rows in found.items()}


@dataclass(slots=True)
class SampleCustomer:
    """A customer, its uploads in order, and its days."""

    name: str
    uploads: list[SampleFile] = field(default_factory=list)
    """Some stand twice under one name: the later one replaces the earlier."""
    days: dict[date, SampleDay] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = (Dataset.METRICS,)
    """The streams whose days come out."""
    config: str = ""
    behaviour: Behaviour = field(default_factory=Behaviour)

    def replaced(self) -> list[SampleFile]:
        """The uploads that a later one of the same name replaces."""
        last = {upload.name: upload for upload in self.uploads}
        return [upload for upload in self.uploads if upload is not last[upload.name]]


def sample_customers(
    days: Sequence[date], *, zone: DayZone = PST, rows_per_day: int = 1_200, seed: int = 20_261_118
) -> list[SampleCustomer]:
    """The same customers for the same days and seed, always."""
    rng = random.Random(seed)  # noqa: S311 - sample data
    customers = [_acme(rng, days, rows_per_day), _globex(rng, days, rows_per_day), _initech(rng, days, rows_per_day)]
    _behave(rng, customers[0], zone, rows_per_day)
    return customers


def _acme(rng: random.Random, days: Sequence[date], count: int) -> SampleCustomer:
    """Clean files in day folders, one of them compressed, with corrections of some rows in a second file a day."""
    customer = SampleCustomer(name="acme", days={day: SampleDay() for day in days})
    for number, day in enumerate(days):
        rows = _rows(rng, day, count)
        packed = number == 1
        name = f"metrics/{day.isoformat()}/data_0_0_0.csv" + (".gz" if packed else "")
        _add(customer, name, rows, packed=packed)
        again = [{**row, "metric_value": _amount(rng)} for row in rng.sample(rows, 40) if row["metric_name"] != _RATIO]
        _add(customer, f"metrics/{day.isoformat()}/data_1_corrections.csv", again)
    return customer


def _globex(rng: random.Random, days: Sequence[date], count: int) -> SampleCustomer:
    """One file for all days with rows that break rules in every way."""
    customer = SampleCustomer(name="globex", days={day: SampleDay() for day in days})
    rows = [row for day in days for row in _rows(rng, day, count)]
    spoiled = dict(zip(sorted(rng.sample(range(len(rows)), 60)), _spoilers() * 60, strict=False))
    _add(customer, "metrics/export-000000000000.csv", rows, spoiled)
    return customer


def _initech(rng: random.Random, days: Sequence[date], count: int) -> SampleCustomer:
    """A file that is refused as a whole and then fixed, and one in the wrong folder."""
    customer = SampleCustomer(name="initech", days={day: SampleDay() for day in days})
    for day in days:
        rows = _rows(rng, day, count)
        name = f"metrics/{day.isoformat()}.csv"
        if day == days[0]:
            wrong = dict.fromkeys(range(0, len(rows), 2), _spoilers()[0])
            _add(customer, name, rows, wrong)
        _add(customer, name, rows)
    data = b"unit_id,id_type,date,metric_name,metric_value\n"
    customer.uploads.append(
        SampleFile(name="Metric/oops.csv", data=data, status="rejected", rows_read=0, accepted=0, rules=Counter())
    )
    return customer


def _behave(rng: random.Random, customer: SampleCustomer, zone: DayZone, count: int) -> None:
    """Events as NDJSON and exposures as CSV, a file a day."""
    customer.datasets = (Dataset.METRICS, Dataset.EVENTS, Dataset.EXPOSURES, Dataset.EXPERIMENTS)
    customer.config = "experiments:\n" + "".join(f"  {name}:\n" for name in EXPERIMENTS)
    for day in customer.days:
        data, read, sound = events_of(rng, customer.behaviour, zone, day, count)
        rules: Counter[str] = Counter({RuleCode.FORBIDDEN_CHARACTER: 1, RuleCode.USER_WITHOUT_ID: 1})
        name = f"events/dt={day.isoformat()}/part-00000.ndjson"
        customer.uploads.append(_sample(name, data, read=read, accepted=sound, rules=rules))
        units = [f"user-{number:05d}" for number in sorted(rng.sample(range(400), 150))]
        data = exposures_of(rng, customer.behaviour, zone, day, units)
        customer.uploads.append(_sample(f"exposures/{day.isoformat()}.csv", data, read=150, accepted=150))


def _sample(name: str, data: bytes, *, read: int, accepted: int, rules: Counter[str] | None = None) -> SampleFile:
    status = "accepted" if read == accepted else "accepted_with_rejects"
    return SampleFile(name=name, data=data, status=status, rows_read=read, accepted=accepted, rules=rules or Counter())


def _rows(rng: random.Random, day: date, count: int) -> list[Row]:
    rows = []
    for index in range(count):
        metric = _METRICS[index % len(_METRICS)]
        row = dict.fromkeys(COLUMNS, "")
        row.update(unit_id=f"user-{index // len(_METRICS):05d}", id_type="user_id", date=day.isoformat(), metric_name=metric)
        if metric == _RATIO:
            row.update(numerator=str(rng.randint(0, 5)), denominator=str(rng.randint(1, 20)))
        else:
            row["metric_value"] = _amount(rng)
        rows.append(row)
    return rows


def _amount(rng: random.Random) -> str:
    return f"{rng.randint(0, 100_000) / 100:.2f}"


Spoiler = tuple[str, Callable[[Row], bytes]]
"""The rule that is broken, and the line that breaks it."""


def _spoilers() -> list[Spoiler]:
    return [
        (RuleCode.NOT_A_NUMBER, lambda row: _line({**row, "metric_value": "twelve"})),
        (RuleCode.NOT_A_DATE, lambda row: _line({**row, "date": "2026-02-30"})),
        (RuleCode.REQUIRED, lambda row: _line({**row, "unit_id": ""})),
        (RuleCode.LENGTH, lambda row: _line({**row, "metric_name": "x" * 128})),
        (RuleCode.FINITE, lambda row: _line({**row, "metric_value": "inf"})),
        (RuleCode.VALUE_MISSING, lambda row: _line({**row, "metric_value": "", "numerator": "1", "denominator": ""})),
        (RuleCode.WRONG_FIELD_COUNT, lambda row: _line(row).replace(b"\r\n", b",one too many\r\n")),
        (RuleCode.BROKEN_QUOTING, lambda row: b'"' + _line(row)),
        (RuleCode.NOT_UTF8, lambda row: _line(row).replace(b"user-", b"us\xe9r-")),
    ]


def _add(
    customer: SampleCustomer,
    name: str,
    rows: Sequence[Row],
    spoiled: dict[int, Spoiler] | None = None,
    *,
    packed: bool = False,
) -> None:
    spoiled = spoiled or {}
    data = io.BytesIO()
    data.write(_line(dict(zip(COLUMNS, COLUMNS, strict=True))))
    for index, row in enumerate(rows):
        data.write(spoiled[index][1](row) if index in spoiled else _line(row))
    refused = len(spoiled) > len(rows) / 10
    good = [] if refused else [row for index, row in enumerate(rows) if index not in spoiled]
    for row in good:
        day = customer.days[date.fromisoformat(row["date"])]
        day.rows[row["unit_id"], row["metric_name"]] = row
        day.accepted += 1
    customer.uploads.append(
        SampleFile(
            name=name,
            data=gzip.compress(data.getvalue(), mtime=0) if packed else data.getvalue(),
            status="rejected" if refused else ("accepted_with_rejects" if spoiled else "accepted"),
            rows_read=len(rows),
            accepted=len(good),
            rules=Counter(rule for rule, _ in spoiled.values()),
        )
    )


def _line(row: Row) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS).writerow(row)
    return text.getvalue().encode()


def _total(metric: str, rows: Sequence[Row]) -> tuple[int, float, float]:
    if metric == _RATIO:
        parts = [(float(row["numerator"]), float(row["denominator"])) for row in rows]
        upper, lower = sum(part[0] for part in parts), sum(part[1] for part in parts)
        return len(rows), sum(part[0] / part[1] for part in parts), upper / lower
    values = [float(row["metric_value"]) for row in rows]
    return len(rows), sum(values), sum(values) / len(values)
