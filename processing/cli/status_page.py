"""Where customers stand, as a person reads it on a terminal: first what needs somebody, with what to do, then the days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rich.console import Console

from processing.domain.attention.model import Attention
from processing.domain.stream_state import DayState, DayStatus
from processing.local.terminal import PlainTable, Terminal
from processing.views.model import CustomerStatus, InstallationStatus, StreamStatus

_SETTLED: Final = (DayState.PROCESSED, DayState.PROCESSED_EMPTY)
_LAST_DAYS: Final = 7
_NAMES_SHOWN: Final = 3


def print_status_page(console: Console, status: InstallationStatus) -> None:
    """Print of each customer what its config, uploads and streams need, and of each stream the days that are not done."""
    out = Terminal(console)
    for customer in status.customers:
        out.line(customer.customer, style="bold")
        if customer.unlistable is not None:
            out.line(f"  unlistable: {customer.unlistable}")
            continue
        _print_uploads(out, customer, status.at)
        _print_attention(out, customer.attention, indent="  ")
        for stream in customer.streams:
            _print_stream(out, stream)
    if status.misplaced_configs:
        out.line(f"configs that nobody reads, as only customers/<customer>.yaml is: {', '.join(status.misplaced_configs)}")
    if status.unlistable_configs is not None:
        out.line(f"configs: {status.unlistable_configs}")


def _print_uploads(out: Terminal, customer: CustomerStatus, now: datetime) -> None:
    uploads = customer.uploads
    if uploads is None:
        return
    text = f"  uploads: {uploads.answered:,} answered"
    if uploads.oldest_unanswered is not None:
        minutes = (now - uploads.oldest_unanswered).total_seconds() / 60
        text += f", {uploads.unanswered:,} without an answer, the oldest for {minutes:,.0f} minutes"
    if uploads.refused:
        text += f", {uploads.refused_count:,} of the answers refusals"
    out.line(text)


def _print_stream(out: Terminal, stream: StreamStatus) -> None:
    first = f"from {stream.first_day}" if stream.first_day else "first day not fixed yet"
    out.line(f"  {stream.dataset}: {first}, publication {stream.seq}")
    _print_attention(out, stream.attention, indent="    ")
    if stream.closed_days:
        out.line(f"    {stream.closed_days:,} older days are closed: their rows were given up, and their documents are final")
    last = stream.days[-_LAST_DAYS:]
    shown = [day for day in stream.days if day.state not in _SETTLED or day in last]
    if not shown:
        return
    headings = ("day", "state", "seq", "files", "rows", "waits for")
    out.table(PlainTable(headings=headings, numbers=frozenset(headings[2:5]), sections=[map(_cells, shown)]))


def _print_attention(out: Terminal, attention: Iterable[Attention], *, indent: str) -> None:
    for each in attention:
        out.line(f"{indent}! {each.message}")
        out.line(f"{indent}  {each.who}: {each.do}")


def _cells(day: DayStatus) -> tuple[str, ...]:
    state = f"{day.state} (late marker)" if day.late_marker else str(day.state)
    return day.day.isoformat(), state, str(day.seq or ""), f"{day.files:,}", f"{day.rows:,}", _reason(day)


def _reason(day: DayStatus) -> str:
    """What holds the day, or what happened to it last."""
    if day.error:
        return day.error
    if day.waiting_for:
        return _named(day.waiting_for)
    if day.history:
        return day.history[-1].cause if day.state not in _SETTLED else ""
    return "no marker" if day.state is DayState.OPEN else ""


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
