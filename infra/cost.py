"""Estimates what an installation costs in a month, by resource: `python infra/cost.py --customers 10 --files-per-day 500`.

The counts follow the code; what they assume stands in docs/operators/cost.md. Prices are list prices as remembered when
they were dated, not looked up: check them against the Azure pricing page, and give your own by `--prices`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any, Final, get_type_hints

REGION: Final = "West Europe, US dollars, zone-redundant hot storage"
AS_OF: Final = date(2025, 6, 1)
DAYS: Final = 30
_HOURS: Final = 730
_MIB: Final = 1024**2
_PAGE: Final = 5_000
_FIRST_BYTES: Final = 256 * 1024
_INSTANCE_GB: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit costs, and when that was so."""

    amount: float
    unit: str
    as_of: date = AS_OF


PRICES: Final[Mapping[str, Price]] = {
    "blob_gb_month": Price(amount=0.0245, unit="GB stored for a month"),
    "blob_writes": Price(amount=0.0675, unit="10,000 writes"),
    "blob_lists": Price(amount=0.0675, unit="10,000 listings"),
    "blob_reads": Price(amount=0.0054, unit="10,000 reads"),
    "event_operations": Price(amount=0.60, unit="1,000,000 Event Grid operations"),
    "queue_operations": Price(amount=0.004, unit="10,000 queue operations"),
    "flex_gb_seconds": Price(amount=0.000026, unit="GB-second, on demand"),
    "flex_executions": Price(amount=0.40, unit="1,000,000 executions, on demand"),
    "log_gb": Price(amount=2.99, unit="GB of logs taken in"),
    "log_alerts": Price(amount=0.50, unit="log alert rule for a month"),
    "metric_alerts": Price(amount=0.10, unit="time series of a metric alert for a month"),
    "private_endpoint_hours": Price(amount=0.01, unit="hour of a private endpoint"),
    "private_gb": Price(amount=0.01, unit="GB through private endpoints"),
    "nat_hours": Price(amount=0.05, unit="hour of the NAT gateway with its address"),
    "nat_gb": Price(amount=0.045, unit="GB through the NAT gateway"),
    "dns_zones": Price(amount=0.50, unit="private DNS zone for a month"),
}
_PACKS: Final = {"10,000": 10_000, "1,000,000": 1_000_000}

Usage = Counter[str]
"""Quantities by the key of their price, in single units."""


