"""`dropzone demo`: uploads the sample customers' files, marks their days, waits, and checks what came out."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from rich.progress import Progress, TaskID

from processing import wiring
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import from_json
from processing.domain.errors import LaterError
from processing.domain.receipts import Receipt
from processing.domain.stream_state import DayState
from processing.local.azurite.process import running_or_new
from processing.local.console_links import console_lines
from processing.local.demo.report import print_report
from processing.local.demo.results import differences, read_results
from processing.local.demo.samples import SampleCustomer, SampleFile, sample_customers
from processing.local.host.local_host import HostOptions
from processing.local.run import running
from processing.local.serve import how_to_reach
from processing.local.terminal import Terminal
from processing.logs import configure_logs
from processing.ports import BlobStore
from processing.settings import load_settings
from processing.stored.context import JobContext
from processing.stored.customers import add_customer
from processing.views import documents

T = TypeVar("T")

_DAYS: Final = 3
_PATIENCE: Final = 120.0
_LOOK: Final = 0.3


def run_demo(out: Terminal, *, keep: bool, look: Callable[[str], None] | None = None) -> int:
    """Run the demo; 0 only when what came out equals what the generator knows must come out.

    `look` is called with the address of the host at the end, while everything runs.
    """
    log = Path(tempfile.gettempdir()) / "dropzone-demo.log"
    with log.open("w", encoding="utf-8") as stream:
        configure_logs("json", logging.INFO, stream)
        with running_or_new() as connection, running(connection, HostOptions(port=0, lease_seconds=30)) as run:
            wrong = _run(out, wiring.build_app(load_settings()))
            out.line()
            out.line(f"What each function did: {log}")
            if look is not None and run.host.url:
                look(run.host.url)
            if keep:
                for line in how_to_reach(connection).splitlines():
                    out.line(line, wrap=False)
                if run.host.url:
                    for line in console_lines(wiring.build_app(load_settings()), run.host.url):
                        out.line(line, wrap=False)
                out.line("Everything goes on running. Ctrl-C stops it.")
                run.host.run_until_signal()
    return 1 if wrong else 0


def _run(out: Terminal, context: JobContext) -> list[str]:
    today = context.zone.day_of(context.drop.service_time())
    customers = sample_customers([today - timedelta(days=back) for back in range(_DAYS, 0, -1)], zone=context.zone)
    streams = sum(len(customer.datasets) for customer in customers)
    began = time.monotonic()
    with Progress(console=out.console, transient=True, disable=not out.console.is_terminal) as progress:
        for customer in customers:
            add_customer(context, customer.name)
            if customer.config:
                name = blob_names.config_name(customer.name)
                context.lake.put(blob_names.CONFIG_CONTAINER, name, customer.config.encode())
        with _step(progress, "uploading", sum(len(each.uploads) for each in customers)) as advance:
            replaced = _upload_all(context, customers, advance)
        with _step(progress, "marking days ready", _DAYS * len(customers)) as advance:
            _mark_all(context.drop, customers, advance)
        with _step(progress, "waiting for the days", _DAYS * streams) as advance:
            _wait_for_days(context, customers, advance)
    seconds = time.monotonic() - began
    results = [read_results(context, customer, replaced) for customer in customers]
    wrong = [line for each in results for line in differences(each)]
    print_report(out, results, wrong, seconds)
    return wrong


def _upload_all(
    context: JobContext, customers: Sequence[SampleCustomer], advance: Callable[[], None]
) -> list[tuple[SampleFile, Receipt]]:
    """Upload everything in order; returns the files that a later one replaces, with the receipts they got first."""
    replaced = []
    for customer in customers:
        container = blob_names.drop_container(customer.name)
        for upload in customer.uploads:
            etag = context.drop.put(container, upload.name, upload.data)
            advance()
            # A version that is replaced at once is never looked at; the demo shows both answers.
            if upload in customer.replaced():
                replaced.append((upload, _wait_for_answer(context.drop, customer.name, upload.name, etag)))
    return replaced


def _mark_all(drop: BlobStore, customers: Sequence[SampleCustomer], advance: Callable[[], None]) -> None:
    for customer in customers:
        for day in customer.days:
            drop.put(blob_names.drop_container(customer.name), f"{Dataset.SIGNALS}/{day.isoformat()}", b"")
            advance()


def _wait_for_answer(drop: BlobStore, customer: str, name: str, etag: str) -> Receipt:
    def answered() -> Receipt | None:
        found = drop.get(blob_names.receipts_container(customer), blob_names.receipt_name(name))
        receipt = from_json(Receipt, found[0]) if found else None
        return receipt if receipt is not None and receipt.etag == etag and receipt.status.is_answer else None

    return _until(answered, f"the receipt of {name}")


def _wait_for_days(context: JobContext, customers: Sequence[SampleCustomer], advance: Callable[[], None]) -> None:
    waiting = {(customer.name, each, day) for customer in customers for each in customer.datasets for day in customer.days}

    def all_processed() -> bool | None:
        for customer in sorted({name for name, _, _ in waiting}):
            for dataset, day in _processed_days(context.lake, customer):
                if (customer, dataset, day) in waiting:
                    waiting.remove((customer, dataset, day))
                    advance()
        return True if not waiting else None

    _until(all_processed, "the days")
    for customer in customers:
        # Receipts of markers and misplaced files hold up no day, and may still be on their way.
        _until(partial(_all_answered, context.drop, customer.name), "the last receipts")


def _processed_days(lake: BlobStore, customer: str) -> Iterator[tuple[Dataset, date]]:
    for stream in documents.streams(lake, customer):
        for day, record in stream.days.items():
            if record.state in (DayState.PROCESSED, DayState.PROCESSED_EMPTY):
                yield stream.dataset, day


def _all_answered(drop: BlobStore, customer: str) -> bool | None:
    names = {info.name for info in drop.list_blobs(blob_names.drop_container(customer))}
    return True if names <= {receipt.blob for receipt in documents.receipts(drop, customer)} else None


def _until(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + _PATIENCE
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise LaterError(f"{what} did not come within {_PATIENCE:.0f} seconds; see the log of the functions")
        time.sleep(_LOOK)
    return found


@contextmanager
def _step(progress: Progress, what: str, total: int) -> Iterator[Callable[[], None]]:
    task: TaskID = progress.add_task(what, total=total)
    yield lambda: progress.advance(task)
