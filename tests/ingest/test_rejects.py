"""Rejected rows as NDJSON, and what the receipt says of the rules that they break (contract section 5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from processing.domain.datasets import Dataset
from processing.domain.receipts import BrokenRule
from processing.ingest import spilled_file
from processing.ingest.columns.column_plan import plan_columns
from processing.ingest.columns.dataset_schemas import SchemaContext, kind_of
from processing.ingest.readers.raw_batches import LINE, RAW, RECORD, BrokenRecord, BrokenRecords
from processing.ingest.validation import reject_writer
from processing.ingest.validation.explanation import Explained, Explainer, UploadShape
from processing.ingest.validation.reject_writer import RejectWriter
from processing.ingest.validation.validator import Validator
from schemas.customer_config import DatasetConfig
from tests.support.ingest import UPLOADED_AT

HEADER = ("unit_id", "id_type", "date", "metric_name", "metric_value", "note")
SOUND = ("u", "t", "2026-11-18", "m", "1", "n")
Cells = Sequence[str | None]


def validator(*masked: str) -> Validator:
    schema = kind_of(Dataset.METRICS).schema(SchemaContext(uploaded_at=UPLOADED_AT))
    dtypes = [pl.String()] * len(HEADER)
    plan = plan_columns(HEADER, dtypes, schema, DatasetConfig())
    known = frozenset(HEADER[:-1]) if masked else None
    return Validator(schema, plan, UploadShape(header=HEADER, dtypes=dtypes, masked=frozenset(masked), known=known))


def bad(rows: dict[int, Cells]) -> pl.DataFrame:
    """Rows by record number; each stands on the line after the one of its number."""
    schema = {str(index): pl.String() for index in range(len(HEADER))}
    frame = pl.DataFrame([list(cells) for cells in rows.values()], schema=schema, orient="row")
    records = pl.Series(RECORD, list(rows), pl.Int64)
    return frame.with_columns(records, (records + 1).alias(LINE))


def row(**changed: str | None) -> Cells:
    return [changed.get(name, cell) for name, cell in zip(HEADER, SOUND, strict=True)]


def held(cells: Cells) -> dict[str, str]:
    """The row as it is shown: what it holds."""
    return {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell is not None}


def broken(record: int, raw: str = "raw", rule: str = "broken_quoting") -> BrokenRecord:
    return BrokenRecord(record=record, line=record + 1, rule=rule, hint=f"hint of {rule}", raw=raw)


def lines(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Split at LF alone, as values may hold other characters that end lines."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def written(
    path: Path, frame: pl.DataFrame, *records: BrokenRecord, masked: Sequence[str] = ()
) -> tuple[list[Any], tuple[BrokenRule, ...]]:
    writer = RejectWriter(path)
    own = validator(*masked)
    writer.add_broken(own, BrokenRecords.of(records))
    writer.add(own, frame)
    writer.close()
    found = lines([path])
    assert writer.count == len(found)
    return found, writer.rules()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rejected.ndjson"


def test_a_rejected_row_stands_there_as_uploaded_with_all_its_reasons(path: Path) -> None:
    found, _ = written(path, bad({7: row(unit_id=None, metric_value="x\u2028y", note='ü "')}))
    (line,) = found
    assert list(line) == ["record", "line", "reasons", "row"]
    assert (line["record"], line["line"]) == (7, 8)
    # A column without a value is left out.
    # A column without a value is left out.
    assert line["row"] == held(row(unit_id=None, metric_value="x\u2028y", note='ü "'))
    assert [(each["rule"], each["column"], each["value"]) for each in line["reasons"]] == [
        ("required", "unit_id", None),
        ("not_a_number", "metric_value", "x\u2028y"),
    ]
    assert all(each["message"] for each in line["reasons"])


def test_text_is_written_as_it_is_and_not_escaped(path: Path) -> None:
    written(path, bad({1: row(metric_value="größe🙂")}))
    assert "größe🙂" in path.read_text(encoding="utf-8")


def test_a_record_that_could_not_be_taken_apart_stands_there_as_text(path: Path) -> None:
    found, rules = written(path, bad({}), broken(3, 'a,"b'))
    reason = {"rule": "broken_quoting", "column": None, "value": None, "message": "hint of broken_quoting"}
    assert found == [{"record": 3, "line": 4, "reasons": [reason], "raw": 'a,"b'}]
    assert [(each.value, each.record, each.line) for each in rules[0].examples] == [('a,"b', 3, 4)]


def test_rows_of_both_kinds_stand_in_the_order_of_the_file(path: Path) -> None:
    found, _ = written(
        path, bad({1: row(unit_id=None), 4: row(unit_id=None), 5: row(unit_id=None)}), broken(2), broken(6), broken(3)
    )
    assert [line["record"] for line in found] == [1, 2, 3, 4, 5, 6]


def test_rows_of_several_validators_stand_in_the_order_of_the_file(path: Path) -> None:
    """Exposures among events have rules of their own."""
    first, second = validator(), validator()
    writer = RejectWriter(path)
    writer.add(first, bad({2: row(unit_id=None), 5: row(unit_id=None)}))
    writer.add(second, bad({1: row(unit_id=None), 4: row(unit_id=None)}))
    writer.add(first, bad({6: row(unit_id=None)}))
    writer.close()
    assert [line["record"] for line in lines([path])] == [1, 2, 4, 5, 6]
    assert [rule.count for rule in writer.rules()] == [5]


def test_rules_are_told_most_frequent_first_and_then_by_name(path: Path) -> None:
    frame = bad({1: row(metric_value="x"), 2: row(metric_value="x", date="no"), 3: row(id_type=None, unit_id=None)})
    _, rules = written(path, frame, broken(4, rule="b"), broken(5, rule="a"))
    assert [(rule.rule, rule.column, rule.count) for rule in rules] == [
        ("not_a_number", "metric_value", 2),
        ("a", None, 1),
        ("b", None, 1),
        ("not_a_date", "date", 1),
        ("required", "id_type", 1),
        ("required", "unit_id", 1),
    ]


def test_the_first_20_rows_of_a_rule_are_examples_and_all_are_counted(path: Path) -> None:
    _, rules = written(path, bad({record: row(metric_value=f"x{record}") for record in range(5, 30)}))
    (rule,) = rules
    assert rule.count == 25
    assert [(each.record, each.line, each.value) for each in rule.examples] == [(at, at + 1, f"x{at}") for at in range(5, 25)]


@pytest.mark.parametrize("value", ["x" * 64, "x" * 65, "🙂" * 65, "x" * 1_024, "🙂" * 1_024])
def test_examples_and_reasons_show_64_characters_and_the_row_shows_all(path: Path, value: str) -> None:
    found, rules = written(path, bad({1: row(metric_value=value)}), broken(2, value))
    assert [rule.examples[0].value for rule in rules] == [value[:64]] * 2
    assert found[0]["reasons"][0]["value"] == value[:64]
    assert found[0]["row"]["metric_value"] == found[1]["raw"] == value
    assert "cut" not in found[0]
    assert "cut" not in found[1]


@pytest.mark.parametrize("letter", ["x", "🙂", "\x01", '"', "\\"])
def test_a_value_of_more_than_1024_characters_is_cut_with_its_length_and_hash(path: Path, letter: str) -> None:
    value, note = letter * 1_025, letter * 5_000
    found, _ = written(path, bad({1: row(metric_value=value, note=note), 2: row(metric_value="x")}))
    assert (found[0]["row"]["metric_value"], found[0]["row"]["note"]) == (value[:1_024], note[:1_024])
    assert found[0]["cut"] == [
        {"column": column, "length": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        for column, text in (("metric_value", value), ("note", note))
    ]
    assert list(found[0]) == ["record", "line", "reasons", "row", "cut"]
    assert list(found[1]) == ["record", "line", "reasons", "row"]


def test_a_record_that_could_not_be_taken_apart_is_cut_behind_16384_characters(path: Path) -> None:
    raw = '"é' * 10_000
    found, _ = written(path, bad({}), broken(1, raw), broken(2, raw[:16_384]))
    assert found[0]["raw"] == found[1]["raw"] == raw[:16_384]
    assert found[0]["cut"] == [{"column": None, "length": 20_000, "sha256": hashlib.sha256(raw.encode()).hexdigest()}]
    assert "cut" not in found[1]


def test_values_of_ndjson_are_cut_as_their_text_and_nulls_are_left_out(path: Path) -> None:
    long, nested = "é" * 2_000, {"a": ["b" * 2_000]}
    record = {"unit_id": None, "note": long, "nested": nested, "short": {"c": 1}, "k" * 200: 1}
    frame = bad({1: row(unit_id=None)}).with_columns(pl.lit(json.dumps(record)).alias(RAW))
    found, _ = written(path, frame)
    text = json.dumps(nested, ensure_ascii=False)
    name = "k" * 128 + "... (column 5)"
    assert found[0]["row"] == {"note": long[:1_024], "nested": text[:1_024], "short": {"c": 1}, name: 1}
    assert [(each["column"], each["length"]) for each in found[0]["cut"]] == [("note", 2_000), ("nested", len(text))]


def test_of_a_masked_value_neither_length_nor_hash_is_told(path: Path) -> None:
    found, _ = written(path, bad({1: row(metric_value="x" * 5_000)}), broken(2, "x" * 50_000), masked=["metric_value"])
    assert all("cut" not in line for line in found)


def test_masked_values_are_neither_in_rows_nor_in_reasons_nor_in_examples(path: Path) -> None:
    frame = bad({1: row(unit_id="secret" * 100, metric_value="x"), 2: row(unit_id=None)})
    found, rules = written(path, frame, broken(3, 'a,"secret'), masked=["unit_id"])
    assert "secret" not in path.read_text(encoding="utf-8")
    assert "secret" not in repr(rules)
    # A name that nobody could expect may be a value, where the file has no header.
    shown = held(row(unit_id="(masked)", metric_value="x"))
    assert found[0]["row"] == {name: value for name, value in shown.items() if name != "note"} | {"column 6": "n"}
    assert [each["value"] for each in found[0]["reasons"]] == ["(masked)", "x"]
    # That there is no value tells nothing of it.
    assert "unit_id" not in found[1]["row"]
    assert found[2]["raw"] == "(masked)"


def test_without_rejected_rows_there_are_no_rules_and_the_file_is_empty(path: Path) -> None:
    found, rules = written(path, bad({}))
    assert (found, rules, path.read_bytes()) == ([], (), b"")


def test_groups_change_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held back for a while is the same in the end, whatever is held and however it was handed over."""
    rows = {record: row(metric_value=f"x{record}", unit_id=None if record % 3 else "u") for record in range(1, 40)}
    expected, rules = written(path, bad(rows))
    monkeypatch.setattr(reject_writer, "_GROUP", 4)
    own = validator()
    writer = RejectWriter(path)
    for record, cells in rows.items():
        writer.add(own, bad({record: cells}))
        writer.end_batch()
    writer.close()
    assert lines([path]) == expected
    assert writer.rules() == rules
    assert writer.count == len(rows)


