"""Which source gives each contract column, what is reported, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from processing.domain.errors import CustomerError
from processing.ingest.columns.column_plan import ColumnPlan, plan_columns
from schemas.customer_config import DatasetConfig
from schemas.dataset_schema import Column, DatasetSchema

SCHEMA = DatasetSchema(
    name="metrics",
    columns={
        "unit_id": Column(dtype=pl.String(), description="who"),
        "id_type": Column(dtype=pl.String(), description="by which id"),
        "value": Column(dtype=pl.Float64(), required=False, nullable=True, description="how much"),
    },
    rules=(),
)


def plan(header: list[str], dtypes: list[pl.DataType] | None = None, **config: Any) -> ColumnPlan:
    types = dtypes or [pl.String()] * len(header)
    return plan_columns(header, types, SCHEMA, DatasetConfig.model_validate(config))


def values(plan: ColumnPlan, *cells: str | None) -> dict[str, Any]:
    frame = pl.DataFrame({str(position): [cell] for position, cell in enumerate(cells)}, schema_overrides={"0": pl.String})
    made = frame.with_columns(column.raw.alias(f"raw_{name}") for name, column in plan.columns.items())
    return {name: made[f"raw_{name}"][0] for name in plan.columns}


def test_without_a_config_columns_come_by_their_names() -> None:
    found = plan_columns(["value", "unit_id", "id_type"], [pl.String()] * 3, SCHEMA, None)
    assert values(found, "1", "u", "t") == {"unit_id": "u", "id_type": "t", "value": "1"}
    assert found.where is None
    assert found.warnings == ()


def test_a_column_that_nothing_gives_is_null() -> None:
    found = plan(["unit_id", "id_type"])
    assert values(found, "u", "t")["value"] is None
    assert found.columns["value"].positions == frozenset()


def test_names_are_folded_with_a_warning() -> None:
    found = plan([" Unit_ID", "id_type", "other"])
    assert values(found, "u", "t", "o")["unit_id"] == "u"
    assert [(each.code, each.count) for each in found.warnings] == [("column_name_differs", 1), ("extra_columns", 1)]
    assert found.warnings[0].message == "taken: ' Unit_ID' as unit_id"
    assert found.warnings[1].message == "not read: 'other'"


def test_an_alias_comes_before_the_own_name() -> None:
    found = plan(["unit_id", "uid", "id_type"], columns={"uid": "unit_id"})
    assert values(found, "own", "alias", "t")["unit_id"] == "alias"
    assert found.warnings[0].message == "not read: 'unit_id'"


def test_an_alias_is_folded_like_any_name() -> None:
    found = plan(["UID", "id_type"], columns={"uid": "unit_id"})
    assert values(found, "u", "t")["unit_id"] == "u"
    assert found.warnings[0].message == "taken: 'UID' as unit_id"


def test_an_alias_that_is_not_there_leaves_the_own_name() -> None:
    assert values(plan(["unit_id", "id_type"], columns={"uid": "unit_id"}), "u", "t")["unit_id"] == "u"


def test_a_column_that_an_alias_takes_is_not_taken_twice() -> None:
    found = plan(["unit_id", "id_type", "value"], columns={"value": "unit_id", "amount": "value"})
    assert values(found, "own", "t", "aliased") == {"unit_id": "aliased", "id_type": "t", "value": None}


def test_aliases_may_swap_names() -> None:
    found = plan(["unit_id", "id_type"], columns={"unit_id": "id_type", "id_type": "unit_id"})
    assert values(found, "a", "b") == {"unit_id": "b", "id_type": "a", "value": None}


def test_a_constant_holds_in_every_row_whatever_the_upload_has() -> None:
    found = plan(["unit_id", "id_type"], constants={"id_type": "user_id"})
    assert values(found, "u", "t")["id_type"] == "user_id"
    assert found.warnings[0].message == "not read: 'id_type'"
    assert values(plan(["unit_id"], constants={"id_type": "user_id"}), "u")["id_type"] == "user_id"


def test_an_expression_is_computed_as_text_and_empty_text_is_nothing() -> None:
    found = plan(
        ["unit_id", "Amount €", "id_type"], select={"value": 'CAST("Amount €" AS DOUBLE) / 100', "id_type": "TRIM(id_type)"}
    )
    assert values(found, "u", "250", "  ") == {"unit_id": "u", "id_type": None, "value": "2.5"}
    assert found.columns["value"].dtype == pl.String
    assert found.columns["value"].positions == {1}
    assert found.warnings == ()


def test_where_is_never_null_and_what_it_reads_is_not_extra() -> None:
    found = plan(["unit_id", "id_type", "country"], where="country = 'DE'")
    assert found.where is not None
    frame = pl.DataFrame({"0": ["u"] * 3, "1": ["t"] * 3, "2": ["DE", "FR", None]})
    assert frame.with_columns(found.where.alias("x"))["x"].to_list() == [True, False, False]
    assert found.warnings == ()


def test_uploaded_columns_keep_the_type_of_the_file() -> None:
    found = plan(["unit_id", "id_type", "value"], [pl.Int64(), pl.String(), pl.Float32()], select={"value": "value * 2"})
    assert [column.dtype for column in found.columns.values()] == [pl.Int64(), pl.String(), pl.String()]


def test_columns_may_be_called_anything() -> None:
    header = ["0", '"; DROP TABLE x', "1"]
    found = plan(header, select={"unit_id": '"1"', "id_type": '"""; DROP TABLE x"', "value": '"0"'})
    assert values(found, "a", "b", "c") == {"unit_id": "c", "id_type": "b", "value": "a"}


