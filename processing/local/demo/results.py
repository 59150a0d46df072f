"""What came out for a sample customer, and where it differs from what had to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from processing import wiring
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.receipts import Receipt
from processing.domain.stream_state import StreamState
from processing.local.demo.behaviour import group_of
from processing.local.demo.samples import SampleCustomer, SampleFile
from processing.settings import load_settings
from processing.stored.context import JobContext
from processing.views import documents


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerResults:
    """All that a customer was given."""

    customer: SampleCustomer
    receipts: list[tuple[SampleFile, Receipt]]
    """Each upload and the receipt it got, also those that a later upload of the same name replaced."""
    streams: list[StreamState]
    metric_rows: pl.DataFrame
    """The table, read as any Delta reader does."""
    metric_days: pl.DataFrame
    event_units: pl.DataFrame | None
    first_exposures: pl.DataFrame | None
    experiment_results: pl.DataFrame | None
    """These three are None for a customer without events and exposures."""


def read_results(
    context: JobContext, customer: SampleCustomer, replaced: Sequence[tuple[SampleFile, Receipt]]
) -> CustomerResults:
    """Read everything that came out for a customer; `replaced` are receipts that are no longer current."""
    current = {receipt.blob: receipt for receipt in documents.receipts(context.drop, customer.name)}
    earlier = {upload.data: receipt for upload, receipt in replaced if receipt.customer == customer.name}
    settings = load_settings()
    container = blob_names.results_container(customer.name)
    # An emulator that outlives the demo still holds the days of earlier runs.
    its_days = pl.col("pst_date").is_in(list(customer.days))

    def table(name: str) -> pl.DataFrame:
        return wiring.read_table(settings, container, name).filter(its_days)

    return CustomerResults(
        customer=customer,
        receipts=[(upload, earlier.get(upload.data, current[upload.name])) for upload in customer.uploads],
        streams=documents.streams(context.lake, customer.name),
        metric_rows=table("metric_rows"),
        metric_days=table("metric_days"),
        event_units=table("event_units") if Dataset.EVENTS in customer.datasets else None,
        first_exposures=table("first_exposures") if Dataset.EXPOSURES in customer.datasets else None,
        experiment_results=table("experiment_results") if Dataset.EXPERIMENTS in customer.datasets else None,
    )


def differences(results: CustomerResults) -> Iterator[str]:
    """Each difference from what the generator knows, in a sentence."""
    yield from _receipt_differences(results)
    yield from _row_differences(results)
    yield from _total_differences(results)
    yield from _behaviour_differences(results)
    if results.experiment_results is not None:
        yield from _experiment_differences(results, results.experiment_results)


def _receipt_differences(results: CustomerResults) -> Iterator[str]:
    for expected, receipt in results.receipts:
        found = (receipt.status.value, receipt.rows.read, receipt.rows.accepted)
        if found != (expected.status, expected.rows_read, expected.accepted):
            wanted = (expected.status, expected.rows_read, expected.accepted)
            yield f"receipt of {results.customer.name}/{expected.name}: {found}, expected {wanted}"
        rules: Counter[str] = Counter()
        for rule in receipt.rules:
            rules[rule.rule] += rule.count
        if rules != expected.rules:
            yield f"rules of {results.customer.name}/{expected.name}: {dict(rules)}, expected {dict(expected.rules)}"


def _row_differences(results: CustomerResults) -> Iterator[str]:
    found = {
        (row["pst_date"], row["unit_id"], row["metric_name"]): (row["metric_value"], row["numerator"], row["denominator"])
        for row in results.metric_rows.iter_rows(named=True)
    }
    expected = {
        (day, unit, metric): tuple(
            float(row[name]) if row[name] else None for name in ("metric_value", "numerator", "denominator")
        )
        for day, sample in results.customer.days.items()
        for (unit, metric), row in sample.rows.items()
    }
    if results.metric_rows.height != len(expected) or found != expected:
        yield f"table metric_rows of {results.customer.name} does not hold exactly the accepted rows"


def _total_differences(results: CustomerResults) -> Iterator[str]:
    found = {
        (row["pst_date"], row["metric_name"]): (row["units"], row["sum"], row["mean"])
        for row in results.metric_days.iter_rows(named=True)
    }
    for day, sample in results.customer.days.items():
        for metric, (units, total, mean) in sample.totals().items():
            row = found.get((day, metric))
            if row is None or row[0] != units or not _close(row[1], total) or not _close(row[2], mean):
                yield f"table metric_days of {results.customer.name}, {day}, {metric}: {row}, expected {(units, total, mean)}"


def _behaviour_differences(results: CustomerResults) -> Iterator[str]:
    behaviour = results.customer.behaviour
    found = {
        (row["pst_date"], row["metric_name"]): row["count"]
        for row in results.metric_days.iter_rows(named=True)
        if row["kind"] == "event" and row["id_type"] == "user_id"
    }
    if found != behaviour.events:
        yield f"events of {results.customer.name} in table metric_days: {found}, expected {dict(behaviour.events)}"
    if results.event_units is not None:
        units = results.event_units.filter(pl.col("id_type") == "user_id")
        sums = units.group_by("pst_date", "event_name").agg(pl.col("count").sum())
        by_unit = {(day, event): count for day, event, count in sums.iter_rows()}
        if by_unit != behaviour.events:
            yield f"table event_units of {results.customer.name}: {by_unit}, expected {dict(behaviour.events)}"
    if results.first_exposures is not None:
        counts = Counter(results.first_exposures.get_column("pst_date"))
        if counts != behaviour.first_exposures:
            yield f"table first_exposures of {results.customer.name}: {counts}, expected {behaviour.first_exposures}"


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9)


def _experiment_differences(results: CustomerResults, rows: pl.DataFrame) -> Iterator[str]:
    """Of the last day, the units of each group, and what their events come to altogether."""
    last = rows.filter(pl.col("pst_date") == max(results.customer.days), pl.col("kind") == "event_count")
    expected = Counter((experiment, group_of(unit)) for experiment, unit in results.customer.behaviour.exposed)
    found = {(row["experiment"], row["group_id"]): row["units"] for row in last.iter_rows(named=True)}
    if found != expected:
        yield f"units of the experiments of {results.customer.name}: {found}, expected {dict(expected)}"
