"""DuckDB with a memory limit of 1 GB for the same day: latest rows, ratios, values, and totals with percentiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb

_LATEST: Final = """
    CREATE TABLE latest AS
    SELECT unit_id, id_type, metric_name, metric_value, numerator, denominator
    FROM read_parquet({files}, file_row_number = true)
    WHERE NOT is_test
    QUALIFY row_number() OVER (PARTITION BY unit_id, id_type, metric_name ORDER BY file_index DESC, file_row_number DESC) = 1
"""
_RATIOS: Final = """
    CREATE TABLE ratios AS
    SELECT DISTINCT metric_name FROM latest WHERE numerator IS NOT NULL AND denominator IS NOT NULL
"""
_ROWS: Final = """
    COPY (
        SELECT *, CASE WHEN metric_name IN (FROM ratios)
                       THEN CASE WHEN denominator <> 0 THEN numerator / denominator END
                       ELSE metric_value END AS value
        FROM latest
    ) TO '{scratch}/rows.parquet' (FORMAT parquet, COMPRESSION 'zstd')
"""
_TOTALS: Final = """
    COPY (
        SELECT metric_name, id_type, count(value) AS units, sum(value) AS sum, avg(value) AS mean, stddev_samp(value) AS stddev,
               min(value) AS min, quantile_cont(value, [0.5, 0.9, 0.99]) AS percentiles, max(value) AS max,
               sum(numerator) AS numerator, sum(denominator) AS denominator
        FROM '{scratch}/rows.parquet' GROUP BY ALL ORDER BY ALL
    ) TO '{scratch}/totals.parquet' (FORMAT parquet)
"""


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: compute the day of the parts in `folder`."""
    files = [str(path) for path in sorted(Path(task["folder"]).glob("*.parquet"))]
    database = duckdb.connect(str(scratch / "day.duckdb"))
    database.execute("SET memory_limit = '1GB'")
    database.execute("SET preserve_insertion_order = false")
    database.execute(f"SET temp_directory = '{scratch}/spill'")

    def work() -> dict[str, Any]:
        for statement in (_LATEST, _RATIOS, _ROWS, _TOTALS):
            database.execute(statement.format(files=files, scratch=scratch))
        (rows,) = database.execute("SELECT count(*) FROM latest").fetchone() or (0,)
        (total,) = database.execute(f"SELECT sum(sum) FROM '{scratch}/totals.parquet'").fetchone() or (0.0,)
        return {"rows": rows, "sum": total}

    return work
