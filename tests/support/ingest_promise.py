"""What holds of every ingest, whatever the bytes were: exact counts, a reason for each rejected row, sound staged rows."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Final

import polars as pl

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.days import PST
from processing.domain.documents import to_json
from processing.domain.receipts import Receipt, UploadStatus
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.columns.rules import all_rules
from processing.jobs.uploads.ingest_receipt import with_outcome
from schemas.customer_config import CustomerConfig
from schemas.rule import raw_column
from tests.support.ingest import LENIENT, UPLOADED_AT, Ingested, ingest

_MOST_EXAMPLES: Final = 20
_MOST_SHOWN: Final = 64
_LEFT_OUT: Final = {"repeated_header", "other_calls"}
"""Warnings that count filtered records."""
_READ: Final = {"too_many_rejected_rows", "nothing_accepted"}
"""Refusals of files that were read, and whose rows are counted."""


def ingest_as_promised(data: bytes, name: str, dataset: Dataset, *, config: CustomerConfig = LENIENT) -> Ingested:
    """Ingest `data`, and assert all that the contract promises of any file (sections 3 to 5)."""
    found = ingest(data, name, dataset, config=config)
    _counts_add_up(found)
    if all(part.where is None for part in config.datasets.values()):
        # What a reader leaves out, such as a header that comes again, is told with its count.
        left_out = sum(each.count for each in found.outcome.warnings if each.code in _LEFT_OUT)
        assert found.outcome.rows.filtered == left_out or found.outcome.problem is not None
    _records_are_numbered(found)
    _rejected_rows_have_reasons(found)
    _rules_are_counted(found)
    _staged_rows_are_sound(found, config)
    _receipt_is_readable(found, dataset)
    return found


def _counts_add_up(found: Ingested) -> None:
    rows, refused = found.outcome.rows, found.outcome.problem
    assert min(rows.read, rows.accepted, rows.rejected, rows.filtered) >= 0
    assert rows.read == rows.accepted + rows.rejected + rows.filtered
    assert sum(found.outcome.days.values()) == rows.accepted
    assert (found.outcome.rejected is None) == (not found.rejected)
    if refused is None:
        assert Counter({day: count for day, count in found.outcome.days.items() if count}) == _staged_days(found)
        assert rows.rejected == len(found.rejected)
    else:
        # Parts of a refused file may have been written before it was refused; no receipt names them.
        assert refused.code
        assert refused.message
        assert rows.accepted == 0
        assert rows.read == 0 or refused.code in _READ


def _staged_days(found: Ingested) -> Counter[object]:
    days: Counter[object] = Counter()
    for part in found.parts:
        days[part.day] += part.frame.height
    return days


def _records_are_numbered(found: Ingested) -> None:
    rejected = [line["record"] for line in found.rejected]
    assert rejected == sorted(set(rejected)), "a record was rejected twice"
    if found.outcome.problem is not None and found.outcome.problem.code not in _READ:
        return
    rows = found.outcome.rows
    assert sum(_staged_days(found).values()) + len(rejected) == rows.read - rows.filtered
    assert not rejected or (rejected[0] >= 1 and rejected[-1] <= rows.read)


def _rejected_rows_have_reasons(found: Ingested) -> None:
    last = 0
    for line in found.rejected:
        assert line["reasons"]
        assert ("row" in line) != ("raw" in line)
        for reason in line["reasons"]:
            assert reason["rule"]
            assert reason["message"]
            assert isinstance(reason["value"], str | None)
        if line["line"] is not None:
            assert line["line"] > last, "lines of records go up"
            last = line["line"]


def _rules_are_counted(found: Ingested) -> None:
    written = Counter((each["rule"], each["column"]) for line in found.rejected for each in line["reasons"])
    if found.outcome.problem is None or found.outcome.problem.code in _READ:
        assert {(rule.rule, rule.column): rule.count for rule in found.outcome.rules} == written
    for rule in found.outcome.rules:
        assert rule.hint
        assert len(rule.examples) == min(rule.count, _MOST_EXAMPLES)
        assert all(example.value is None or len(example.value) <= _MOST_SHOWN for example in rule.examples)


def _staged_rows_are_sound(found: Ingested, config: CustomerConfig) -> None:
    context = SchemaContext(uploaded_at=UPLOADED_AT, id_types=config.id_types)
    for part in found.parts:
        assert part.dataset in DATA_DATASETS
        kind = kind_of(part.dataset)
        schema = kind.schema(context)
        assert part.frame.columns == [*schema.columns]
        assert set(part.frame.select(kind.day(PST)).to_series()) == {part.day}
        # How long the text of an object was as uploaded is not known of a staged row.
        rules = [rule for rule in all_rules(schema) if not rule.is_of_uploaded_text]
        raws = part.frame.with_columns(pl.col(name).cast(pl.String).alias(raw_column(name)) for name in schema.columns)
        broken = raws.select(rule.fails.any().alias(str(index)) for index, rule in enumerate(rules)).row(0)
        assert [rule.code for rule, fails in zip(rules, broken, strict=True) if fails] == []


def _receipt_is_readable(found: Ingested, dataset: Dataset) -> None:
    at = datetime(2026, 11, 19, tzinfo=UTC)
    blank = Receipt(
        blob="a",
        customer="acme",
        dataset=str(dataset),
        etag="1",
        size=1,
        format=None,
        status=UploadStatus.ACCEPTED,
        received_at=UPLOADED_AT,
        finished_at=at,
        in_force=None,
        program="test",
    )
    receipt = with_outcome(blank, found.outcome, problem_of_config=None, config=None)
    told = json.loads(to_json(receipt).decode("utf-8"))
    assert told["rows"]["read"] == found.outcome.rows.read
    assert all(warning["code"] and warning["message"] and warning["count"] >= 1 for warning in told["warnings"])
