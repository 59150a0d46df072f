"""Which metrics a stream has published as values: asked where a file or a day shows a ratio that the stream does not know."""

from __future__ import annotations

import io
from collections.abc import Collection
from datetime import date

import polars as pl
import structlog

from processing.domain.errors import OperatorError
from processing.domain.streams import Stream
from processing.jobs.failures import log_failure
from processing.publication.delta.specs import METRIC_DAYS
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result
from processing.stored.stream_state import load_state

_log = structlog.get_logger()


def values_among(context: JobContext, stream: Stream, names: Collection[str], *, before: date | None = None) -> Collection[str]:
    """Those of these metrics that are values on the newest published day that has any rows; none where that cannot be read.

    With `before`, the newest day before that one.
    """
    state = load_state(context, stream).state
    published = (day for day, record in state.days.items() if record.published is not None and record.published.rows)
    newest = max((day for day in published if before is None or day < before), default=None)
    try:
        manifest = None if newest is None else read_manifest(context.lake, state, newest)
        found: set[str] = set()
        for name in () if manifest is None else manifest.names_in(METRIC_DAYS.name):
            days = pl.read_parquet(io.BytesIO(read_result(context.results, stream.customer, name)))
            values = days.filter((pl.col("kind") == "value") & pl.col("metric_name").is_in(list(names)))
            found.update(values.get_column("metric_name"))
    except OperatorError as error:  # a day's worker says so too, and an upload is answered without it
        log_failure(_log, "kinds_not_known", error, customer=stream.customer, dataset=stream.dataset)
        return ()
    return found
