"""Fills a customer with an index of very many files and with published days of metrics; not measured, others measure on it."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from benchmarks.emulated import context_for, new_customer
from processing.domain import blob_names
from processing.domain.api_keys import Scope
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.publications import Manifest, TableFile, TableOutput
from processing.domain.stream_state import DayRecord, DayState, Published
from processing.domain.streams import Stream
from processing.jobs.days.keep_catalogue import keep_catalogue
from processing.jobs.uploads.index_files import KnownIndex, index_files
from processing.jobs.uploads.listed_files import ListedFiles, ToldFile
from processing.ports import BlobInfo
from processing.publication.delta.specs import METRIC_DAYS
from processing.stored.closed_days import store_apart
from processing.stored.context import JobContext
from processing.stored.keys import create_key
from processing.stored.stream_state import load_state, store_state

METRICS: Final = 20
_THREADS: Final = 8
_FIGURES: Final = ("sum", "mean", "stddev", "min", "p50", "p90", "p99", "max")


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: `files` of them over `days` of uploads, and `days` that are published; `found` names customer and key."""
    context = context_for(task["connection"])
    customer = new_customer(context)
    key, _ = create_key(context, customer, [Scope.READ])

    def work() -> dict[str, Any]:
        now = context.drop.service_time()
        last = context.zone.day_of(now) - timedelta(days=1)
        days = [last - timedelta(days=number) for number in reversed(range(task["days"]))]
        _fill_files(context, customer, now, task["files"], task["days"])
        _fill_metrics(context, customer, days)
        return {"customer": customer, "key": key, "day": days[len(days) // 2].isoformat()}

    return work


def _fill_files(context: JobContext, customer: str, now: datetime, files: int, days: int) -> None:
    """As a sweep would write them that has listed these uploads and all their receipts."""
    chance = random.Random(1)  # noqa: S311 - no secret
    listed = ListedFiles(now)
    step = timedelta(days=days) / files
    for number in range(files):
        at = (now - step * (files - number)).replace(microsecond=0)
        name = f"{chance.choice(('metrics', 'events'))}/{at.date()}/export-{chance.getrandbits(40):010x}.csv.gz"
        etag = f"0x8D{chance.getrandbits(52):013X}"
        listed.see(BlobInfo(name=name, etag=etag, size=chance.randrange(10**8), last_modified=at))
        status = chance.choices(("accepted", "accepted_with_rejects", "rejected"), (90, 8, 2))[0]
        listed.tell(name, ToldFile(etag, status, chance.randrange(10**6), (at.date(),)))
    if not index_files(context, customer, KnownIndex(None, None), listed, (), anew=True):
        raise RuntimeError("the index was not written")


def _fill_metrics(context: JobContext, customer: str, days: list[date]) -> None:
    """As turns and nights would leave them: the last two months in the state, the others in documents of their own."""
    stream = Stream(customer, Dataset.METRICS)
    with ThreadPoolExecutor(_THREADS) as pool:
        names = list(pool.map(lambda numbered: _publish(context, stream, numbered[1], numbered[0]), enumerate(days, 1)))
    stored = load_state(context, stream)
    records = {day: _record(day, seq, name) for seq, (day, name) in enumerate(zip(days, names, strict=True), 1)}
    closed = days[: -context.retention.staged]
    state = replace(stored.state, seq=len(days), first_day=days[0], days=records, closed_through=closed[-1] if closed else None)
    store_state(context, stored, store_apart(context.lake, state, closed) if closed else state)
    keep_catalogue(context, stream)


def _publish(context: JobContext, stream: Stream, day: date, seq: int) -> str:
    """The file and the manifest of a day; returns the manifest's name."""
    rows = {
        "metric_name": [f"metric_{number:02d}" for number in range(METRICS)],
        "id_type": ["user_id"] * METRICS,
        "kind": ["value"] * METRICS,
        "units": [1_000 + seq] * METRICS,
        "count": [None] * METRICS,
        **{figure: [float(seq + number) for number in range(METRICS)] for figure in _FIGURES},
        "numerator": [None] * METRICS,
        "denominator": [None] * METRICS,
    }
    schema = {"units": pl.Int64, "count": pl.Int64, "numerator": pl.Float64, "denominator": pl.Float64}
    data = io.BytesIO()
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(data)
    partition = {"dataset": stream.dataset.value, "pst_date": day.isoformat()}
    path = f"dataset={stream.dataset}/pst_date={day}/{seq:08d}-00000001-00000000-00000.parquet"
    context.results.put(blob_names.results_container(stream.customer), f"{METRIC_DAYS.name}/{path}", data.getvalue())
    file = TableFile(path=path, size=len(data.getvalue()), rows=METRICS, partition=partition, statistics="{}")
    manifest = Manifest(
        customer=stream.customer,
        dataset=stream.dataset,
        day=day,
        seq=seq,
        epoch=1,
        created_at=datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1, hours=10),
        markers=(),
        inputs=(),
        refused=(),
        rows_in=METRICS,
        rows=METRICS,
        superseded=0,
        test_rows=0,
        ratios_before=(),
        ratios=(),
        outputs=(TableOutput(table=METRIC_DAYS.name, partition=partition, files=(file,)),),
        program=context.program,
    )
    name = blob_names.manifest_name(stream, day, seq=seq, epoch=1, attempt=hashlib.sha256(day.isoformat().encode()).hexdigest())
    context.lake.put(blob_names.STATE_CONTAINER, name, to_json(manifest))
    return name


def _record(day: date, seq: int, manifest: str) -> DayRecord:
    published = Published(seq=seq, manifest=manifest, files=500, rows=METRICS, superseded=0, rows_in=METRICS, inputs=str(day))
    return DayRecord(state=DayState.PROCESSED, published=published)
