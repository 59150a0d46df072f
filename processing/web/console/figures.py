"""How names, times and figures are written on a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

from processing.domain.printable import printable

LONGEST_NAME: Final = 1_024
"""Characters that are shown of one text."""
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB")
_STEP: Final = 1_024
_LARGEST: Final = 1e15
"""From which on a whole number is written with an exponent."""


def show_name(name: object) -> Markup:
    """A customer's text: escaped, with what is no visible character spelt out, and kept from turning the text around it."""
    return Markup("<bdi>{}</bdi>").format(printable(str(name), most=LONGEST_NAME))


def show_time(instant: datetime | None) -> Markup:
    """An instant, to the second and in UTC."""
    if instant is None:
        return Markup("-")
    return Markup('<time datetime="{0:%Y-%m-%dT%H:%M:%SZ}">{0:%Y-%m-%d %H:%M:%S} UTC</time>').format(_Formatted(instant))


def show_span(span: timedelta) -> str:
    """How long something lasted, in the largest unit that it fills."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if (count := int(span.total_seconds() // seconds)) >= 1:
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def show_figure(value: float | None) -> str:
    """A figure with the digits that matter."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if abs(value) < _LARGEST and value == int(value):
        return f"{int(value):,}"
    return f"{value:,.6g}"


def show_size(size: int) -> str:
    """Bytes as people say it."""
    value = float(size)
    for unit in _UNITS:
        if value < _STEP or unit == _UNITS[-1]:
            break
        value /= _STEP
    return f"{value:,.0f} {unit}" if unit == _UNITS[0] else f"{value:,.1f} {unit}"


class _Formatted:
    """Lets markup write an instant by a format of its own."""

    def __init__(self, instant: datetime | date) -> None:
        self._instant = instant

    def __html_format__(self, form: str) -> Markup:
        return escape(format(self._instant, form))
