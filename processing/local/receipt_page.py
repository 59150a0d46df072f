"""A receipt as a person reads it on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from processing.domain.records import BrokenRule, Receipt


def print_receipt(out: Console, receipt: Receipt) -> None:
    """Print status, counts, days, broken rules with examples, and warnings."""
    kind = f" ({receipt.format})" if receipt.format else ""
    out.print(f"{receipt.blob}{kind}: {receipt.status.value}", style="bold", markup=False, highlight=False)
    if receipt.error is not None:
        out.print(f"{receipt.error.code}: {receipt.error.message}", markup=False, highlight=False)
    rows = receipt.rows
    counts = f"{rows.read:,} read, {rows.accepted:,} accepted, {rows.rejected:,} rejected, {rows.filtered:,} filtered"
    out.print(f"rows: {counts}", highlight=False)
    for day, count in receipt.days.items():
        out.print(f"  {day.isoformat()}  {count:,}", highlight=False)
    if receipt.rules:
        out.print(_rules(receipt.rules))
    for warning in receipt.warnings:
        out.print(f"warning {warning.code} ({warning.count:,}): {warning.message}", markup=False, highlight=False)


def _rules(rules: tuple[BrokenRule, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("rule", "column", "rows", "first at", "value", "what to do"):
        table.add_column(heading, overflow="fold")
    for rule in rules:
        first = rule.examples[0]
        place = f"line {first.line:,}" if first.line is not None else f"record {first.record:,}"
        # Customers' values are shown as they are, never read as markup.
        cells = (rule.rule, rule.column or "", f"{rule.count:,}", place, repr(first.value or ""), rule.hint)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    return table
