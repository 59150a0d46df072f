"""`dropzone local`: everything runs until Ctrl-C, and says how to reach it."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from processing.local.azurite.process import Azurite, Ports
from processing.local.console_links import console_line, console_lines
from processing.local.environment import names_storage
from processing.local.host.local_host import HostOptions
from processing.local.run import running
from processing.local.terminal import Terminal
from processing.settings import load_settings
from processing.wiring import build_app

_USUAL: Final = Ports(blob=10000, queue=10001, table=10002)
_LEASE_SECONDS: Final = 60


def serve(out: Terminal, *, port: int, data: Path | None) -> int:
    """Run the functions until a signal; the exit code of the command."""
    with ExitStack() as stack:
        connection = None
        if not names_storage():
            connection = stack.enter_context(Azurite(data, ports=_usual_ports())).connection_string
        run = stack.enter_context(running(connection, HostOptions(port=port, lease_seconds=_LEASE_SECONDS)))
        if connection is not None:
            for line in how_to_reach(connection).splitlines():
                out.line(line, wrap=False)
        if run.host.url:
            out.line(f"HTTP functions: {run.host.url}")
            # Of storage that others use, too, nobody makes keys unasked.
            is_own = connection is not None
            lines = console_lines(build_app(load_settings()), run.host.url) if is_own else [console_line(run.host.url)]
            for line in lines:
                out.line(line, wrap=False)
        out.line("Ctrl-C stops everything.")
        return 0 if run.host.run_until_signal() else 1


def how_to_reach(connection: str) -> str:
    """The lines that make another terminal speak to this emulator."""
    return (
        "In another terminal, for az and for dropzone's own commands:\n"
        f"  export AZURE_STORAGE_CONNECTION_STRING='{connection}'\n"
        "  export AzureWebJobsStorage=$AZURE_STORAGE_CONNECTION_STRING\n"
        "  export DROP_STORAGE=$AZURE_STORAGE_CONNECTION_STRING LAKE_STORAGE=$AZURE_STORAGE_CONNECTION_STRING"
    )


def _usual_ports() -> Ports:
    """The usual ports, so that `UseDevelopmentStorage=true` finds the emulator; free ones when one of them is taken."""
    for port in (_USUAL.blob, _USUAL.queue, _USUAL.table):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Ports()
    return _USUAL
