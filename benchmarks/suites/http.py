"""Rows over HTTP on loopback, with the local host and the emulator beside the clients on the same cores."""

from __future__ import annotations

from typing import Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, Measured, compete
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from benchmarks.suites.ingest import wrong
from processing.local.azurite.process import running_or_new

_CLIENTS: Final = 50
_ROWS: Final = 100
_PACE: Final = 5_000
"""Rows a second that are asked for."""
_LEAST_ROWS: Final = 5_000.0
_MOST_P99: Final = 0.5
_FLAT: Final = 1.1
_SHOWN: Final = ("p50", "p99", "early_mib", "late_mib", "lost", "twice", "not_in_receipts")


def measure(scale: Scale) -> Findings:
    """Fifty clients of one customer, first at a pace and then without one, and the count of every row afterwards."""
    paced = _load(scale, _PACE)
    fast = _load(scale, None)
    rate = fast.found["rows"] / scale.http_seconds if fast.found else None
    growth = fast.found["late_mib"] / fast.found["early_mib"] if fast.found else None
    table = Figures(
        title=f"{_CLIENTS} clients with {_ROWS} rows a request for {scale.http_seconds:g} s",
        headings=(
            "",
            "requests/s",
            "rows/s",
            "p50 s",
            "p99 s",
            "server MiB, early",
            "late",
            "lost",
            "twice",
            "not in receipts",
        ),
        rows=tuple(
            (title, each["requests"] / scale.http_seconds, each["rows"] / scale.http_seconds, *(each[key] for key in _SHOWN))
            for title, each in ((f"{_PACE:,} rows/s", paced.found), ("as fast as they can", fast.found))
            if each
        ),
    )
    p99, note = paced.found.get("p99"), wrong([fast])
    return Findings(
        figures=[table],
        goals=[
            Goal(what="rows over HTTP", reached=rate, goal=_LEAST_ROWS, unit="rows/s", note=note),
            Goal(
                what=f"99 of 100 requests at {_PACE:,} rows/s",
                reached=p99,
                goal=_MOST_P99,
                unit="s",
                is_most=True,
                note=wrong([paced]),
            ),
            Goal(what="server's memory at the end", reached=growth, goal=_FLAT, unit="x", is_most=True, note=note),
        ],
    )


def _load(scale: Scale, pace: int | None) -> Measured:
    with running_or_new() as connection:
        task = {"connection": connection, "clients": _CLIENTS, "rows": _ROWS, "seconds": scale.http_seconds, "pace": pace}
        right = {"lost": 0, "twice": 0, "not_in_receipts": 0, "refused": 0}
        title = "rows over HTTP" if pace is None else f"{pace:,} rows a second over HTTP"
        contestant = Contestant(title=title, module="http_load", task=task, right=right)
        (measured,) = compete([contestant], 1, warm=False, on_progress=scale.on_progress)
    return measured
