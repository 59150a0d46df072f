"""The contract of the datasets for customers, printed from the schemas: a page, and a JSON schema each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from processing.cli.pages.markdown import cell
from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.columns.rules import all_rules
from schemas.dataset_schema import Column, DatasetSchema, Meaning

_ANY_UPLOAD: Final = SchemaContext(
    uploaded_at=datetime(2026, 11, 18, 12, tzinfo=UTC),
    # Some day is closed, so that its rule is among the others.
    closed={dataset: frozenset({date(2026, 1, 1)}) for dataset in DATA_DATASETS},
)
_TYPES: Final = {pl.String: "string", pl.Float64: "number", pl.Date: "date", pl.Boolean: "boolean", pl.Datetime: "timestamp"}
_MEANINGS: Final = {
    Meaning.JSON_OBJECT: "JSON object",
    Meaning.USER: "JSON object",
    Meaning.UUID: "UUID",
    Meaning.TIMESTAMP: "timestamp",
}
_JSON_TYPES: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": ["string", "number"]},
    "number": {"type": ["number", "string"]},
    "date": {"type": "string", "format": "date"},
    "boolean": {"type": ["boolean", "string", "integer"]},
    "timestamp": {"type": ["integer", "string"]},
    "JSON object": {"type": ["object", "string"]},
    "UUID": {"type": "string", "format": "uuid"},
}
_INTRODUCTION: Final = """# What files may hold

Printed from the schemas by `make docs`; a change belongs there. Each rule below is the `rule` of receipts and of rejected
rows, with the hint that stands there. The examples of latest days are those of an upload on 2026-11-18.

A file holds at most 100,000,000 rows, of at most 1,100 days, 10,000 metrics and 1,000 id types; a file whose rows mix many
days must be sorted by day where it would become more than 4,000 parts. What holds more is refused as a whole.

Rejected rows stand beside the receipt, a line of JSON each: `record`, `line`, `reasons` and `row`, or `raw` where the record
could not be taken apart. Columns without a value are left out. A value of more than 1,024 characters is cut, and so is a
`raw` of more than 16,384; then the line has `cut`, a list of `{"column", "length", "sha256"}`: the whole length in
characters, and the hash of the whole text as UTF-8 (`column` is null for `raw`). Together they are at most four times as
large as the file, or 64 MiB where that is more; rows behind that are counted in the receipt, which says from which record
on, and not written. Where values are masked, names of columns that are neither ours nor in the config are not repeated.

Numbers and true or false may be written as text in every format. Columns may come in any order; others are not read. The
same contract as JSON schemas for NDJSON: `docs/schemas/`.
"""


def files_page() -> str:
    """The page, Markdown."""
    return _INTRODUCTION + "".join(_section(dataset) for dataset in DATA_DATASETS)


def json_schema(dataset: Dataset) -> dict[str, Any]:
    """The JSON schema (2020-12) of one NDJSON record of a dataset.

    It tells names, types and presence; rules that depend on the upload or on several columns are in the page alone.
    """
    schema = _schema(dataset)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": str(dataset),
        "type": "object",
        "properties": {
            name: {"description": column.description, **_JSON_TYPES[_type_name(column)]}
            for name, column in schema.columns.items()
        },
        "required": [name for name, column in schema.columns.items() if column.required],
        "additionalProperties": True,
    }


def _schema(dataset: Dataset) -> DatasetSchema:
    return kind_of(dataset).schema(_ANY_UPLOAD)


def _section(dataset: Dataset) -> str:
    schema = _schema(dataset)
    rows = [
        f"| `{name}` | {_type_name(column)} | {_presence(column)} | {column.description} |"
        for name, column in schema.columns.items()
    ]
    rules = [
        f"| `{rule.code}` | {f'`{rule.column}`' if rule.column else 'the row'} | {cell(rule.hint)} |"
        for rule in all_rules(schema)
    ]
    return "\n".join(
        [
            f"\n## {dataset}\n",
            "| column | type | | |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "| rule | of | what to do |",
            "| --- | --- | --- |",
            *rules,
            "",
        ]
    )


def _type_name(column: Column) -> str:
    return _MEANINGS[column.meaning] if column.meaning is not None else _TYPES[column.dtype.base_type()]


def _presence(column: Column) -> str:
    if column.default is not None:
        default = str(column.default).lower() if isinstance(column.default, bool) else column.default
        return f"optional, `{default}` by default"
    return "required" if column.required else "optional"