def test_a_file_that_has_grown_large_is_handed_over_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject_writer, "_GROUP", 2)
    monkeypatch.setattr(spilled_file, "_LARGEST", 500)
    path, spilled = tmp_path / "rejected.ndjson", list[Path]()

    def spill(file: Path) -> None:
        spilled.append(file.rename(tmp_path / f"spilled-{len(spilled)}"))

    own = validator()
    writer = RejectWriter(path, spill)
    for record in range(1, 12):
        writer.add(own, bad({record: row(metric_value="x")}))
        writer.end_batch()
    writer.close()
    assert len(spilled) > 1
    assert all(500 <= file.stat().st_size < 1_500 for file in spilled)
    assert [line["record"] for line in lines([*spilled, path])] == list(range(1, 12))
    assert writer.rules()[0].count == writer.count == 11


def test_the_frame_of_a_batch_is_not_held_for_a_few_rows_of_it(path: Path) -> None:
    """Text of the rows that are kept, and no more, is what the bound on memory counts."""
    own = validator()
    batch = bad({record: row(metric_value="x", note="n" * 1_000) for record in range(1, 2_000)})
    writer = RejectWriter(path)
    writer.add(own, batch.filter(pl.col(RECORD) == 1_000))
    writer.end_batch()
    ((held_frame,),) = writer._held.values()
    assert held_frame.estimated_size() < 10_000
    writer.close()
    assert [line["record"] for line in lines([path])] == [1_000]


