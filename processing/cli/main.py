"""The command line: `dropzone`, for operators and for those who try it on one machine (contract section 10)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from processing.cli.receipt_page import print_receipt
from processing.cli.status_page import print_status_page
from processing.domain.datasets import Dataset
from processing.domain.days import day_zone
from processing.domain.documents import to_json
from processing.domain.errors import DropzoneError
from processing.domain.printable import printable, printable_json
from processing.domain.receipts import UploadStatus
from processing.domain.streams import Stream
from processing.jobs.operate import ask_reprocess, mark_ready, move_first_day, reconcile, retry_now
from processing.jobs.uploads.check_file import CheckRequest, check_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.local.demo.run import run_demo
from processing.local.serve import serve
from processing.local.terminal import Terminal
from processing.logs import configure_logs
from processing.settings import load_settings, program_version
from processing.stored.customer_config import parse_config
from processing.stored.customers import add_customer, expect_customer, list_customers
from processing.views import status
from processing.wiring import build_app
from schemas.customer_config import CustomerConfig

_cli = typer.Typer(help="Azure blob drop-zone batch processor.", no_args_is_help=True)
_customers = typer.Typer(help="Customers: sets of containers.", no_args_is_help=True)
_configs = typer.Typer(help="The customers' configs.", no_args_is_help=True)
_cli.add_typer(_customers, name="customer")
_cli.add_typer(_configs, name="config")

Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day, YYYY-MM-DD.")]
StreamDataset = Annotated[Dataset, typer.Argument(help="metrics, events or exposures.")]
OneStream = Annotated[Dataset | None, typer.Option("--dataset", help="One stream; all when none is named.")]
# What is piped is read by programs and in logs: it gets a width of its own.
_out = Terminal(Console(width=None if sys.stdout.isatty() else 120))


def _print_version(wanted: bool) -> None:
    if wanted:
        _out.line(program_version())
        raise typer.Exit


@_cli.callback()
def _every_command(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version of the program.")
    ] = False,
) -> None:
    pass


@_cli.command()
def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
) -> None:
    """Run the whole path on sample customers, on this machine, and check what came out."""
    raise typer.Exit(run_demo(_out, keep=keep))


@_cli.command()
def local(
    *,
    port: Annotated[int, typer.Option(help="Port of the HTTP functions; 0 takes a free one.")] = 7071,
    data: Annotated[Path | None, typer.Option(help="Folder in which the emulator keeps what it holds.")] = None,
) -> None:
    """Run every function of the app on this machine, until Ctrl-C.

    On an emulator of its own, or on the storage that AzureWebJobsStorage, DROP_STORAGE and LAKE_STORAGE name.
    """
    configure_logs("console" if sys.stderr.isatty() else "json")
    raise typer.Exit(serve(_out, port=port, data=data))


@_customers.command("add")
def customer_add(name: Annotated[str, typer.Argument(help="3 to 50 of a-z, 0-9 and single -")]) -> None:
    """Create the containers of a customer."""
    add_customer(build_app(load_settings()), name)
    _out.line(f"{name} can upload to container drop-{name}")


@_customers.command("list")
def customer_list() -> None:
    """Print the name of every customer."""
    for name in list_customers(build_app(load_settings())):
        _out.line(name)


@_cli.command()
def check(
    file: Annotated[Path, typer.Argument(help="A local file, named as it will be uploaded.", exists=True, dir_okay=False)],
    *,
    dataset: Annotated[Dataset, typer.Option(help="metrics, events or exposures.")],
    config: Annotated[Path | None, typer.Option(help="The customer's config, YAML.", exists=True, dir_okay=False)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for accepted Parquet by day and rejected NDJSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
    pandera: Annotated[bool, typer.Option("--pandera", help="Have pandera validate the accepted rows as well.")] = False,
) -> None:
    """Check a file as an upload would be, without Azure. Exit code: 0 all good, 1 rows rejected, 2 file refused."""
    known = parse_config(config.read_bytes()) if config is not None else CustomerConfig()
    zone = day_zone(load_settings().day_zone)
    receipt = check_file(
        CheckRequest(
            path=file, dataset=dataset, config=known, program=program_version(), zone=zone, out=out, with_pandera=pandera
        )
    )
    if as_json:
        sys.stdout.write(printable_json(to_json(receipt).decode()) + "\n")
    else:
        print_receipt(_out.console, receipt)
        if pandera and receipt.status in {UploadStatus.ACCEPTED, UploadStatus.ACCEPTED_WITH_REJECTS}:
            _out.line(f"pandera takes all {receipt.rows.accepted:,} accepted rows as well")
    raise typer.Exit(
        {UploadStatus.ACCEPTED: 0, UploadStatus.IGNORED: 0, UploadStatus.ACCEPTED_WITH_REJECTS: 1}.get(receipt.status, 2)
    )


@_cli.command("reingest")
def reingest_uploads(
    customer: str,
    *,
    dataset: Annotated[Dataset | None, typer.Option(help="Only uploads of this dataset.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only uploads received at this time (UTC) or later.")] = None,
    status: Annotated[UploadStatus | None, typer.Option(help="Only uploads with this answer.")] = None,
) -> None:
    """Answer uploads again, by the customer's config as it is now."""
    instant = since.replace(tzinfo=UTC) if since is not None else None
    count = reingest(build_app(load_settings()), customer, ReingestFilter(dataset=dataset, since=instant, status=status))
    _out.line(f"{count:,} uploads of {customer} are answered again; their receipts change as it is done")


