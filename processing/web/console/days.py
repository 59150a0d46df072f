"""Days: a calendar for each stream, and the page of one day (contract section 6)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from processing.domain.datasets import STREAM_DATASETS, Dataset
from processing.domain.days import days_beside, parse_day
from processing.domain.receipts import MASKED
from processing.domain.streams import Stream
from processing.views.calendar import StreamCalendar, calendars
from processing.views.days import DayDetails, day_details
from processing.web.console.addresses import HOME
from processing.web.console.masks import masks_of
from processing.web.console.pages import render
from processing.web.console.states import DAY_LEGEND, look_of_day
from processing.web.console.visits import Visit
from processing.web.masks import Masks
from processing.web.problems import Refused

_MONTHS: Final = 2
_NEEDS: Final = 10
"""Of one stream."""
_TOTALS: Final = 200
_YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class _Month:
    first: date
    weeks: list[list[date | None]]


def show_days(visit: Visit) -> Response:
    """Every stream of the customer in two months, and what its days need."""
    context = visit.services.context
    today = context.zone.day_of(visit.services.now())
    last = _month_of(visit.text("through"), today)
    first = _months_before(last, _MONTHS - 1)
    end = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    found = calendars(context, visit.customer, first=first, last=end)
    return render(
        "days.html",
        customer=visit.customer,
        here=HOME,
        streams=found,
        months=[_month(first), _month(last)],
        needs=[(each.dataset, day, told) for each in found for day, told in _needs(each)],
        look=look_of_day,
        looks=DAY_LEGEND,
        today=today,
        zone=context.zone.name,
        earlier=_months_before(last, _MONTHS) if any(each.earlier for each in found) else None,
        later=_months_before(last, -_MONTHS) if last < today.replace(day=1) else None,
    )


def show_day(visit: Visit) -> Response:
    """One day: what it waits for and what to do about it, its files, and what became of it."""
    dataset, text = visit.text("dataset"), visit.text("day")
    day = parse_day(text or "")
    details: DayDetails | None = None
    if day is not None and dataset in STREAM_DATASETS:
        details = day_details(visit.services.context, Stream(visit.customer, Dataset(dataset)), day)
    if details is None:
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing of such a day")
    totals = (details.difference or {}).get("totals") or []
    return render(
        "day.html",
        customer=visit.customer,
        details=details,
        day=details.status,
        record=details.record,
        look=look_of_day(details.status.state, late_marker=details.status.late_marker),
        looks=look_of_day,
        waits=_waits(details),
        totals=[(_key(each, details.status.dataset, masks_of(visit)), _figures(each)) for each in totals[:_TOTALS]],
        beside=[each for each in days_beside(details.status.day) if each is not None],
    )


def _needs(stream: StreamCalendar) -> Iterator[tuple[date, str]]:
    """The first days that something stands in the way of."""
    told = ((day, each.needs) for day, each in stream.days.items() if each.needs is not None)
    for number, (day, needs) in enumerate(told):
        if number == _NEEDS:
            return
        yield day, needs


def _waits(details: DayDetails) -> list[str]:
    """Names and reasons that the day waits for, each once."""
    record = details.record
    names = (*record.waiting_for, *(record.cut or ()), *(each.name for each in record.expected_files))
    return list(dict.fromkeys(names))[:_TOTALS]


def _key(total: dict[str, object], dataset: Dataset, masks: Masks) -> str:
    """What a total is of: its names without its figures, masked as the config says."""
    hides = masks.hides_names(dataset)
    return " / ".join(
        MASKED if hides and name == "metric_name" else masks.shown(str(value), name)
        for name, value in total.items()
        if name not in ("before", "after")
    )


def _figures(total: dict[str, object]) -> list[tuple[str, object, object]]:
    """Each figure that differs, before and after."""
    before, after = total.get("before") or {}, total.get("after") or {}
    assert isinstance(before, dict)  # noqa: S101 - the document is ours
    assert isinstance(after, dict)  # noqa: S101 - likewise
    names = dict.fromkeys((*before, *after))
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def _month(first: date) -> _Month:
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    return _Month(first, [[day if day.month == first.month else None for day in week] for week in weeks])


def _month_of(text: str | None, today: date) -> date:
    """The first day of the month that is named so, YYYY-MM; this month where none is."""
    day = parse_day(f"{text}-01") if text else None
    is_near = day is not None and abs(day.year - today.year) <= _YEAR
    return day if day is not None and is_near else today.replace(day=1)


def _months_before(month: date, count: int) -> date:
    number = month.year * _YEAR + month.month - 1 - count
    return date(number // _YEAR, number % _YEAR + 1, 1)
