"""Prints what came out of the demo: files, days and a few totals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from processing.domain.records import Receipt
from processing.local.demo.results import CustomerResults

_REASONS = 3


def print_report(out: Console, results: Sequence[CustomerResults], wrong: Sequence[str], seconds: float) -> None:
    """Print tables of files, days and metrics, and whether all of it is as expected."""
    out.print(_files(results))
    out.print(_days(results))
    out.print(_totals(results))
    files = sum(len(each.customer.uploads) for each in results)
    rows = sum(upload.rows_read for each in results for upload in each.customer.uploads)
    out.print(f"{files} uploads with {rows:,} rows, from the first upload to the last published day: {seconds:.1f} s")
    if wrong:
        out.print(f"[bold red]{len(wrong)} things are not as they must be:[/]")
        for line in wrong:
            out.print(f"  {line}", markup=False)
    else:
        out.print("[bold green]Every receipt, row and total is what the generator knows it must be.[/]")


def _files(results: Sequence[CustomerResults]) -> Table:
    table = Table(title="Files: the current receipt of each upload", title_justify="left")
    for heading in ("customer", "upload", "status"):
        table.add_column(heading, overflow="fold")
    for heading in ("read", "accepted", "rejected"):
        table.add_column(heading, justify="right")
    table.add_column("top reasons", overflow="fold")
    for each in results:
        for receipt in each.receipts.values():
            if receipt.marks:
                continue
            rows = receipt.rows
            table.add_row(
                receipt.customer,
                receipt.blob,
                receipt.status.value,
                f"{rows.read:,}",
                f"{rows.accepted:,}",
                f"{rows.rejected:,}",
                _reasons(receipt),
            )
    return table


def _reasons(receipt: Receipt) -> str:
    if receipt.error is not None:
        return receipt.error.code
    return ", ".join(f"{rule.rule} {rule.count}" for rule in receipt.rules[:_REASONS])


def _days(results: Sequence[CustomerResults]) -> Table:
    table = Table(title="Days: the published state of each stream", title_justify="left")
    for heading in ("stream", "day", "state"):
        table.add_column(heading)
    for heading in ("publication", "files", "rows", "superseded"):
        table.add_column(heading, justify="right")
    for each in results:
        for stream in each.streams:
            for day, record in stream.days.items():
                published = record.published
                counts = (published.seq, published.files, published.rows, published.superseded) if published else ()
                name = f"{stream.customer}/{stream.dataset}"
                table.add_row(name, day.isoformat(), record.state.value, *(f"{count:,}" for count in counts))
    return table


def _totals(results: Sequence[CustomerResults]) -> Table:
    table = Table(title="Metrics: table metric_days on the last day", title_justify="left")
    for heading in ("customer", "metric", "kind"):
        table.add_column(heading)
    for heading in ("units", "sum", "mean", "p90"):
        table.add_column(heading, justify="right")
    for each in results:
        last = max(each.customer.days)
        for row in each.metric_days.sort("metric_name").iter_rows(named=True):
            if row["pst_date"] == last:
                figures = (f"{row['sum']:,.2f}", f"{row['mean']:,.4f}", f"{row['p90']:,.2f}")
                table.add_row(each.customer.name, row["metric_name"], row["kind"], f"{row['units']:,}", *figures)
    return table
