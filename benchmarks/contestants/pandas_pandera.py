"""pandas and a pandera schema: all cells as text, types cast, every failure collected, accepted rows to Parquet by day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

_LATEST: Final = pd.Timestamp("2026-11-02")


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: ingest the metrics file `path`."""
    schema = pa.DataFrameSchema(
        {
            "unit_id": pa.Column(str, pa.Check.str_length(1, 512)),
            "id_type": pa.Column(str),
            "date": pa.Column("datetime64[us]", pa.Check.le(_LATEST), coerce=True),
            "metric_name": pa.Column(str, pa.Check.str_length(1, 127)),
            "metric_value": pa.Column(float, pa.Check(np.isfinite, element_wise=False)),
        }
    )

    def work() -> dict[str, Any]:
        rows = pd.read_csv(task["path"], dtype=str, encoding_errors="replace", on_bad_lines="skip")
        rows["date"] = pd.to_datetime(rows["date"], format="%Y-%m-%d", errors="coerce")
        rows["metric_value"] = pd.to_numeric(rows["metric_value"], errors="coerce")
        bad = pd.Index([])
        try:
            schema.validate(rows, lazy=True)
        except pa.errors.SchemaErrors as error:
            failures = error.failure_cases
            failures.to_json(scratch / "rejected.json", orient="records", lines=True, default_handler=str)
            bad = pd.Index(failures["index"].dropna().astype(int).unique())
        accepted = rows.drop(index=bad)
        accepted.to_parquet(scratch / "accepted", partition_cols=["date"])
        return {"accepted": len(accepted), "rejected": len(bad)}

    return work
