"""Files of tables tell what they hold in JSON that any reader takes, whatever the figures in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from processing.publication.delta.files import write_table_file
from processing.publication.delta.specs import METRIC_ROWS


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([1.0, math.inf], None),
        ([-math.inf, None], None),
        ([math.nan], None),
        ([1.0, math.nan], None),
        ([1.7976931348623157e308, -5e-324], (-5e-324, 1.7976931348623157e308)),
        ([None], None),
    ],
)
def test_statistics_are_json_and_bounds_or_left_out(
    values: list[float | None], bounds: tuple[float, float] | None, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"unit_id": [str(place) for place in range(len(values))]}).with_columns(
        pl.Series("value", values, pl.Float64)
    )
    file = write_table_file(frame, METRIC_ROWS, tmp_path, name="a.parquet", partition={"pst_date": "2026-11-18"})
    found: dict[str, Any] = json.loads(file.statistics, parse_constant=pytest.fail)
    assert found["numRecords"] == len(values)
    assert found["minValues"].get("value") == (bounds[0] if bounds else None)
    assert found["maxValues"].get("value") == (bounds[1] if bounds else None)
    assert found["nullCount"]["value"] == values.count(None)
