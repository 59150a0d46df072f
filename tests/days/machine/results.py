"""Results of experiments beside the streams that they come from: what must be true at any time, and in the end."""

from __future__ import annotations

import io
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.jobs.days.result_sources import PublishedFiles, load_sources
from processing.publication.experiments.compute import ResultSources, compute_result_day
from processing.publication.model import DayRequest
from processing.stored.closed_days import with_closed_days
from processing.stored.customer_config import load_config
from processing.stored.stream_state import load_state
from schemas.customer_config import CustomerConfig
from tests.days.machine.customer import Customer
from tests.days.machine.tally import Tally

CONFIG: Final = "experiments:\n  m: {winsorize: 1, cuped_days: 2}\n  f: {winsorize: 1}\n"


class ResultsWatch:
    """The results of one customer."""

    def __init__(self, customer: Customer, tally: Tally) -> None:
        self._customer, self._tally = customer, tally
        self._world = customer.world
        self._seen = 0
        self._etag: str | None = None

    @property
    def state(self) -> StreamState:
        return load_state(self._world.context(), Stream(self._customer.name, Dataset.EXPERIMENTS)).state

    def check_commits(self) -> None:
        """Invariants 4 and 6: each publication once and in order, and every table as manifests say when nothing is pending."""
        log = self._world.tables._logs.get((self._customer.results, "experiment_results"), [])
        for before, version in zip(log[self._seen :], log[self._seen + 1 :], strict=False):
            assert version.seqs["experiments"] > before.seqs.get("experiments", 0), "a table took results twice, or older ones"
            self._tally.hit("results in a table")
        self._seen = max(len(log) - 1, 0)
        stored = load_state(self._world.context(), Stream(self._customer.name, Dataset.EXPERIMENTS))
        if stored.etag != self._etag and stored.state.pending is None:
            self._etag = stored.etag
            self._check_tables(with_closed_days(self._world.lake, stored.state))

    def check_end(self) -> None:
        """Every day that its streams have published has results, and they are what they would be if they were made anew."""
        context, state = self._world.context(), self.state
        sources = load_sources(context, self._customer.name)
        through = sources.through()
        assert state.first_day is not None or through is None, "results have not begun"
        # Streams that are told to begin later have no next day; what was published before that stays.
        last = through or max(state.days, default=None)
        if state.first_day is None or last is None:
            return
        files = PublishedFiles(context, self._config(), sources)
        for number in range((last - state.first_day).days + 1):
            day = state.first_day + timedelta(days=number)
            record = state.days[day]
            assert record.state in (DayState.PROCESSED, DayState.PROCESSED_EMPTY), f"results of {day} are {record.state}"
            assert record.published is not None
            assert record.published.inputs == files.digest(day), f"results of {day} are not of the days that are published"
            self._tally.hit("results checked")
            shown = self._shown(self._manifest(record.published.manifest))
            anew = self._anew(files, day)
            numbers = [pytest.approx(_numbers(row), rel=1e-9, abs=1e-9) for row in anew]
            assert list(map(_numbers, shown)) == numbers, f"results of {day} are not those of its units"
            assert [_texts(row) for row in shown] == [_texts(row) for row in anew], (
                f"results of {day} are not those of its units"
            )

    def _config(self) -> CustomerConfig:
        context = self._world.context()
        return load_config(context.lake, self._customer.name, context.configs).config

    def _check_tables(self, state: StreamState) -> None:
        shown = {
            (file.partition["pst_date"], file.path)
            for file in self._world.tables.files(self._customer.results, "experiment_results")
        }
        named = {
            (day.isoformat(), file.path)
            for day, record in state.days.items()
            if record.published is not None
            for output in self._manifest(record.published.manifest).outputs
            for file in output.files
        }
        assert shown == named, "experiment_results does not show what was published"

    def _manifest(self, name: str) -> Manifest:
        found = self._world.lake.get("state", name)
        assert found is not None
        return from_json(Manifest, found[0])

    def _shown(self, manifest: Manifest) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for output in manifest.outputs:
            for file in output.files:
                found = self._world.lake.get(self._customer.results, f"{output.table}/{file.path}")
                assert found is not None
                rows += pl.read_parquet(io.BytesIO(found[0])).to_dicts()
        return rows

    def _anew(self, files: PublishedFiles, day: date) -> list[dict[str, Any]]:
        experiments = files.config.experiments
        first = files.sources.earliest()
        assert first is not None
        metrics = files.manifest(Dataset.METRICS, day)
        request = DayRequest(dataset=Dataset.EXPERIMENTS, day=day, file_prefix="1-1-x", ratios_before=())
        sources = ResultSources(
            experiments=experiments,
            resumed=frozenset(),
            since=first,
            files_of=files.read,
            left=lambda _table, _day: (),
            rows=10,
            ratios=() if metrics is None else {*metrics.ratios_before, *metrics.ratios},
        )
        with tempfile.TemporaryDirectory() as scratch:
            result = compute_result_day(request, sources, Path(scratch), lambda _: None)
            paths = [Path(scratch) / output.table / file.path for output in result.outputs for file in output.files]
            return [row for path in paths for row in pl.read_parquet(path).to_dicts()]


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if isinstance(value, float)}


def _texts(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not isinstance(value, float)}
