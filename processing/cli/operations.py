"""Commands for operators: where things stand, and what an operator asks of uploads, days and streams.

A command imports what it needs when it runs: the help of one, or the status, must not wait for the engines of all.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from processing.cli.arguments import (
    AnyDataset,
    AnyStream,
    Day,
    OneStream,
    Since,
    StreamDataset,
    expect_near,
    expect_over,
    expect_past,
    known_customer,
    known_stream,
)
from processing.cli.output import out
from processing.domain.errors import OperatorError
from processing.domain.receipts import UploadStatus

if TYPE_CHECKING:
    from processing.stored.context import JobContext

Yes = Annotated[bool, typer.Option("--yes", help="Go on although earlier days are left behind.")]


def customer_add(name: Annotated[str, typer.Argument(help="3 to 50 of a-z, 0-9 and single -")]) -> None:
    """Create the containers of a customer."""
    from processing.stored.customers import add_customer

    add_customer(_app(), name)
    out().line(f"{name} can upload to container drop-{name}")


def customer_list() -> None:
    """Print the name of every customer."""
    from processing.stored.customers import list_customers

    for name in list_customers(_app()):
        out().line(name)


def show_status(
    customer: Annotated[str | None, typer.Argument(help="One customer; all when none is named.")] = None,
    *,
    closed: Annotated[bool, typer.Option("--closed", help="Also the days whose rows were given up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON document.")] = False,
) -> None:
    """Print streams and days, and what each of them waits for."""
    from processing.cli.status_page import print_status_page
    from processing.domain.documents import to_json
    from processing.domain.printable import printable_json
    from processing.stored.customers import list_customers
    from processing.views.status import status

    context = _app()
    customers = list_customers(context) if customer is None else [known_customer(context, customer)]
    found = status(context, customers, with_closed=closed)
    if as_json:
        sys.stdout.write(printable_json(to_json(found).decode()) + "\n")
    else:
        print_status_page(out().console, found)


def show_metrics(
    customer: str,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One metric or event, day by day.")] = None,
    *,
    dataset: OneStream = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON document.")] = False,
) -> None:
    """Print every metric and event that is published: since when, its last value, and whether it fell silent."""
    from processing.cli.metrics_page import as_document, print_metric_page, print_metrics_page
    from processing.domain.printable import printable_json
    from processing.views.catalogue import catalogue, days_of_metric, find_metric

    context = _app()
    known_customer(context, customer)
    if name is None:
        found = [each for each in catalogue(context, customer) if dataset in (None, each.dataset)]
        if as_json:
            sys.stdout.write(printable_json(as_document({"metrics": found})) + "\n")
        else:
            print_metrics_page(out(), found)
        return
    one = find_metric(context, customer, name, dataset)
    if one is None:
        raise OperatorError(f"no published day of {customer} has a metric or an event {name[:64]!r}")
    days = days_of_metric(context, customer, one, before=None, limit=28)
    if as_json:
        sys.stdout.write(printable_json(as_document({"metric": one, "days": days.rows})) + "\n")
    else:
        print_metric_page(out(), one, days.rows)


def ready(customer: str, day: Day, *, dataset: OneStream = None, yes: Yes = False) -> None:
    """Mark a day as complete, as the customer would: every stream, or one."""
    from processing.jobs.left_behind import days_left_behind
    from processing.jobs.operate import mark_ready

    context = _app()
    known_customer(context, customer)
    expect_past(context, day)
    left = [] if yes else days_left_behind(context, customer, day, dataset)
    if left:
        raise OperatorError(
            f"{'; '.join(map(str, left))}: name the first day with dropzone first-day, or repeat this with --yes"
        )
    name = mark_ready(context, customer, day, dataset)
    end = context.zone.end_of(day)
    later = (
        "" if context.drop.service_time() >= end else f"; the day has not ended, and counts from {end:%Y-%m-%d %H:%M} UTC on"
    )
    out().line(f"marked by {name}{later}")


def reprocess(customer: str, dataset: AnyDataset, day: Day) -> None:
    """Process a published day again, by the rows that are in force now."""
    from processing.jobs.operate import ask_reprocess

    context = _app()
    stream = known_stream(context, customer, dataset)
    expect_past(context, day)
    ask_reprocess(context, stream, day)
    out().line(f"{dataset} of {day} is processed again; its status document names what that changes")


def first_day(customer: str, dataset: StreamDataset, day: Day) -> None:
    """Move the first day of a stream: the order of days begins with it."""
    from processing.jobs.operate import move_first_day

    context = _app()
    stream = known_stream(context, customer, dataset)
    expect_near(context, day)
    move_first_day(context, stream, day)
    out().line(f"{dataset} of {customer} begins with {day}")


def retry(customer: str, *, dataset: AnyStream = None) -> None:
    """Try what failed again now, and not at its next try."""
    from processing.jobs.operate import retry_now

    context = _app()
    known_customer(context, customer)
    if dataset is not None:
        known_stream(context, customer, dataset)
    uploads, days = retry_now(context, customer, dataset)
    out().line(f"{uploads:,} uploads and {days:,} days are tried again")


def reingest_uploads(
    customer: str,
    *,
    dataset: OneStream = None,
    since: Since = None,
    status: Annotated[UploadStatus | None, typer.Option(help="Only uploads with this answer.")] = None,
) -> None:
    """Answer uploads again, by the customer's config as it is now."""
    from processing.jobs.uploads.reingest import ReingestFilter, reingest

    context = _app()
    known_customer(context, customer)
    if since is not None:
        expect_over(context, since)
    count = reingest(context, customer, ReingestFilter(dataset=dataset, since=since, status=status))
    out().line(f"{count:,} uploads of {customer} are answered again; their receipts change as it is done")


def reconcile_all(customer: Annotated[str | None, typer.Argument(help="One customer; all when not given.")] = None) -> None:
    """List everything again that was ever sent, as after a restore: what was lost or came back is found by it."""
    from processing.jobs.operate import reconcile
    from processing.stored.customers import list_customers

    context = _app()
    for each in list_customers(context) if customer is None else [known_customer(context, customer)]:
        out().line(f"{each}: {reconcile(context, each):,} streams are looked at anew, and all uploads by the next sweep")


def rebuild_tables(
    customer: str, table: Annotated[str | None, typer.Argument(metavar="TABLE", help="One table; all that are lost.")] = None
) -> None:
    """Make lost tables anew from the manifests; days whose files are gone are processed again while their rows are kept."""
    from processing.jobs.days.rebuild_tables import rebuild

    context = _app()
    known_customer(context, customer)
    found = rebuild(context, customer, table)
    if not found:
        out().line(f"no table of {customer} is lost")
    for each in found:
        line = f"{each.table} of {each.stream}: {each.days:,} days are in it"
        if each.processed_again:
            line += f", {each.processed_again:,} are processed again, as their files are gone"
        if each.given_up:
            line += f", {each.given_up:,} closed days are lost: their files and their rows are gone"
        out().line(line)


def _app() -> JobContext:
    from processing.settings import load_settings
    from processing.wiring import build_app

    return build_app(load_settings())
