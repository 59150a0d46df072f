"""Experiments: which there are, and what one came to through a day, with intervals drawn (contract section 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from processing.domain.days import parse_day
from processing.publication.experiments.result_rows import NO_ROWS
from processing.statistics.notes import Note
from processing.views.experiments import experiments, results_through
from processing.web.console.addresses import address
from processing.web.console.charts import Scale, draw_interval
from processing.web.console.figures import show_figure
from processing.web.console.masks import masks_of
from processing.web.console.pages import render
from processing.web.console.visits import Visit
from processing.web.masks import Masks
from processing.web.problems import Refused

EXPERIMENTS: Final = address("experiments")
_NAMED: Final = ("experiment", "group_id", "metric_name", "event_name", "id_type")
NOTES: Final[Mapping[str, str]] = {
    Note.NO_CONTROL: "no group is known to be the control, so nothing is compared: name it in the config (`control`)",
    Note.TOO_FEW_UNITS: "a group has fewer than 2 units: no interval and no p-value",
    Note.NO_DENOMINATOR: "the denominators of a group come to 0: no ratio",
    Note.OVERFLOW: "a total is beyond all numbers",
    Note.NO_VARIANCE: "all units of a group are alike: no interval and no p-value",
    Note.CONTROL_MEAN_ZERO: "the mean of the control is 0: no lift",
    Note.UNBOUNDED_LIFT: "the mean of the control is too near to 0 for its variance: the lift's interval has no ends",
    Note.NO_COVARIATE: "all units were alike on the days before: nothing for CUPED to use",
    Note.NO_RESIDUAL: "the days before tell the days after: with CUPED no interval is left",
    NO_ROWS: "the config names the metric, and no unit of the experiment has rows of it",
}
"""What the notes of a row mean."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to look at the comparisons."""

    title: str
    what: str
    estimate: str
    low: str
    high: str
    p_value: str | None
    is_share: bool
    """Whether the figures are shares of the control's mean."""


WAYS: Final = {
    "fixed": _Way("Fixed", "lift", "lift", "lift_low", "lift_high", "p_value", is_share=True),
    "adjusted": _Way("Corrected for many metrics", "lift", "lift", "lift_low", "lift_high", "p_adjusted", is_share=True),
    "cuped": _Way("CUPED", "lift", "cuped_lift", "cuped_lift_low", "cuped_lift_high", "cuped_p_value", is_share=True),
    "sequential": _Way("Sequential", "difference", "delta", "sequential_low", "sequential_high", None, is_share=False),
}
"""By the name in the address."""


def show_experiments(visit: Visit) -> Response:
    """Every experiment with results, with its groups and whether the split can be trusted."""
    masks = masks_of(visit)
    is_hidden = masks.hides("experiment")
    found = [] if is_hidden else experiments(visit.services.context, visit.customer)
    types: dict[str, list[str]] = {}
    for each in found:
        types.setdefault(each.experiment, []).append(each.id_type)
    links = {experiment: masks.linked(own) for experiment, own in types.items()}
    return render(
        "experiments.html",
        customer=visit.customer,
        here=EXPERIMENTS,
        experiments=found,
        is_hidden=is_hidden,
        link=lambda each: links[each.experiment][each.id_type],
        group=lambda text: masks.shown(text, "group_id"),
        id_type=lambda text: masks.shown(text, "id_type"),
    )


def show_experiment(visit: Visit) -> Response:
    """What one of them came to through a day: every metric of every group, compared with the control."""
    name, masks = visit.text("name") or "", masks_of(visit)
    text = visit.text("day")
    day = parse_day(text) if text else None
    if text and day is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "a day is written YYYY-MM-DD")
    found = None if masks.hides("experiment") else results_through(visit.services.context, visit.customer, name, day)
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no day up to that one has results of an experiment of this name")
    links = masks.linked({row["id_type"] for row in found.rows})
    given = visit.text("id_type")
    id_type = next((each for each, link in links.items() if given in (None, "", link)), None)
    chosen = visit.text("way") or "fixed"
    if id_type is None or chosen not in WAYS:
        raise Refused(HTTPStatus.NOT_FOUND, "it has no results of this kind")
    rows = [row for row in found.rows if row["id_type"] == id_type]
    own = {"name": name, "day": day, "id_type": links[id_type]}
    return render(
        "experiment.html",
        customer=visit.customer,
        here=EXPERIMENTS,
        name=name,
        found=found,
        groups=_groups(rows, masks),
        first=rows[0],
        way=WAYS[chosen],
        ways=[(key, way.title, address("experiment", **own, way=key), key == chosen) for key, way in WAYS.items()],
        rows=[_compared(row, masks) for row in rows],
        draw=_drawer(rows, WAYS[chosen]),
        percent=_percent,
        notes=[(str(note), meaning) for note, meaning in NOTES.items() if any(note in _notes(row) for row in rows)],
        id_types=[
            (masks.shown(each, "id_type"), address("experiment", **{**own, "id_type": link}), each == id_type)
            for each, link in links.items()
        ],
        own_link=links[id_type],
        way_name=chosen,
        earlier=address("experiment", **{**own, "day": found.earlier}, way=chosen) if found.earlier else None,
    )


def _groups(rows: Sequence[dict[str, Any]], masks: Masks) -> list[dict[str, Any]]:
    """Each group with its units, those of the metric that counts most of them, and its share."""
    units: dict[str, int] = {}
    control = {row["group_id"] for row in rows if row["is_control"]}
    for row in rows:
        units[row["group_id"]] = max(units.get(row["group_id"], 0), row["units"] or 0)
    total = sum(units.values())
    return [
        {
            "group": masks.shown(each, "group_id"),
            "is_control": each in control,
            "units": count,
            "share": count / total if total else None,
        }
        for each, count in sorted(units.items())
    ]


def _compared(row: dict[str, Any], masks: Masks) -> dict[str, Any]:
    """A row as it is shown."""
    return {**masks.of_results(row), "notes": _notes(row)}


def _notes(row: dict[str, Any]) -> list[str]:
    return [each.strip() for each in (row["note"] or "").split(",") if each.strip()]


def _drawer(rows: Sequence[dict[str, Any]], way: _Way) -> Any:
    """Draws the interval of a row, all of them on one scale where they are shares, else each on its own."""
    shared = Scale.of([row[name] for row in rows for name in (way.estimate, way.low, way.high)], with_zero=True)

    def draw(row: dict[str, Any]) -> Markup:
        value, low, high = row[way.estimate], row[way.low], row[way.high]
        if value is None:
            return Markup()
        scale = shared if way.is_share else Scale.of([value, low, high], with_zero=True)
        show = _percent if way.is_share else show_figure
        ends = f", from {show(low)} to {show(high)}" if low is not None and high is not None else ""
        return draw_interval(scale, value, low, high, f"{way.what} {show(value)}{ends}")

    return draw


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2%}" if abs(value) < 1e6 else f"{value:+.3g}"  # noqa: PLR2004 - digits to read
