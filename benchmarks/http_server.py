"""Serves the HTTP door alone, by the local host, until its standard input ends: `python -m benchmarks.http_server`."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import azure.functions as func

from functions.http import blueprint
from processing import wiring
from processing.local.environment import host_json
from processing.local.host.local_host import HostOptions, LocalHost
from processing.logs import configure_logs


def _no_queues(_connection: str, name: str) -> NoReturn:
    raise RuntimeError(f"queue {name} is not served here")


def main() -> None:
    """Print the address, and stop once nobody listens any more."""
    configure_logs(level=logging.ERROR)
    app = func.FunctionApp()
    app.register_functions(blueprint)
    with LocalHost(app, queues=_no_queues, host_json=host_json(), settings={}, options=HostOptions(port=0)) as host:
        sys.stdout.write(f"{host.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
    wiring.stop_web()


if __name__ == "__main__":
    main()
