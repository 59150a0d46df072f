"""Brings the whole product up on this machine: emulator, storage, Event Grid's stand-in and the functions."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from processing import wiring
from processing.domain.queue_messages import DROP_EVENTS
from processing.local.environment import PROJECT, host_json, local_settings
from processing.local.event_grid import EventGridEmulator
from processing.local.host.local_host import HostOptions, LocalHost
from processing.settings import load_settings
from processing.stored.installation import check_zone

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRun:
    """What is running."""

    host: LocalHost
    connection_string: str | None
    """Of the emulator; None when the environment named the storage."""


@contextmanager
def running(connection_string: str | None, options: HostOptions) -> Iterator[LocalRun]:
    """All functions of the app, from now to the end of the block.

    The settings are put into the environment of this process, because that is where the doors read them.
    """
    settings = local_settings(connection_string)
    os.environ.update(settings)
    loaded = load_settings()
    wiring.prepare_storage(loaded)
    context = wiring.build_app(loaded)
    check_zone(context.lake, context.zone)  # each function would refuse its work
    sys.path.insert(0, str(PROJECT))
    app = importlib.import_module("function_app").app
    host = LocalHost(
        app,
        queues=lambda _connection, name: wiring.open_queue(loaded, name),
        host_json=host_json(),
        settings=settings,
        options=options,
    )
    events = EventGridEmulator(context.drop, wiring.open_queue(loaded, DROP_EVENTS))
    try:
        with host, events:
            yield LocalRun(host=host, connection_string=connection_string)
    finally:
        wiring.stop_web()  # while its storage is still there
