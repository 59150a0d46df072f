"""`dropzone check --pandera`: pandera validates what was accepted, and its word is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from processing.cli.main import _cli
from processing.domain.datasets import Dataset
from processing.ingest.columns.dataset_schemas import SchemaContext
from processing.ingest.staging import LocalPart
from processing.jobs.uploads.second_opinion import OpinionsDiffer, SecondOpinion
from tests.support.ingest import UPLOADED_AT

HEADER = "unit_id,id_type,date,metric_name,metric_value\n"


@pytest.mark.parametrize(
    ("rows", "accepted", "code"),
    [("u,user_id,2026-01-01,m,1\n", 1, 0), ("u,user_id,2026-01-01,m,1\nv,user_id,2026-01-01,m,x\n", 1, 1)],
)
def test_pandera_takes_the_accepted_rows_and_that_is_said(tmp_path: Path, rows: str, accepted: int, code: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + rows)
    told = CliRunner().invoke(_cli, ["check", str(path), "--dataset", "metrics", "--pandera"])
    assert told.exit_code == code
    assert f"pandera takes all {accepted} accepted rows as well" in told.stdout


def test_without_the_option_nothing_is_said_of_pandera(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "u,user_id,2026-01-01,m,1\n")
    assert "pandera" not in CliRunner().invoke(_cli, ["check", str(path), "--dataset", "metrics"]).stdout


def test_rows_that_pandera_does_not_take_are_an_error_that_names_the_rule(tmp_path: Path) -> None:
    row = {
        "unit_id": "",
        "id_type": "user_id",
        "date": date(2026, 11, 18),
        "metric_name": "m",
        "metric_value": 1.0,
        "numerator": None,
        "denominator": None,
        "is_test": False,
    }
    path = tmp_path / "a.parquet"
    pl.DataFrame([row], schema_overrides={"numerator": pl.Float64, "denominator": pl.Float64}).write_parquet(path)
    opinion = SecondOpinion(context=SchemaContext(uploaded_at=UPLOADED_AT))
    with pytest.raises(OpinionsDiffer, match="length"):
        opinion.take(Dataset.METRICS, LocalPart(day=date(2026, 11, 18), number=0, rows=1, path=path))
