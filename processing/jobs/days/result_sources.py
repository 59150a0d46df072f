"""What results of experiments are computed from: the config, and the published days of the customer's other streams."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.publications import Manifest
from processing.domain.readiness.results import Sources, definitions_digest
from processing.domain.stream_state import StreamState
from processing.domain.streams import Stream
from processing.publication.delta.specs import EVENT_UNITS, EXPOSED_UNITS, FIRST_EXPOSURES, METRIC_ROWS
from processing.stored.closed_days import with_closed_days
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from processing.stored.manifests import read_manifest
from processing.stored.result_files import read_result
from processing.stored.stream_state import load_state
from schemas.customer_config import CustomerConfig
from schemas.experiments import ExperimentConfig

_OF_TOTALS: Final = {"start", "end", "id_type", "metrics", "events", "cuped_days"}
"""Keys that decide what a unit comes to; the others are of what is said about it."""
_DATASET_OF: Final = {
    EXPOSED_UNITS.name: Dataset.EXPOSURES,
    FIRST_EXPOSURES.name: Dataset.EXPOSURES,
    METRIC_ROWS.name: Dataset.METRICS,
    EVENT_UNITS.name: Dataset.EVENTS,
}


def load_sources(context: JobContext, customer: str, config: CustomerConfig | None = None) -> Sources:
    """The streams that results need, those of them that have begun; without an experiment in the config, none."""
    config = load_config(context.lake, customer, context.configs).config if config is None else config
    wanted = set(_datasets(config.experiments.values()))
    states = [load_state(context, Stream(customer, dataset)).state for dataset in DATA_DATASETS if dataset in wanted]
    states.sort(key=lambda state: state.dataset is not Dataset.EXPOSURES)
    begun = [state for state in states if state.first_day is not None]
    if not begun or begun[0].dataset is not Dataset.EXPOSURES:
        begun = []
    starts = [each.start for each in config.experiments.values()]
    return Sources(
        states=begun,
        looks_back=max((each.cuped_days for each in config.experiments.values()), default=0),
        begins=min((start for start in starts if start is not None), default=None) if all(starts) else None,
        meaning=definitions_digest({name: _digest(each, None) for name, each in config.experiments.items()}),
    )


def definitions(experiments: Mapping[str, ExperimentConfig]) -> dict[str, str]:
    """Each experiment with the digest of what its units' totals are made by."""
    return {name: _digest(each, _OF_TOTALS) for name, each in experiments.items()}


def _datasets(experiments: Collection[ExperimentConfig]) -> Iterator[Dataset]:
    for each in experiments:
        metrics, events = each.judged_by
        yield Dataset.EXPOSURES
        if metrics is None or metrics:
            yield Dataset.METRICS
        if events is None or events:
            yield Dataset.EVENTS


def _digest(experiment: ExperimentConfig, keys: set[str] | None) -> str:
    said = json.dumps(experiment.model_dump(mode="json", include=keys), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


@dataclass(slots=True)
class PublishedFiles:
    """The files of published days, by the manifests of the streams that `sources` has; each manifest is read once."""

    context: JobContext
    config: CustomerConfig
    sources: Sources
    _manifests: dict[tuple[Dataset, date], Manifest | None] = field(default_factory=dict)
    _states: dict[Dataset, StreamState] = field(default_factory=dict)

    def read(self, table: str, day: date) -> Iterator[bytes]:
        """What a day has in a table, or keeps beside the tables, one file after another; nothing where it is not published."""
        manifest = self.manifest(_DATASET_OF[table], day)
        for name in () if manifest is None else manifest.names_in(table):
            yield read_result(self.context.results, self.sources.states[0].customer, name)

    def rows(self, table: str, day: date) -> int:
        """How many rows these files have."""
        manifest = self.manifest(_DATASET_OF[table], day)
        outputs = () if manifest is None else manifest.outputs
        return sum(file.rows for output in outputs if output.table == table for file in output.files)

    def manifest(self, dataset: Dataset, day: date) -> Manifest | None:
        """Of a day; None where it is not published."""
        if (dataset, day) not in self._manifests:
            state = self._state(dataset, day)
            self._manifests[dataset, day] = None if state is None else read_manifest(self.context.lake, state, day)
        return self._manifests[dataset, day]

    def digest(self, day: date) -> str:
        """What `Sources.digest` says of a day, closed or not, by the manifests that are read."""
        first = day - timedelta(days=self.sources.looks_back)
        states = [self._known(state, first) for state in self.sources.states]
        return replace(self.sources, states=states).digest(day) or ""

    def _state(self, dataset: Dataset, day: date) -> StreamState | None:
        state = next((each for each in self.sources.states if each.dataset is dataset), None)
        return None if state is None else self._known(state, day)

    def _known(self, state: StreamState, day: date) -> StreamState:
        """The state with all closed days once a day asks for one of them."""
        known = self._states.setdefault(state.dataset, state)
        if known.closed and day <= known.closed[-1].last:
            known = self._states[state.dataset] = with_closed_days(self.context.lake, known)
        return known
