"""Prints what came out of the demo: files, days and a few totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processing.domain.receipts import Receipt
from processing.local.demo.results import CustomerResults
from processing.local.terminal import PlainTable, Terminal

_REASONS = 3


def print_report(out: Terminal, results: Sequence[CustomerResults], wrong: Sequence[str], seconds: float) -> None:
    """Print tables of files, days and metrics, and whether all of it is as expected."""
    out.table(_files(results))
    out.table(_days(results))
    out.table(_totals(results))
    out.table(_experiments(results))
    files = sum(len(each.customer.uploads) for each in results)
    rows = sum(upload.rows_read for each in results for upload in each.customer.uploads)
    out.line(f"{files} uploads with {rows:,} rows, from the first upload to the last published day: {seconds:.1f} s")
    if wrong:
        out.line(f"{len(wrong)} things are not as they must be:", style="bold red")
        for line in wrong:
            out.line(f"  {line}")
    else:
        out.line("Every receipt, row and total is what the generator knows it must be.", style="bold green")


def _files(results: Sequence[CustomerResults]) -> PlainTable:
    return PlainTable(
        title="Files: what each upload was answered",
        headings=("upload", "read", "accepted", "rejected", "status and top reasons"),
        numbers=frozenset({"read", "accepted", "rejected"}),
        sections=[[_file(receipt) for _, receipt in each.receipts] for each in results],
    )


def _file(receipt: Receipt) -> tuple[str, ...]:
    rows = receipt.rows
    counts = (f"{rows.read:,}", f"{rows.accepted:,}", f"{rows.rejected:,}")
    return f"drop-{receipt.customer}/{receipt.blob}", *counts, f"{receipt.status.value}{_reasons(receipt)}"


def _reasons(receipt: Receipt) -> str:
    reasons = [receipt.error.code] if receipt.error is not None else []
    reasons += [f"{rule.rule} {rule.count:,}" for rule in receipt.rules[:_REASONS]]
    return f": {', '.join(reasons)}" if reasons else ""


def _days(results: Sequence[CustomerResults]) -> PlainTable:
    return PlainTable(
        title="Days: where each one stands",
        headings=("stream", "day", "state", "seq", "files", "rows", "superseded"),
        numbers=frozenset({"seq", "files", "rows", "superseded"}),
        sections=map(_days_of, results),
    )


def _days_of(each: CustomerResults) -> Iterator[tuple[str, ...]]:
    for stream in each.streams:
        for day, record in stream.days.items():
            published = record.published
            counts = (published.seq, published.files, published.rows, published.superseded) if published else ()
            cells = (f"{stream.customer}/{stream.dataset}", day.isoformat(), record.state.value)
            yield *cells, *(f"{count:,}" for count in counts)


def _totals(results: Sequence[CustomerResults]) -> PlainTable:
    return PlainTable(
        title="Metrics: table metric_days on the last day",
        headings=("customer", "metric", "id type", "kind", "units", "count", "sum", "mean", "p90"),
        numbers=frozenset({"units", "count", "sum", "mean", "p90"}),
        sections=map(_totals_of, results),
    )


def _totals_of(each: CustomerResults) -> Iterator[tuple[str, ...]]:
    last = max(each.customer.days)
    for row in each.metric_days.sort("dataset", "metric_name", "id_type").iter_rows(named=True):
        if row["pst_date"] == last:
            figures = ("" if row[name] is None else f"{row[name]:,.2f}" for name in ("count", "sum", "mean", "p90"))
            yield each.customer.name, row["metric_name"], row["id_type"], row["kind"], f"{row['units']:,}", *figures


def _experiments(results: Sequence[CustomerResults]) -> PlainTable:
    return PlainTable(
        title="Experiments: table experiment_results through the last day, the groups that are compared with control",
        headings=("customer", "experiment", "metric", "kind", "units", "mean", "lift", "from", "to", "p"),
        numbers=frozenset({"units", "mean", "lift", "from", "to", "p"}),
        sections=map(_experiments_of, results),
    )


def _experiments_of(each: CustomerResults) -> Iterator[tuple[str, ...]]:
    rows = each.experiment_results
    for row in () if rows is None else rows.sort("experiment", "metric_name", "kind").iter_rows(named=True):
        if row["pst_date"] == max(each.customer.days) and not row["is_control"]:
            lift = ("" if row[name] is None else f"{row[name]:+.1%}" for name in ("lift", "lift_low", "lift_high"))
            figures = ("" if row[name] is None else f"{row[name]:,.3f}" for name in ("mean", "p_value"))
            mean, chance = figures
            yield (
                each.customer.name,
                row["experiment"],
                row["metric_name"],
                row["kind"],
                f"{row['units']:,}",
                mean,
                *lift,
                chance,
            )
