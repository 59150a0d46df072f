"""Where customers stand, as a person reads it on a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from processing.domain.records import DayState, DayStatus
from processing.views import CustomerStatus, Status, StreamStatus

_SETTLED: Final = (DayState.PROCESSED, DayState.PROCESSED_EMPTY)
_LAST_DAYS: Final = 7
_NAMES_SHOWN: Final = 3


def print_status_page(out: Console, status: Status) -> None:
    """Print each customer: uploads without an answer, and of each stream the days that are not done and the last ones."""
    for customer in status.customers:
        out.print(customer.customer, style="bold", markup=False, highlight=False)
        if customer.unlistable is not None:
            out.print(f"  unlistable: {customer.unlistable}", markup=False, highlight=False)
            continue
        _print_uploads(out, customer, status.at)
        for stream in customer.streams:
            _print_stream(out, stream)


def _print_uploads(out: Console, customer: CustomerStatus, now: datetime) -> None:
    uploads = customer.uploads
    if uploads is None:
        return
    text = f"  uploads: {uploads.answered:,} answered"
    if uploads.oldest_unanswered is not None:
        minutes = (now - uploads.oldest_unanswered).total_seconds() / 60
        text += f", {uploads.unanswered:,} without an answer, the oldest for {minutes:,.0f} minutes"
    out.print(text, markup=False, highlight=False)
    if uploads.failed:
        out.print(f"  failed, tried again: {_named(uploads.failed)}", markup=False, highlight=False)


def _print_stream(out: Console, stream: StreamStatus) -> None:
    first = f"from {stream.first_day}" if stream.first_day else "first day not fixed yet"
    out.print(f"  {stream.dataset}: {first}, publication {stream.seq}", markup=False, highlight=False)
    if stream.stopped is not None:
        out.print(f"  stands still: {stream.stopped}", markup=False, highlight=False)
    last = stream.days[-_LAST_DAYS:]
    shown = [day for day in stream.days if day.state not in _SETTLED or day in last]
    if not shown:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("day", "state", "seq", "files", "rows", "waits for"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("seq", "files", "rows") else "left")
    for day in shown:
        cells = (
            day.day.isoformat(),
            f"{day.state} (late marker)" if day.late_marker else str(day.state),
            str(day.seq or ""),
            f"{day.files:,}",
            f"{day.rows:,}",
            _reason(day),
        )
        # Names are the customer's: they are shown as they are, never read as markup.
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    out.print(table)


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
