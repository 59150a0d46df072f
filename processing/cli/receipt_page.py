"""A receipt as a person reads it on a terminal."""

from __future__ import annotations

from rich.console import Console

from processing.domain.receipts import BrokenRule, Receipt
from processing.local.terminal import PlainTable, Terminal


def print_receipt(console: Console, receipt: Receipt) -> None:
    """Print status, counts, days, broken rules with examples, and warnings."""
    out = Terminal(console)
    kind = f" ({receipt.format})" if receipt.format else ""
    out.line(f"{receipt.blob}{kind}: {receipt.status.value}", style="bold")
    if receipt.error is not None:
        out.line(f"{receipt.error.code}: {receipt.error.message}")
    rows = receipt.rows
    counts = f"{rows.read:,} read, {rows.accepted:,} accepted, {rows.rejected:,} rejected, {rows.filtered:,} filtered"
    out.line(f"rows: {counts}")
    for day, count in receipt.days.items():
        out.line(f"  {day.isoformat()}  {count:,}")
    if receipt.rules:
        out.table(_rules(receipt.rules))
    for warning in receipt.warnings:
        out.line(f"warning {warning.code} ({warning.count:,}): {warning.message}")


def _rules(rules: tuple[BrokenRule, ...]) -> PlainTable:
    return PlainTable(headings=("rule", "column", "rows", "first at", "value", "what to do"), sections=[map(_cells, rules)])


def _cells(rule: BrokenRule) -> tuple[str, ...]:
    first = rule.examples[0]
    place = f"line {first.line:,}" if first.line is not None else f"record {first.record:,}"
    return rule.rule, rule.column or "", f"{rule.count:,}", place, repr(first.value or ""), rule.hint
