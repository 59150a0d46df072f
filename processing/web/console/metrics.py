"""Metrics: the catalogue, and the page of one of them with its chart, its table and its CSV (contract section 8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.publication.catalogue import DAY
from processing.views.catalogue import DATASETS, MetricIdType, MetricSummary, catalogue, days_of_metric, find_metric
from processing.web.api.paging import page_of
from processing.web.console.addresses import address
from processing.web.console.charts import DayPoint, draw_days, draw_trend
from processing.web.console.figures import show_figure
from processing.web.console.masks import masks_of
from processing.web.console.pages import render
from processing.web.console.visits import Visit
from processing.web.problems import Refused

METRICS: Final = address("metrics")
_LIMIT: Final = 100
_DAYS: Final = 28
_DAYS_OF_CSV: Final = 400
FIGURES: Final = (
    "units", "count", "mean", "sum", "stddev", "min", "p50", "p90", "p99", "max", "numerator", "denominator",
)  # fmt: skip
"""Columns of `metric_days` that are shown."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def show_metrics(visit: Visit) -> Response:
    """Every metric and event that is published, those with the newest rows first."""
    masks, part, dataset = masks_of(visit), (visit.text("name") or "").casefold(), visit.text("dataset")
    found = [
        each
        for each in catalogue(visit.services.context, visit.customer)
        if not masks.hides_names(each.dataset) and part in each.name.casefold() and dataset in (None, each.dataset)
    ]
    page, following = page_of(found, visit.text("cursor"), _LIMIT, _key, _is_behind)
    given = {"name": visit.text("name"), "dataset": dataset}
    return render(
        "metrics.html",
        customer=visit.customer,
        here=METRICS,
        metrics=page,
        count=len(found),
        hidden=[each.value for each in DATASETS if masks.hides_names(each)],
        given=given,
        datasets=DATASETS,
        trend=_trend,
        links=lambda metric: masks.linked(each.id_type for each in metric.id_types),
        id_type=lambda each: masks.shown(each.id_type, "id_type"),
        first=address("metrics", **given) if visit.text("cursor") else None,
        following=address("metrics", **given, cursor=following) if following else None,
    )


def show_metric(visit: Visit) -> Response:
    """One of them, day by day, with one id type."""
    metric, before = _found(visit), _before(visit)
    masks = masks_of(visit)
    links = masks.linked(each.id_type for each in metric.id_types)
    given = visit.text("id_type")
    chosen = next((each for each, link in links.items() if given in (None, "", link)), None)
    if chosen is None:
        raise Refused(HTTPStatus.NOT_FOUND, "it has no such id type")
    days = days_of_metric(visit.services.context, visit.customer, metric, before=before, limit=_DAYS)
    rows = [row for row in days.rows if row["id_type"] == chosen]
    own = {"name": metric.name, "dataset": metric.dataset}
    return render(
        "metric.html",
        customer=visit.customer,
        here=METRICS,
        metric=metric,
        experiments=() if masks.hides("experiment") else metric.experiments,
        chosen=masks.shown(chosen, "id_type"),
        id_types=[
            (masks.shown(each, "id_type"), address("metric", **own, id_type=link), each == chosen)
            for each, link in links.items()
        ],
        rows=rows,
        figures=[name for name in FIGURES if any(row.get(name) is not None for row in rows)],
        chart=_chart(metric, rows) if rows else None,
        has_band=any(row.get("p50") is not None for row in rows),
        download=address("metric.csv", **own),
        first=address("metric", **own, id_type=links[chosen]) if before else None,
        following=address("metric", **own, id_type=links[chosen], before=days.following) if days.following else None,
    )


def download_metric(visit: Visit) -> Response:
    """Its last days as CSV, with every id type."""
    metric, masks = _found(visit), masks_of(visit)
    days = days_of_metric(visit.services.context, visit.customer, metric, before=_before(visit), limit=_DAYS_OF_CSV)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["day", "id_type", "kind", *FIGURES])
    for row in days.rows:
        figures = ("" if row.get(name) is None else row[name] for name in FIGURES)
        writer.writerow([row[DAY], _safe(masks.shown(row["id_type"], "id_type")), row["kind"], *figures])
    headers = {"Content-Disposition": 'attachment; filename="metric.csv"'}
    return Response(text.getvalue().encode("utf-8", "replace"), media_type="text/csv", headers=headers)


def _found(visit: Visit) -> MetricSummary:
    name, dataset, masks = visit.text("name"), visit.text("dataset"), masks_of(visit)
    is_known = dataset is None or dataset in DATASETS
    found = (
        find_metric(visit.services.context, visit.customer, name, Dataset(dataset) if dataset else None)
        if name and is_known
        else None
    )
    if found is None or masks.hides_names(found.dataset):
        raise Refused(HTTPStatus.NOT_FOUND, "no published day has a metric or an event of this name")
    return found


def _before(visit: Visit) -> date | None:
    text = visit.text("before")
    day = parse_day(text) if text else None
    if text and day is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "a day is written YYYY-MM-DD")
    return day


def _trend(each: MetricIdType) -> Any:
    told = [value for value in each.trend if value is not None]
    label = f"14 days, from {show_figure(told[0])} to {show_figure(told[-1])}" if told else "no rows in 14 days"
    return draw_trend(each.trend, label)


def _chart(metric: MetricSummary, rows: Sequence[dict[str, Any]]) -> Any:
    points = [
        DayPoint(day=row[DAY], value=row["count"] if row["kind"] == "event" else row["mean"], low=row["p50"], high=row["p90"])
        for row in reversed(rows)
    ]
    what = "events" if metric.dataset is Dataset.EVENTS else "mean"
    return draw_days(points, f"{what} of each day from {points[0].day} to {points[-1].day}; the table below has the figures")


def _safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _key(summary: MetricSummary) -> list[str]:
    return [summary.last_day.isoformat(), f"{summary.dataset}/{summary.name}"]


def _is_behind(one: list[str], other: list[str]) -> bool:
    """Days fall, and of one day names rise."""
    return one[0] < other[0] or (one[0] == other[0] and one[1] > other[1])
