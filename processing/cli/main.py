"""The command line: `dropzone`, for operators and for those who try it on one machine (contract section 10)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from processing.cli import keys, operations
from processing.cli.output import out as _out
from processing.domain.datasets import FOLDERS, Dataset
from processing.domain.errors import DropzoneError, OperatorError
from processing.domain.printable import printable

_cli = typer.Typer(help="Azure blob drop-zone batch processor.", no_args_is_help=True)
_customers = typer.Typer(help="Customers: sets of containers.", no_args_is_help=True)
_configs = typer.Typer(help="The customers' configs.", no_args_is_help=True)
_keys = typer.Typer(help="Keys of the HTTP doors.", no_args_is_help=True)
_cli.add_typer(_customers, name="customer")
_cli.add_typer(_keys, name="key")
_cli.add_typer(_configs, name="config")
_customers.command("add")(operations.customer_add)
_customers.command("list")(operations.customer_list)
_keys.command("create")(keys.key_create)
_keys.command("list")(keys.key_list)
_keys.command("revoke")(keys.key_revoke)


def _print_version(wanted: bool) -> None:
    if wanted:
        from processing.settings import program_version

        _out().line(program_version())
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
    from processing.local.demo.run import run_demo

    raise typer.Exit(run_demo(_out(), keep=keep))


@_cli.command()
def local(
    *,
    port: Annotated[int, typer.Option(help="Port of the HTTP functions; 0 takes a free one.")] = 7071,
    data: Annotated[Path | None, typer.Option(help="Folder in which the emulator keeps what it holds.")] = None,
) -> None:
    """Run every function of the app on this machine, until Ctrl-C.

    On an emulator of its own, or on the storage that AzureWebJobsStorage, DROP_STORAGE and LAKE_STORAGE name.
    """
    from processing.local.serve import serve
    from processing.logs import configure_logs

    configure_logs("console" if sys.stderr.isatty() else "json")
    raise typer.Exit(serve(_out(), port=port, data=data))


@_cli.command()
def check(
    file: Annotated[Path, typer.Argument(help="A local file, named as it will be uploaded.", exists=True, dir_okay=False)],
    *,
    dataset: Annotated[Dataset, typer.Option(help="metrics, events or exposures.")],
    config: Annotated[Path | None, typer.Option(help="The customer's config, YAML.", exists=True, dir_okay=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for accepted Parquet by day, rejected NDJSON and the fix file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
    pandera: Annotated[bool, typer.Option("--pandera", help="Have pandera validate the accepted rows as well.")] = False,
) -> None:
    """Check a file as an upload would be, without Azure. Exit code: 0 all good, 1 rows rejected, 2 file refused."""
    from processing.cli.receipt_page import print_receipt
    from processing.domain.days import day_zone
    from processing.domain.documents import to_json
    from processing.domain.printable import printable_json
    from processing.domain.receipts import UploadStatus
    from processing.jobs.uploads.check_file import CheckRequest, check_file
    from processing.settings import load_settings, program_version
    from processing.stored.customer_config import parse_config
    from schemas.customer_config import CustomerConfig

    if dataset not in FOLDERS:
        raise OperatorError(f"nobody uploads {dataset}: name one of {', '.join(FOLDERS)}")
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
        print_receipt(_out().console, receipt)
        if pandera and receipt.status in {UploadStatus.ACCEPTED, UploadStatus.ACCEPTED_WITH_REJECTS}:
            _out().line(f"pandera takes all {receipt.rows.accepted:,} accepted rows as well")
    raise typer.Exit(
        {UploadStatus.ACCEPTED: 0, UploadStatus.IGNORED: 0, UploadStatus.ACCEPTED_WITH_REJECTS: 1}.get(receipt.status, 2)
    )


_cli.command("status")(operations.show_status)
_cli.command("metrics")(operations.show_metrics)
_cli.command()(operations.ready)
_cli.command()(operations.reprocess)
_cli.command("first-day")(operations.first_day)
_cli.command()(operations.retry)
_cli.command("reingest")(operations.reingest_uploads)
_cli.command("reconcile")(operations.reconcile_all)
_cli.command("rebuild")(operations.rebuild_tables)


@_configs.command("check")
def config_check(
    file: Annotated[Path, typer.Argument(help="A customer's config, YAML.", exists=True, dir_okay=False)],
) -> None:
    """Say whether a config could be in force."""
    from processing.domain.blob_names import is_customer_name
    from processing.stored.customer_config import parse_config

    parse_config(file.read_bytes())
    if file.suffix != ".yaml":
        customer = file.stem if is_customer_name(file.stem) else "<customer>"
        raise OperatorError(
            f"{file.name} holds a good config under a name that nobody reads: store it as customers/{customer}.yaml in the "
            "container config"
        )
    _out().line(f"{file} is good, and in force once it is stored as customers/<customer>.yaml in the container config")


@_cli.command()
def version() -> None:
    """Print the version of the program."""
    from processing.settings import program_version

    _out().line(program_version())


def main() -> int:
    """Run the command line; errors of ours are one sentence on standard error."""
    return _exit_code(_cli)


def _exit_code(command: Callable[..., object]) -> int:
    from processing.logs import no_logs

    try:
        with no_logs():
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