def _says(text: str, default: Any) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of an installation; each field is an option of the command line."""

    customers: int = _says("customers", 10)
    files_per_day: float = _says("uploads of each customer in a day", 500.0)
    rows_per_file: float = _says("rows of an upload", 200_000.0)
    bytes_per_row: float = _says("bytes of a row as uploaded", 56.0)
    days_per_file: float = _says("different days in an upload; each is a staged part", 1.0)
    streams: int = _says("streams of a customer that are in use, 1 to 3; files are spread over them", 1)
    megabytes_per_second: float = _says("what one instance takes in or computes", 40.0)
    seconds_per_file: float = _says("of an upload, besides its bytes", 0.5)
    listing_seconds: float = _says("to list 10,000 blobs with metadata; names alone take half", 1.1)
    rejecting_share: float = _says("share of uploads with rejected rows", 0.1)
    staged_ratio: float = _says("bytes staged, or published, for each byte uploaded", 0.35)
    history_days: int = _says("published days that the tables hold; they are never deleted", 365)
    keep_uploads_days: int = _says("keepUploadsDays", 30)
    keep_receipts_days: int = _says("keepReceiptsDays", 400)
    keep_staged_days: int = _says("keepStagedDays", 60)
    undo_days: int = _says("undoDays", 7)
    sweep_minutes: float = _says("minutes between two sweeps", 10.0)
    look_minutes: float = _says("minutes between two looks at days", 5.0)
    kilobytes_per_log: float = _says("of logs for each run of a function", 7.0)
    private: bool = _says("networkMode private", False)


def by_files(load: Load) -> Usage:
    """What each upload costs: twice the files, twice this."""
    size = load.rows_per_file * load.bytes_per_row
    gigabytes, files = size / 1000**3, load.customers * load.files_per_day * DAYS
    blocks = 1 if size <= 256 * _MIB else ceil(size / (8 * _MIB)) + 1
    parts = load.days_per_file * max(1, ceil(load.rows_per_file / 1_000_000))
    # Look, with the bytes of a small file; receipt, 16 MiB ranges, the first bytes once more beyond 64 MiB, look again; the
    # receipt once more by the sweep or a cut, by its day, before the upload is deleted, and before it is deleted itself; and it
    # and the upload when that is gone, by retention at the latest.
    reads = 9 + (ceil(size / (16 * _MIB)) if size > _FIRST_BYTES else 0) + (size > 64 * _MIB)
    seconds = max(1.0, size / load.megabytes_per_second / 1000**2 + load.seconds_per_file)
    day_seconds = load.staged_ratio * size / load.megabytes_per_second / 1000**2
    # Published days keep their rows; staged rows and uploads wait for retention, and for as long as they can be undone.
    staged = load.staged_ratio * (load.keep_staged_days + load.undo_days + load.history_days)
    kept = gigabytes * (load.keep_uploads_days + load.undo_days + staged) + 4e-6 * load.keep_receipts_days
    each = {
        "blob_gb_month": kept / DAYS,
        # The receipt, notes of the work and of what it changes, and the receipt again when the upload is gone.
        # Rejected rows, and the fix file.
        "blob_writes": blocks + 4 + 2 * load.rejecting_share + parts,
        "blob_reads": reads + parts,
        # Published, matched and delivered; receipts, rejected rows and fix files are published too, and match nothing.
        "event_operations": 3 + 2 + 2 * load.rejecting_share,
        # Put, received and deleted; and the job of a small file asks for another one.
        "queue_operations": 4,
        "flex_gb_seconds": _INSTANCE_GB * (seconds + day_seconds),
        "flex_executions": 1,
        "log_gb": load.kilobytes_per_log / 1000**2,
        "private_gb": gigabytes * (1 + 3 * load.staged_ratio) if load.private else 0,
    }
    return Usage({key: amount * files for key, amount in each.items()})


def by_days(load: Load) -> Usage:
    """What a day with files costs besides each of them: sweeps that find some, and publishing a day of each stream."""
    days, sweeps = load.customers * DAYS * load.streams, DAYS * 24 * 60 / load.sweep_minutes
    # The index of files is written with whatever is new; which uploads are answered, and which bytes they hold, once a
    # thousandth is.
    files = load.files_per_day * DAYS
    found = min(sweeps, files) + 2 * min(sweeps, files / (load.files_per_day * load.keep_uploads_days // 1_000 + 1))
    return Usage(
        {
            "blob_lists": days * 40,
            # The tables' logs are most of it.
            "blob_reads": days * 120,
            "blob_writes": days * 20 + load.customers * found,
            "queue_operations": days * 3,
            "flex_executions": days,
            "flex_gb_seconds": _INSTANCE_GB * days * 5,
            "log_gb": days * load.kilobytes_per_log / 1000**2,
        }
    )


def by_customers(load: Load) -> Usage:
    """What each customer costs standing still: each sweep, look and night is a message, and its run takes a second at least."""
    if not load.customers:
        return Usage()
    uploads, receipts = load.files_per_day * load.keep_uploads_days, load.files_per_day * load.keep_receipts_days
    staged = load.files_per_day * load.days_per_file * load.keep_staged_days
    streams, weeks = load.streams, DAYS / 7
    hours = 24 * DAYS * streams
    sweeps, rounds = DAYS * 24 * 60 / load.sweep_minutes, DAYS * 24 * 60 / load.look_minutes
    # A stream at rest is looked at once an hour; a day that is marked ends its rest.
    looks = streams * DAYS * (24 + 3)
    runs = sweeps + looks + DAYS
    # The timer's own run is billed for a second at least, in which it asks of some thirty customers.
    round_seconds = max(0.0, 0.03 - 1 / load.customers)
    each_name = load.listing_seconds / 10_000 / 2
    sweep_seconds = max(1.0, 0.1 + each_name * uploads)
    # Once a week everything is listed by the sweep, by a look and for superseded parts, receipts with what they tell; at night
    # the names of receipts once, of uploads twice.
    all_seconds = each_name * (6 * receipts + uploads + staged)
    night_seconds = max(1.0, each_name * (receipts + 2 * uploads + staged))
    all_lists = 2 * _pages(uploads, streams) + 3 * _pages(receipts, streams) + _pages(staged, streams)
    night_lists = 2 * _pages(uploads) + _pages(receipts) + _pages(staged, streams) + 20
    each = {
        "blob_lists": sweeps * (1 + _pages(uploads)) + rounds + looks * 3 + weeks * all_lists + DAYS * night_lists,
        # Every hour one part and its receipt are asked for.
        "blob_reads": sweeps * (2 + streams) + rounds * 3 + looks * 2 + hours * 3,
        "blob_writes": hours,
        "queue_operations": 3 * runs,
        "flex_executions": runs,
        "flex_gb_seconds": _INSTANCE_GB
        * (sweeps * sweep_seconds + rounds * round_seconds + looks * 1.0 + weeks * all_seconds + DAYS * night_seconds),
        "log_gb": runs * load.kilobytes_per_log / 1000**2,
    }
    return Usage({key: amount * load.customers for key, amount in each.items()})


def _pages(blobs: float, listings: int = 1) -> int:
    """Requests to list so many blobs, in so many listings."""
    return listings * max(1, ceil(blobs / listings / _PAGE))


def fixed(load: Load) -> Usage:
    """What is there without any customer: timers, asking three queues every ten seconds, alerts, the network."""
    sweeps = DAYS * 24 * 60 / load.sweep_minutes
    runs = sweeps + DAYS * 24 * 60 / load.look_minutes + DAYS
    network = {"private_endpoint_hours": 5 * _HOURS, "nat_hours": _HOURS, "dns_zones": 3} if load.private else {}
    logs = runs * load.kilobytes_per_log / 1000**2
    return Usage(
        {
            # The sweep's timer also asks who sends rows over HTTP.
            "blob_lists": 2 * runs + sweeps,
            # Each run also looks twice at each queue, to tell how full it is.
            "queue_operations": 3 * DAYS * 24 * 360 + 7 * runs,
            "flex_executions": runs,
            "flex_gb_seconds": _INSTANCE_GB * runs,
            "log_gb": logs,
            "nat_gb": logs if load.private else 0,
            "log_alerts": 16,
            "metric_alerts": 9,
            **network,
        }
    )


def cost(usage: Usage, prices: Mapping[str, Price] = PRICES) -> dict[str, float]:
    """Dollars by the key of the price."""
    return {key: usage[key] / _PACKS.get(price.unit.partition(" ")[0], 1) * price.amount for key, price in prices.items()}


def read_prices(path: Path) -> dict[str, Price]:
    """The table with the prices of a JSON file, `{"as_of": "2026-11-01", "prices": {"log_gb": 2.5}}`; ValueError when wrong."""
    loaded = json.loads(path.read_text(encoding="utf-8"))
    as_of, own = date.fromisoformat(loaded["as_of"]), dict(loaded["prices"])
    if unknown := sorted(set(own) - set(PRICES)):
        raise ValueError(f"no price is called {', '.join(unknown)}: there are {', '.join(PRICES)}")
    return {**PRICES, **{key: Price(amount=float(own[key]), unit=PRICES[key].unit, as_of=as_of) for key in own}}


def table(load: Load, prices: Mapping[str, Price]) -> str:
    """The estimate as text, one line for each resource, with the date of each price."""
    parts = [cost(of(load), prices) for of in (by_files, by_days, by_customers, fixed)]
    lines = [f"{'dollars a month':24}{'files':>12}{'days':>12}{'customers':>12}{'fixed':>12}{'together':>12}  price of"]
    for key, price in prices.items():
        amounts = [part[key] for part in parts]
        row = "".join(f"{amount:12,.2f}" for amount in (*amounts, sum(amounts)))
        lines.append(f"{key:24}{row}  {price.as_of} ({price.amount:g} for {price.unit})")
    sums = [sum(part.values()) for part in parts]
    lines.append(f"{'together':24}" + "".join(f"{amount:12,.2f}" for amount in (*sums, sum(sums))))
    note = f"List prices, {REGION}, as remembered and not looked up: check them against the Azure pricing page."
    return "\n".join([*lines, "", note, "Free allowances, taxes and discounts are left out.", ""])


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = get_type_hints(Load)
    for each in fields(Load):
        kind: dict[str, Any] = {"action": "store_true"} if each.type == "bool" else {"type": kinds[each.name]}
        help_text = f"{each.metadata['help']} ({each.default})"
        parser.add_argument(f"--{each.name.replace('_', '-')}", help=help_text, default=each.default, **kind)
    parser.add_argument("--prices", type=Path, help="JSON with prices of your own and their date")
    return parser


def main() -> int:
    """Print the estimate; 2 when the prices cannot be used."""
    given = vars(_arguments().parse_args())
    path = given.pop("prices")
    try:
        prices = PRICES if path is None else read_prices(path)
    except (KeyError, OSError, TypeError, ValueError) as error:
        sys.stderr.write(f"cost: the prices cannot be used: {error}\n")
        return 2
    sys.stdout.write(table(Load(**given), prices))
    return 0


if __name__ == "__main__":
    sys.exit(main())
