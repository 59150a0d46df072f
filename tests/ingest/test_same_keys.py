"""Rows of metrics that a later row of the same file supersedes are told by their number (contract section 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from schemas.customer_config import CustomerConfig
from tests.support.ingest import LENIENT, Row, ingest
from tests.support.uploads import as_csv, as_ndjson

COLUMNS = ["unit_id", "id_type", "date", "metric_name", "metric_value", "is_test"]
ROW: Row = dict(zip(COLUMNS, ["u", "user_id", "2026-11-18", "m", "1", "false"], strict=True))


def found(rows: list[Row], *, config: CustomerConfig = LENIENT, as_json: bool = False) -> tuple[int, str] | None:
    """Count and message of the warning."""
    data, name = (as_ndjson(rows, COLUMNS), "metrics/a.ndjson") if as_json else (as_csv(rows, COLUMNS), "metrics/a.csv")
    warnings = ingest(data, name, Dataset.METRICS, config=config).outcome.warnings
    same = [each for each in warnings if each.code == "same_key_in_file"]
    assert len(same) <= 1
    return (same[0].count, same[0].message) if same else None


def test_each_row_that_a_later_one_supersedes_is_counted_with_its_record() -> None:
    rows = [ROW, ROW | {"unit_id": "v"}, ROW | {"metric_value": "2"}, ROW | {"metric_value": "3"}]
    assert found(rows) == (
        2,
        (
            "2 rows are superseded by a later row of the file with the same unit, id type, metric, day and test flag; "
            "for example records 1 and 4"
        ),
    )


@pytest.mark.parametrize(
    "other",
    [{"unit_id": "v"}, {"id_type": "stable_id"}, {"date": "2026-11-17"}, {"metric_name": "n"}, {"is_test": "true"}],
)
def test_rows_that_differ_in_any_part_of_the_key_are_no_warning(other: Row) -> None:
    assert found([ROW, ROW | other]) is None


def test_rejected_rows_supersede_nothing_and_shift_no_record() -> None:
    bad = ROW | {"metric_value": "x"}
    counted = found([bad, ROW, bad, ROW | {"unit_id": "v"}, ROW, bad])
    assert counted is not None
    assert counted[0] == 1
    assert counted[1].endswith("records 2 and 5")


def test_at_most_twenty_examples_are_shown_and_all_are_counted() -> None:
    rows = [ROW | {"unit_id": str(n)} for n in range(30)] * 2
    counted = found(rows)
    assert counted is not None
    assert counted[0] == 30
    assert counted[1].count(" and ") - 1 == 20


def test_rows_far_from_each_other_are_the_same_key_in_every_format() -> None:
    """They lie in different batches, of which several are read beside each other."""
    rows = [ROW | {"unit_id": f"unit-{n:060d}"} for n in range(60_000)]
    for as_json in (False, True):
        counted = found([*rows, rows[7]], as_json=as_json)
        assert counted is not None
        assert counted[0] == 1
        assert counted[1].endswith("records 8 and 60,001")


def test_all_rows_of_an_aggregated_metric_are_meant_to_count() -> None:
    config = CustomerConfig.model_validate({"metrics": {"m": {"aggregate": "sum"}}})
    assert found([ROW, ROW], config=config) is None
    counted = found([ROW, ROW | {"metric_name": "n"}, ROW, ROW | {"metric_name": "n"}], config=config)
    assert counted is not None
    assert counted[0] == 1
    assert counted[1].endswith("records 2 and 4")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["m", "n", "x"]), st.booleans()), max_size=30))
def test_the_count_is_that_of_the_rows_less_that_of_their_keys(keys: list[tuple[str, str, bool]]) -> None:
    rows = [ROW | {"unit_id": unit, "metric_name": name, "is_test": str(is_test).lower()} for unit, name, is_test in keys]
    counted = found(rows) if rows else None
    assert (counted[0] if counted else 0) == len(keys) - len(set(keys))
