"""Computes one day of results and commits it, by the same steps as a day of rows (protocol, Process day D).

The totals of the day before are gone on from, where they are there and were made by the same definitions; else they are made
anew from the published days since the experiment began.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.errors import panics_as_errors
from processing.domain.publications import Manifest
from processing.domain.readiness.results import carried_to
from processing.domain.stream_state import Published, StreamState
from processing.jobs.days.commit_day import begin_day, commit_day, record_of, upload_file
from processing.jobs.days.result_sources import PublishedFiles, definitions, load_sources
from processing.publication.delta.specs import EVENT_UNITS, METRIC_ROWS
from processing.publication.model import DayRequest, DayResult
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.customer_config import LoadedConfig, load_config
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result
from processing.stored.stream_state import StoredState
from processing.stored.write_once import write_once

_DAY = timedelta(days=1)


def publish_results(context: JobContext, stored: StoredState, day: date, epoch: int) -> StoredState:
    """Commit the results through `day`; the table follows in `project_pending`. Raises as `publish_day` does."""
    attempt = blob_names.new_attempt()
    stored = begin_day(context, stored, day, epoch, attempt)
    state = stored.state
    loaded = load_config(context.lake, state.customer, context.configs)
    files = PublishedFiles(context, loaded.config, load_sources(context, state.customer, loaded.config))
    seq = state.seq + 1
    request = DayRequest(
        dataset=state.dataset,
        day=day,
        file_prefix=f"{seq:08d}-{epoch:08d}-{attempt[:8]}",
        ratios_before=(),
        deadline=context.deadline(),
    )
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch, panics_as_errors():
        result = _computed(context, state, request, files, scratch=Path(scratch))
    manifest = _manifest(context, state, request, epoch=epoch, loaded=loaded, result=result)
    name = blob_names.manifest_name(state.stream, day, seq=seq, epoch=epoch, attempt=attempt)
    write_once(context.lake, blob_names.STATE_CONTAINER, name, to_json(manifest))
    published = Published(
        seq=seq,
        manifest=name,
        files=0,
        rows=manifest.rows,
        superseded=0,
        rows_in=manifest.rows_in,
        inputs=files.digest(day),
        carried=carried_to(state, day),
        meaning=files.sources.meaning,
    )
    return commit_day(context, stored, manifest, published, attempt)


def _computed(
    context: JobContext, state: StreamState, request: DayRequest, files: PublishedFiles, *, scratch: Path
) -> DayResult:
    # SciPy and all that it brings is imported where results are computed, and nowhere else.
    from processing.publication.experiments.compute import ResultSources, compute_result_day  # noqa: PLC0415

    day, experiments, pinned = request.day, files.config.experiments, files.config.pinned
    left = _Left.of(context, state, day - _DAY)
    known = definitions(experiments)
    resumed = frozenset(name for name, digest in known.items() if left.definitions.get(name) == digest)
    first = files.sources.earliest() or day
    since = min((max(first, each.start or first) for name, each in experiments.items() if name not in resumed), default=day)
    span = ((day - since).days + 1) if len(resumed) < len(experiments) else 1
    tables = (METRIC_ROWS.name, EVENT_UNITS.name)
    rows = left.rows + sum(files.rows(table, day - _DAY * number) for number in range(span) for table in tables)
    metrics = files.manifest(Dataset.METRICS, day)
    ratios = {*metrics.ratios_before, *metrics.ratios} if metrics is not None else set()
    return compute_result_day(
        request,
        ResultSources(
            experiments=experiments,
            resumed=resumed,
            since=since,
            files_of=files.read,
            left=left.read,
            rows=rows,
            ratios=frozenset(name for name in {*ratios, *pinned} if pinned.get(name, "ratio") == "ratio"),
        ),
        scratch,
        partial(upload_file, context, state.customer, scratch),
    )


class _Left:
    """What the day of results before one left beside its table."""

    def __init__(self, context: JobContext, manifest: Manifest | None) -> None:
        self._context = context
        self._manifest = manifest
        self.definitions = dict(manifest.definitions) if manifest is not None else {}
        self.rows = sum(file.rows for output in manifest.kept for file in output.files) if manifest is not None else 0

    @classmethod
    def of(cls, context: JobContext, state: StreamState, day: date) -> _Left:
        """Of a day; of one that housekeeping has taken files of away, nothing."""
        manifest = read_manifest(context.lake, with_closed_days(context.lake, state, [day]), day)
        if manifest is None:
            return cls(context, None)
        container = blob_names.results_container(state.customer)
        for output in manifest.kept:
            names = {info.name for info in context.results.list_blobs(container, f"{output.table}/pst_date={day.isoformat()}/")}
            if not names.issuperset(manifest.names_in(output.table)):
                return cls(context, None)
        return cls(context, manifest)

    def read(self, table: str, _day: date) -> Iterator[bytes]:
        """Its files, one after another."""
        if self._manifest is not None:
            for name in self._manifest.names_in(table):
                yield read_result(self._context.results, self._manifest.customer, name)


def _manifest(
    context: JobContext, state: StreamState, request: DayRequest, *, epoch: int, loaded: LoadedConfig, result: DayResult
) -> Manifest:
    record = record_of(state, request.day)
    return Manifest(
        customer=state.customer,
        dataset=state.dataset,
        day=request.day,
        seq=state.seq + 1,
        epoch=epoch,
        created_at=context.drop.service_time(),
        markers=(),
        inputs=(),
        refused=(),
        rows_in=result.rows,
        rows=result.rows,
        superseded=0,
        test_rows=0,
        ratios_before=(),
        ratios=(),
        replaces=record.published.seq if record.published is not None else None,
        cause=record.reprocess or "",
        outputs=result.outputs,
        kept=result.kept,
        warnings=result.warnings,
        definitions=definitions(loaded.config.experiments),
        program=context.program,
        config=loaded.version,
    )
