"""The command line: `dropzone`, for operators and for those who try it on one machine (contract section 10)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from processing.domain.errors import DropzoneError
from processing.jobs.customers import add_customer, list_customers
from processing.local.demo.run import run_demo
from processing.local.serve import serve
from processing.logs import configure_logs
from processing.settings import load_settings, program_version
from processing.wiring import build_app

_cli = typer.Typer(help="Azure blob drop-zone batch processor.", no_args_is_help=True, add_completion=False)
_customers = typer.Typer(help="Customers: sets of containers.", no_args_is_help=True)
_cli.add_typer(_customers, name="customer")
# What is piped is read by programs and in logs: it gets a width of its own.
_out = Console(width=None if sys.stdout.isatty() else 120)


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
    _out.print(f"{name} can upload to container drop-{name}")


@_customers.command("list")
def customer_list() -> None:
    """Print the name of every customer."""
    for name in list_customers(build_app(load_settings())):
        _out.print(name, highlight=False)


@_cli.command()
def version() -> None:
    """Print the version of the program."""
    _out.print(program_version(), highlight=False)


def main() -> int:
    """Run the command line; errors of ours are one sentence on standard error."""
    return _told(_cli)


def _told(command: Callable[..., object]) -> int:
    try:
        result = command(standalone_mode=False)
    except DropzoneError as error:
        sys.stderr.write(f"dropzone: {error}\n")
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