@_cli.command("status")
def show_status(
    customer: Annotated[str | None, typer.Argument(help="One customer; all when none is named.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON document.")] = False,
) -> None:
    """Print streams and days, and what each of them waits for."""
    context = build_app(load_settings())
    if customer is not None:
        expect_customer(context, customer)
    found = status(context, [customer] if customer is not None else list_customers(context))
    if as_json:
        sys.stdout.write(printable_json(to_json(found).decode()) + "\n")
    else:
        print_status_page(_out.console, found)


@_cli.command()
def ready(customer: str, day: Day, *, dataset: OneStream = None) -> None:
    """Mark a day as complete, as the customer would: every stream, or one."""
    name = mark_ready(build_app(load_settings()), customer, day.date(), dataset)
    _out.line(f"marked by {name}")


@_cli.command()
def reprocess(customer: str, dataset: StreamDataset, day: Day) -> None:
    """Process a published day again, by the rows that are in force now."""
    ask_reprocess(build_app(load_settings()), Stream(customer, dataset), day.date())
    _out.line(f"{dataset} of {day.date()} is processed again; its status document names what that changes")


@_cli.command("first-day")
def first_day(customer: str, dataset: StreamDataset, day: Day) -> None:
    """Move the first day of a stream: the order of days begins with it."""
    move_first_day(build_app(load_settings()), Stream(customer, dataset), day.date())
    _out.line(f"{dataset} of {customer} begins with {day.date()}")


@_cli.command()
def retry(customer: str, *, dataset: OneStream = None) -> None:
    """Try what failed again now, and not at its next try."""
    uploads, days = retry_now(build_app(load_settings()), customer, dataset)
    _out.line(f"{uploads:,} uploads and {days:,} days are tried again")


@_cli.command("reconcile")
def reconcile_all(customer: Annotated[str | None, typer.Argument(help="One customer; all when not given.")] = None) -> None:
    """List everything again that was ever sent, as after a restore: what was lost or came back is found by it."""
    context = build_app(load_settings())
    for each in [customer] if customer is not None else list_customers(context):
        _out.line(f"{each}: {reconcile(context, each):,} streams are looked at anew, and all uploads by the next sweep")


@_configs.command("check")
def config_check(
    file: Annotated[Path, typer.Argument(help="A customer's config, YAML.", exists=True, dir_okay=False)],
) -> None:
    """Say whether a config could be in force."""
    parse_config(file.read_bytes())
    _out.line(f"{file} is good")


@_cli.command()
def version() -> None:
    """Print the version of the program."""
    _out.line(program_version())


def main() -> int:
    """Run the command line; errors of ours are one sentence on standard error."""
    return _exit_code(_cli)


def _exit_code(command: Callable[..., object]) -> int:
    try:
        result = command(prog_name="dropzone", standalone_mode=False)
    except DropzoneError as error:
        sys.stderr.write(f"dropzone: {printable(str(error))}\n")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except typer.Exit as end:
        return int(end.exit_code)
    except Exception as error:
        # Errors of usage know how to show themselves.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", 2))
    return int(result) if isinstance(result, int) else 0