@pytest.mark.parametrize(
    ("header", "config", "code", "told"),
    [
        (["unit_id"], {}, "missing_column", "the header lacks id_type: "),
        (["unit_id"], {"columns": {"kind": "id_type"}}, "missing_column", "the header lacks id_type (or 'kind'): "),
        (["unit_id", "unit_id", "id_type"], {}, "duplicate_column", "'unit_id' more than once"),
        (["Unit_id", "UNIT_ID", "id_type"], {}, "duplicate_column", "could be unit_id"),
        (["a", "b", "id_type"], {"columns": {"a": "unit_id", "b": "unit_id"}}, "duplicate_column", "could be unit_id"),
        (
            ["unit_id", "id_type"],
            {"select": {"value": "amount + 1"}},
            "config_column_missing",
            "select.value of the config: the upload has no column 'amount', at character 1 ('amount + 1'); upload the",
        ),
        (["unit_id", "id_type"], {"where": "zz = 1"}, "config_column_missing", "datasets.metrics.where of the config"),
    ],
)
def test_a_header_that_does_not_do_is_refused(header: list[str], config: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(CustomerError) as refused:
        plan(header, **config)
    assert refused.value.code == code
    assert told in refused.value.message


def test_a_type_that_an_expression_cannot_read_is_refused() -> None:
    with pytest.raises(CustomerError, match="do not read columns of type") as refused:
        plan(["unit_id", "id_type", "x"], [pl.String(), pl.String(), pl.List(pl.Int64)], select={"value": "x"})
    assert refused.value.code == "config_column_type"


def test_masking_reaches_all_that_tells_the_value() -> None:
    header = ["uid", "id_type", "a", "b", " Unit_ID "]
    found = plan(header, select={"value": "a + b"}, columns={"uid": "unit_id"})
    assert found.masked(header, ["unit_id"]) == {0, 4}
    assert found.masked(header, ["value", "id_type"]) == {1, 2, 3}
    assert found.masked(header, ["event_metadata"]) == frozenset()


def test_the_real_schema_is_planned() -> None:
    from schemas.metrics import metrics  # noqa: PLC0415

    header = ["unit_id", "date", "metric_name", "metric_value"]
    found = plan_columns(
        header,
        [pl.String()] * 4,
        metrics(latest_day=date(2026, 1, 1)),
        DatasetConfig.model_validate({"constants": {"id_type": "user_id"}}),
    )
    assert list(found.columns)[:3] == ["unit_id", "id_type", "date"]
