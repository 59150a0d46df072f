"""PySpark on all local cores: a permissive typed read that keeps corrupt records, the same rules as filters, Parquet by day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as Spark's own guide writes it


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work, in a session that is up already: ingest the metrics file `path`."""
    session = (
        SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .config("spark.local.dir", str(scratch / "spark"))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    session.range(1).count()

    def work() -> dict[str, Any]:
        columns = "unit_id STRING, id_type STRING, date DATE, metric_name STRING, metric_value DOUBLE, broken STRING"
        rows = session.read.csv(
            task["path"],
            schema=columns,
            header=True,
            mode="PERMISSIVE",
            columnNameOfCorruptRecord="broken",
            dateFormat="yyyy-MM-dd",
        )
        value, unit, metric = F.col("metric_value"), F.col("unit_id"), F.col("metric_name")
        sound = (
            F.col("broken").isNull()
            & F.length(unit).between(1, 512)
            & (F.length("id_type") >= 1)
            & (F.col("date") <= F.lit("2026-11-02").cast("date"))
            & F.length(metric).between(1, 127)
            & value.isNotNull()
            & ~F.isnan(value)
            & (F.abs(value) < float("inf"))
        )
        checked = rows.withColumn("sound", F.coalesce(sound, F.lit(False)))
        checked.where("sound").drop("sound", "broken").write.partitionBy("date").parquet(str(scratch / "accepted"))
        checked.where("not sound").write.json(str(scratch / "rejected"))
        return {"accepted": session.read.parquet(str(scratch / "accepted")).count()}

    return work
