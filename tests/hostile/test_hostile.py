"""Every nasty file gets exactly the receipt that the contract promises for it, and shows nothing that is masked."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.documents import to_json
from processing.domain.receipts import Receipt
from processing.jobs.uploads.check_file import REJECTED, CheckRequest, check_file
from schemas.customer_config import CustomerConfig
from tests.hostile import (
    archive_cases,
    config_cases,
    csv_cases,
    event_cases,
    header_cases,
    json_cases,
    masked_cases,
    parquet_cases,
    text_cases,
    value_cases,
)
from tests.hostile.case import DAY, UPLOADED_AT, Case

CASES: Final[tuple[Case, ...]] = (
    *csv_cases.CASES,
    *text_cases.CASES,
    *header_cases.CASES,
    *value_cases.CASES,
    *event_cases.CASES,
    *json_cases.CASES,
    *parquet_cases.CASES,
    *archive_cases.CASES,
    *config_cases.CASES,
    *masked_cases.CASES,
)
ABOUT_ROWS: Final = {"same_key_in_file", "kind_changed"}
Reasons = dict[tuple[int, int | None], set[tuple[str, str | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a file."""

    receipt: Receipt
    rejected: Sequence[Mapping[str, Any]]
    staged: Mapping[Dataset, pl.DataFrame]


def answer(case: Case, folder: Path) -> Answer:
    path = folder / case.file
    path.write_bytes(case.data if isinstance(case.data, bytes) else case.data())
    os.utime(path, (UPLOADED_AT.timestamp(), UPLOADED_AT.timestamp()))
    out = folder / "out"
    request = CheckRequest(
        path=path, dataset=case.dataset, config=CustomerConfig.model_validate(case.config), program="test", out=out
    )
    receipt = check_file(request)
    text = (out / REJECTED).read_text(encoding="utf-8") if (out / REJECTED).exists() else ""
    return Answer(
        receipt=receipt,
        rejected=[json.loads(line) for line in text.split("\n") if line],
        staged={dataset: staged_rows(out / str(dataset)) for dataset in DATA_DATASETS},
    )


def staged_rows(folder: Path) -> pl.DataFrame:
    frames = [
        pl.read_parquet(path).with_columns(pl.lit(path.parent.name.removeprefix("pst_date=")).alias("pst_date"))
        for path in sorted(folder.glob("*/*.parquet"))
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema={"pst_date": pl.String})


def reasons_of(rejected: Iterable[Mapping[str, Any]]) -> Reasons:
    return {(row["record"], row["line"]): {(each["rule"], each["column"]) for each in row["reasons"]} for row in rejected}


def expected_reasons(lines: Sequence[str]) -> Reasons:
    found: Reasons = {}
    for text in lines:
        place, *rules = text.split()
        record, line = place.split("@")
        pairs = (rule.partition(":") for rule in rules)
        found[int(record), None if line == "-" else int(line)] = {(rule, column or None) for rule, _, column in pairs}
    return found


def columns(frame: pl.DataFrame, names: Iterable[str]) -> list[tuple[object, ...]]:
    """The rows of some columns; parts keep the order of records within a day alone."""
    return in_any_order({name: [readable(value) for value in frame.get_column(name).to_list()] for name in names})


def in_any_order(values: Mapping[str, Sequence[object]]) -> list[tuple[object, ...]]:
    return sorted(
        zip(*values.values(), strict=True), key=lambda row: [(value is None, 0 if value is None else value) for value in row]
    )


def readable(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else value


def as_parameters(cases: Iterable[Case]) -> list[Any]:
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.xfail(strict=True, reason=case.differs)] if case.differs else [])
        for case in cases
    ]


@pytest.mark.parametrize("case", as_parameters(CASES))
def test_a_nasty_file_gets_the_receipt_of_the_contract(case: Case, tmp_path: Path) -> None:
    found = answer(case, tmp_path)
    receipt, wanted = found.receipt, expected_reasons(case.rejected)
    bad = len(wanted) + case.refused_with
    assert receipt.error is None or receipt.error.message
    assert (receipt.status, receipt.error.code if receipt.error else None) == (case.status, case.error), receipt.error
    assert receipt.format == case.format
    assert case.says in (receipt.error.message if receipt.error else "")
    assert reasons_of(found.rejected) == wanted
    assert (receipt.rows.accepted, receipt.rows.rejected, receipt.rows.filtered) == (case.accepted, bad, case.filtered)
    assert receipt.rows.read == case.accepted + bad + case.filtered
    assert {day.isoformat(): count for day, count in receipt.days.items()} == expected_days(case)
    assert {(rule.rule, rule.column): rule.count for rule in receipt.rules} == Counter(
        reason for reasons in wanted.values() for reason in reasons
    )
    warnings: Counter[str] = Counter()
    for warning in receipt.warnings:
        # Cases of damage write the same row again and again; what they are about is told by its own tests.
        if warning.code not in ABOUT_ROWS or warning.code in case.warnings:
            warnings[warning.code] += warning.count
    assert warnings == case.warnings
    assert columns(found.staged[case.dataset], case.values) == in_any_order(case.values)
    assert columns(found.staged[Dataset.EXPOSURES], case.exposures) == in_any_order(case.exposures)
    if case.shown:
        assert [row.get("row", row.get("raw")) for row in found.rejected] == list(case.shown)
    check_what_holds_always(case, found)


def expected_days(case: Case) -> Mapping[str, int]:
    if case.days is not None:
        return case.days
    return {DAY: case.accepted} if case.accepted else {}


def check_what_holds_always(case: Case, found: Answer) -> None:
    rows = found.receipt.rows
    assert rows.read == rows.accepted + rows.rejected + rows.filtered
    assert sum(found.receipt.days.values()) == rows.accepted
    staged = Counter(day for frame in found.staged.values() for day in frame.get_column("pst_date").to_list())
    assert staged == Counter({day.isoformat(): count for day, count in found.receipt.days.items()})
    numbers = [row["record"] for row in found.rejected]
    assert numbers == sorted(set(numbers))
    for row in found.rejected:
        assert row["record"] >= 1
        assert row["reasons"]
        assert all(reason["rule"] and reason["message"] for reason in row["reasons"])
        assert ("row" in row) != ("raw" in row)
    for rule in found.receipt.rules:
        assert rule.hint
        assert len(rule.examples) == min(rule.count, 20)
        assert all(example.value is None or len(example.value) <= 64 for example in rule.examples)
    told = to_json(found.receipt).decode() + json.dumps(found.rejected, ensure_ascii=False)
    assert [secret for secret in case.secrets if secret in told] == []
    if case.config.get("mask_values") is not None:
        # What is masked is tested by texts that the file does hold.
        assert case.secrets


def test_the_names_of_cases_are_different() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []
