"""Rows over HTTP on loopback, with the local host and the emulator beside the clients on the same cores."""

from __future__ import annotations

from typing import Final

from benchmarks.goals import Goal
from benchmarks.measure import Contestant, compete
from benchmarks.scale import Scale
from benchmarks.suites import Figures, Findings
from benchmarks.suites.ingest import wrong
from processing.local.azurite.process import running_or_new

_CLIENTS: Final = 50
_ROWS: Final = 100
_LEAST_ROWS: Final = 5_000.0
_MOST_P99: Final = 0.5
_FLAT: Final = 1.1


def measure(scale: Scale) -> Findings:
    """Fifty clients of one customer, and the count of every row afterwards."""
    with running_or_new() as connection:
        task = {"connection": connection, "clients": _CLIENTS, "rows": _ROWS, "seconds": scale.http_seconds}
        right = {"lost": 0, "twice": 0, "not_in_receipts": 0, "refused": 0}
        contestant = Contestant(title="rows over HTTP", module="http_load", task=task, right=right)
        (measured,) = compete([contestant], 1, warm=False, on_progress=scale.on_progress)
    found, note = measured.found, wrong([measured])
    rate = found["rows"] / scale.http_seconds if found else None
    table = Figures(
        title=f"{_CLIENTS} clients with {_ROWS} rows a request for {scale.http_seconds:g} s",
        headings=("requests/s", "rows/s", "p50 s", "p99 s", "server MiB, early", "late", "lost", "twice", "not in receipts"),
        rows=(
            (
                found["requests"] / scale.http_seconds,
                rate,
                *(found[key] for key in ("p50", "p99", "early_mib", "late_mib", "lost", "twice", "not_in_receipts")),
            ),
        )
        if found
        else (),
    )
    growth = found["late_mib"] / found["early_mib"] if found else None
    return Findings(
        figures=[table],
        goals=[
            Goal(what="rows over HTTP", reached=rate, goal=_LEAST_ROWS, unit="rows/s", note=note),
            Goal(what="99 of 100 requests", reached=found.get("p99"), goal=_MOST_P99, unit="s", is_most=True, note=note),
            Goal(what="server's memory at the end", reached=growth, goal=_FLAT, unit="x", is_most=True, note=note),
        ],
    )