def test_rows_of_one_batch_are_written_in_groups_of_what_they_become(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few bytes may become many: a value of a dictionary stands in each row, and six bytes stand for a control character."""
    monkeypatch.setattr(reject_writer, "_GROUP_BYTES", 100_000)
    groups = list[int]()

    def counted(explainer: Explainer, frame: pl.DataFrame) -> Explained:
        groups.append(frame.height)
        return original(explainer, frame)

    original = Explainer.explain
    monkeypatch.setattr(Explainer, "explain", counted)
    found, rules = written(path, bad({record: row(metric_value="\x01" * 1_024) for record in range(1, 301)}))
    assert [line["record"] for line in found] == list(range(1, 301))
    assert rules[0].count == 300
    assert max(groups) < 40


@pytest.mark.parametrize("most", [2_000, 2_100, 2_500])
def test_behind_a_bound_of_bytes_rows_are_counted_and_not_written(path: Path, most: int) -> None:
    own = validator()
    writer = RejectWriter(path, most=most)
    for first in range(1, 101, 10):
        writer.add(own, bad({record: row(metric_value="x") for record in range(first, first + 9)}))
        writer.add_broken(own, BrokenRecords.of([broken(first + 9)]))
        writer.end_batch()
    writer.close()
    records = [line["record"] for line in lines([path])]
    assert records == list(range(1, len(records) + 1))
    assert most - 300 < path.stat().st_size <= most
    assert writer.unwritten_from == len(records) + 1
    assert writer.count == 100
    # All are told of, with their first examples.
    assert [(rule.rule, rule.count) for rule in writer.rules()] == [("not_a_number", 90), ("broken_quoting", 10)]
    assert [example.record for example in writer.rules()[1].examples] == list(range(10, 101, 10))


def test_what_has_room_is_written_to_the_last_row(path: Path) -> None:
    _, rules = written(path, bad({1: row(metric_value="x"), 2: row(metric_value="x")}))
    size = path.stat().st_size
    writer = RejectWriter(path, most=size)
    writer.add(validator(), bad({1: row(metric_value="x"), 2: row(metric_value="x")}))
    writer.close()
    assert (path.stat().st_size, writer.unwritten_from, writer.rules()) == (size, None, rules)
