"""DuckDB with `store_rejects` and the same rules in SQL: accepted rows as Parquet by day, rejected ones as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb

_COLUMNS: Final = (
    "{'unit_id': 'VARCHAR', 'id_type': 'VARCHAR', 'date': 'DATE', 'metric_name': 'VARCHAR', 'metric_value': 'DOUBLE'}"
)
_REASON: Final = """
    CASE
        WHEN unit_id IS NULL OR length(unit_id) NOT BETWEEN 1 AND 512 THEN 'unit_id'
        WHEN id_type IS NULL OR length(id_type) < 1 THEN 'id_type'
        WHEN date IS NULL OR date > DATE '2026-11-02' THEN 'date'
        WHEN metric_name IS NULL OR length(metric_name) NOT BETWEEN 1 AND 127 THEN 'metric_name'
        WHEN metric_value IS NULL OR NOT isfinite(metric_value) THEN 'metric_value'
    END
"""


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: ingest the metrics file `path`."""
    path = task["path"]
    database = duckdb.connect()

    def work() -> dict[str, Any]:
        read = f"read_csv('{path}', header = true, columns = {_COLUMNS}, store_rejects = true, rejects_limit = 0)"
        # Parsed once: what broke a rule is needed after what broke none.
        database.execute(f"CREATE TEMP TABLE checked AS SELECT *, {_REASON} AS reason FROM {read}")
        database.execute(
            f"COPY (SELECT * EXCLUDE reason FROM checked WHERE reason IS NULL) TO '{scratch}/accepted' "
            "(FORMAT parquet, PARTITION_BY (date), COMPRESSION 'lz4')"
        )
        database.execute(f"COPY (SELECT * FROM checked WHERE reason IS NOT NULL) TO '{scratch}/rejected.json' (FORMAT json)")
        database.execute(f"COPY (SELECT * FROM reject_errors) TO '{scratch}/unread.json' (FORMAT json)")
        query = "SELECT count(*) FILTER (reason IS NULL), count(*) FILTER (reason IS NOT NULL) FROM checked"
        accepted, broken = database.execute(query).fetchone() or (0, 0)
        (unread,) = database.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone() or (0,)
        return {"accepted": accepted, "rejected": broken + unread}

    return work
