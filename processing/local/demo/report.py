"""Prints what came out of the demo: files, days and a few totals."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
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
    table = _table("Files: what each upload was answered")
    table.add_column("upload", overflow="fold", ratio=3)
    for heading in ("read", "accepted", "rejected"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status and top reasons", overflow="fold", ratio=2)
    for each in results:
        table.add_section()
        for _, receipt in each.receipts:
            rows = receipt.rows
            counts = (f"{rows.read:,}", f"{rows.accepted:,}", f"{rows.rejected:,}")
            table.add_row(f"drop-{receipt.customer}/{receipt.blob}", *counts, f"{receipt.status.value}{_reasons(receipt)}")
    return table


def _reasons(receipt: Receipt) -> str:
    reasons = [receipt.error.code] if receipt.error is not None else []
    reasons += [f"{rule.rule} {rule.count:,}" for rule in receipt.rules[:_REASONS]]
    return f": {', '.join(reasons)}" if reasons else ""


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _days(results: Sequence[CustomerResults]) -> Table:
    table = _table("Days: where each one stands")
    for heading in ("stream", "day", "state"):
        table.add_column(heading)
    for heading in ("seq", "files", "rows", "superseded"):
        table.add_column(heading, justify="right")
    for each in results:
        table.add_section()
        for stream in each.streams:
            for day, record in stream.days.items():
                published = record.published
                counts = (published.seq, published.files, published.rows, published.superseded) if published else ()
                name = f"{stream.customer}/{stream.dataset}"
                table.add_row(name, day.isoformat(), record.state.value, *(f"{count:,}" for count in counts))
    return table


def _totals(results: Sequence[CustomerResults]) -> Table:
    table = _table("Metrics: table metric_days on the last day")
    for heading in ("customer", "metric", "id type", "kind"):
        table.add_column(heading)
    for heading in ("units", "count", "sum", "mean", "p90"):
        table.add_column(heading, justify="right")
    for each in results:
        table.add_section()
        last = max(each.customer.days)
        for row in each.metric_days.sort("dataset", "metric_name", "id_type").iter_rows(named=True):
            if row["pst_date"] == last:
                shown = ("count", "sum", "mean", "p90")
                figures = tuple("" if row[name] is None else f"{row[name]:,.2f}" for name in shown)
                table.add_row(
                    each.customer.name, row["metric_name"], row["id_type"], row["kind"], f"{row['units']:,}", *figures
                )
    return table
