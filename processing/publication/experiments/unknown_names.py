"""What the config names of experiments that is not there: a misspelt name is told, with what there is (contract section 8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

import polars as pl

from processing.domain.printable import printable
from processing.publication.experiments.figures import COUNT, SUM
from processing.publication.experiments.unit_totals import EVENT
from schemas.experiments import ExperimentConfig

_SHOWN: Final = 5
_NAME: Final = 64


def unknown_names(
    found: pl.DataFrame, names: Collection[tuple[str, str]], sizes: pl.DataFrame, experiments: Mapping[str, ExperimentConfig]
) -> Iterator[str]:
    """Sentences without a full stop, in order: an experiment without units, groups and metrics that no unit has.

    `found` has the `figures.FAMILY` of what units have rows of, `names` source and name of what anybody has rows of, and
    `sizes` the groups of each experiment.
    """
    every = {name for source, name in names if source != EVENT}, {name for source, name in names if source == EVENT}
    for name, each in sorted(experiments.items()):
        groups = set(sizes.filter(pl.col("experiment") == name)["group_id"])
        if not groups:
            yield f"experiment {_shown(name)} has no exposures yet"
            continue
        for group in (*([each.control] if each.control is not None else []), *each.weights):
            if group not in groups:
                yield f"experiment {_shown(name)} names group {_shown(group)}, which no unit is in; {_there(group, groups)}"
        own = found.filter(pl.col("experiment") == name)
        metrics = set(own.filter(~pl.col("kind").is_in([COUNT, SUM]))["metric_name"])
        events = set(own.filter(pl.col("kind") == COUNT)["metric_name"])
        kinds = zip(("metric", "event"), each.judged_by, (metrics, events), every, strict=True)
        for what, named, known, there in kinds:
            for missing in sorted(set(named or ()) - known):
                named_it = f"experiment {_shown(name)} names {what} {_shown(missing)}"
                yield f"{named_it}, of which no unit has rows{_near(missing, there - known)}"


def _there(name: str, groups: Collection[str]) -> str:
    return _near(name, groups).removeprefix("; ") or f"there are {', '.join(map(_shown, sorted(groups)[:_SHOWN]))}"


def _near(name: str, there: Collection[str]) -> str:
    near = get_close_matches(name, sorted(there), n=1)
    return f"; is it {_shown(near[0])}" if near else ""


def _shown(name: str) -> str:
    return printable(name)[:_NAME]
