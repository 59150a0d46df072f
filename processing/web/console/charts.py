"""Lines and intervals as SVG, drawn on the server: every figure also stands in a table beside (contract section 12)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from processing.web.console.figures import show_figure

_TREND: Final = (120.0, 28.0)
_CHART: Final = (860.0, 260.0)
_LEFT, _RIGHT, _TOP, _BOTTOM = 84.0, 12.0, 12.0, 28.0
_INTERVAL: Final = (240.0, 22.0)
_MARGIN: Final = 4.0
_LABELS: Final = 6
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_LINES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPoint:
    """What a chart shows of a day."""

    day: date
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From figures to places: the ends of a range on a line of some length."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float | None], *, with_zero: bool = False) -> Scale:
        """A range that holds all of these."""
        found = [value for value in values if value is not None and math.isfinite(value)] + ([0.0] if with_zero else [])
        low, high = (min(found), max(found)) if found else (0.0, 0.0)
        # Halves, because the distance of two figures may be beyond all floats.
        room = (high / 2 - low / 2) * 0.1 or abs(high) * 0.1 or 1.0
        return cls(low=max(low - room, -_FURTHEST), high=min(high + room, _FURTHEST))

    def place(self, value: float, length: float) -> float:
        """How far along the line a figure is; what lies beyond stands at an end."""
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return min(max(share, 0.0), 1.0) * length


_FURTHEST: Final = 1.7e308


def draw_trend(values: Sequence[float | None], label: str) -> Markup:
    """A small line; gaps stay gaps, and a figure between two gaps is a point."""
    width, height = _TREND
    scale = Scale.of(values)
    step = (width - 2 * _MARGIN) / max(len(values) - 1, 1)
    places = [
        None if value is None else (_MARGIN + number * step, height - _MARGIN - scale.place(value, height - 2 * _MARGIN))
        for number, value in enumerate(values)
    ]
    return _svg(width, height, label, _line(places), "trend")


def draw_days(points: Sequence[DayPoint], label: str) -> Markup:
    """A line over days with a band around it, and both axes."""
    width, height = _CHART
    across, down = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    scale = Scale.of(value for point in points for value in (point.value, point.low, point.high))
    first, last = points[0].day.toordinal(), points[-1].day.toordinal()

    def x(day: date) -> float:
        return _LEFT + (day.toordinal() - first) / max(last - first, 1) * across

    def y(value: float) -> float:
        return height - _BOTTOM - scale.place(value, down)

    drawn = [_grid(scale, y, width), _days(points, x, height)]
    drawn += [_band(run, x, y) for run in _runs(points)]
    by_day = {point.day.toordinal(): point for point in points}
    places: list[tuple[float, float] | None] = []
    for ordinal in range(first, last + 1):
        point = by_day.get(ordinal)
        places.append(None if point is None or point.value is None else (x(point.day), y(point.value)))
    return _svg(width, height, label, Markup().join([*drawn, _line(places)]), "chart")


def draw_interval(scale: Scale, value: float, low: float | None, high: float | None, label: str) -> Markup:
    """An interval with its estimate on a line that many of them share, with a mark where nothing differs."""
    width, height = _INTERVAL
    length, middle = width - 2 * _MARGIN, height / 2
    zero = _MARGIN + scale.place(0.0, length)
    at = _MARGIN + scale.place(value, length)
    parts = [Markup('<line class="axis" x1="{0}" y1="0" x2="{0}" y2="{1}"/>').format(_n(zero), _n(height))]
    if low is not None and high is not None:
        ends = (_MARGIN + scale.place(low, length), _MARGIN + scale.place(high, length))
        parts.append(
            Markup('<line class="line" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                _n(ends[0]), _n(middle), _n(ends[1]), _n(middle)
            )
        )
    parts.append(Markup('<circle class="point" cx="{}" cy="{}" r="4"/>').format(_n(at), _n(middle)))
    return _svg(width, height, label, Markup().join(parts), "interval")


def _runs(points: Sequence[DayPoint]) -> list[list[DayPoint]]:
    """Days in a row that have a band."""
    runs: list[list[DayPoint]] = []
    for point in points:
        if point.low is None or point.high is None:
            continue
        if runs and (point.day - runs[-1][-1].day).days == 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return [run for run in runs if len(run) > 1]


def _band(run: Sequence[DayPoint], x: Callable[[date], float], y: Callable[[float], float]) -> Markup:
    upper = [f"{_n(x(point.day))},{_n(y(point.high or 0.0))}" for point in run]
    lower = [f"{_n(x(point.day))},{_n(y(point.low or 0.0))}" for point in reversed(run)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join((*upper, *lower)))


def _grid(scale: Scale, y: Callable[[float], float], width: float) -> Markup:
    lines = [
        Markup(
            '<line class="grid" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/><text x="{3}" y="{4}" text-anchor="end">{5}</text>'
        ).format(_n(_LEFT), _n(y(value)), _n(width - _RIGHT), _n(_LEFT - 8), _n(y(value) + 4), show_figure(value))
        for value in _round_figures(scale)
    ]
    return Markup().join(lines)


def _days(points: Sequence[DayPoint], x: Callable[[date], float], height: float) -> Markup:
    every = -(-len(points) // _LABELS)
    labels = [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _n(min(max(x(point.day), _LEFT), _CHART[0] - 34)), _n(height - 8), f"{point.day:%m-%d}"
        )
        for point in points[::every]
    ]
    return Markup().join(labels)


def _round_figures(scale: Scale) -> list[float]:
    """A few round figures within a range."""
    span = scale.high / _LINES - scale.low / _LINES
    power = 10.0 ** math.floor(math.log10(span))
    step = next(each * power for each in _STEPS if each * power >= span)
    first = math.ceil(scale.low / step)
    found = [(first + number) * step for number in range(_LINES + 1)]
    return [float(f"{value:.12g}") for value in found if scale.low <= value <= scale.high and math.isfinite(value)]


def _line(places: Sequence[tuple[float, float] | None]) -> Markup:
    """A line through the places, broken where there is none."""
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    drawn = []
    for run in filter(None, runs):
        if len(run) == 1:
            drawn.append(Markup('<circle class="point" cx="{}" cy="{}" r="3"/>').format(_n(run[0][0]), _n(run[0][1])))
        else:
            drawn.append(Markup('<polyline class="line" points="{}"/>').format(" ".join(f"{_n(x)},{_n(y)}" for x, y in run)))
    return Markup().join(drawn)


def _svg(width: float, height: float, label: str, inside: Markup, kind: str) -> Markup:
    return Markup('<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>').format(
        kind, escape(label), _n(width), _n(height), _n(width), _n(height), inside
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
