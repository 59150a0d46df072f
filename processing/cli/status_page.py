"""Where customers stand, as a person reads it on a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Console

from processing.domain.stream_state import DayState, DayStatus
from processing.local.terminal import PlainTable, Terminal
from processing.views import CustomerStatus, InstallationStatus, StreamStatus

_SETTLED: Final = (DayState.PROCESSED, DayState.PROCESSED_EMPTY)
_LAST_DAYS: Final = 7
_NAMES_SHOWN: Final = 3


def print_status_page(console: Console, status: InstallationStatus) -> None:
    """Print each customer: uploads without an answer, and of each stream the days that are not done and the last ones."""
    out = Terminal(console)
    for customer in status.customers:
        out.line(customer.customer, style="bold")
        if customer.unlistable is not None:
            out.line(f"  unlistable: {customer.unlistable}")
            continue
        _print_uploads(out, customer, status.at)
        for stream in customer.streams:
            _print_stream(out, stream)


def _print_uploads(out: Terminal, customer: CustomerStatus, now: datetime) -> None:
    uploads = customer.uploads
    if uploads is None:
        return
    text = f"  uploads: {uploads.answered:,} answered"
    if uploads.oldest_unanswered is not None:
        minutes = (now - uploads.oldest_unanswered).total_seconds() / 60
        text += f", {uploads.unanswered:,} without an answer, the oldest for {minutes:,.0f} minutes"
    out.line(text)
    if uploads.failed:
        out.line(f"  failed, tried again: {_named(uploads.failed)}")


def _print_stream(out: Terminal, stream: StreamStatus) -> None:
    first = f"from {stream.first_day}" if stream.first_day else "first day not fixed yet"
    out.line(f"  {stream.dataset}: {first}, publication {stream.seq}")
    if stream.stopped is not None:
        out.line(f"  stands still: {stream.stopped}")
    last = stream.days[-_LAST_DAYS:]
    shown = [day for day in stream.days if day.state not in _SETTLED or day in last]
    if not shown:
        return
    headings = ("day", "state", "seq", "files", "rows", "waits for")
    out.table(PlainTable(headings=headings, numbers=frozenset(headings[2:5]), sections=[map(_cells, shown)]))


def _cells(day: DayStatus) -> tuple[str, ...]:
    state = f"{day.state} (late marker)" if day.late_marker else str(day.state)
    return day.day.isoformat(), state, str(day.seq or ""), f"{day.files:,}", f"{day.rows:,}", _reason(day)


def _reason(day: DayStatus) -> str:
    """What holds the day, or what happened to it last."""
    if day.error:
        return day.error
    if day.waiting_for:
        return _named(day.waiting_for)
    return day.history[-1].cause if day.history and day.state not in _SETTLED else ""


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
