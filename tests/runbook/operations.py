"""An operator who has been woken up: reads alerts and status, and runs the commands of the page."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from unittest.mock import patch

from processing import wiring
from processing.cli.main import main
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from processing.storage.azure_blob import AzureBlobStore
from tests.runbook.az import run_az
from tests.runbook.page import Section, Text, filled
from tests.support.bicep import INFRA
from tests.support.door_process import service_address
from tests.support.doors import open_door
from tests.support.installation import Installation, use_storage
from tests.support.kusto import Line, answer
from tests.support.proxy import Hook, Proxy

LEAST: Final = timedelta(seconds=2)
"""The service's clock has steps of a second, and a marker takes effect when it lies in the past."""


class LaterStore(AzureBlobStore):
    """The emulator's blobs with a clock that is as much ahead as a test says: an hour or a week goes by in no time."""

    ahead: ClassVar[timedelta] = timedelta(0)
    """Never less than `LEAST`."""

    def service_time(self) -> datetime:
        return AzureBlobStore.service_time(self) + LaterStore.ahead


@dataclass(slots=True, kw_only=True)
class Operator:
    """Looks after one customer."""

    installation: Installation
    section: Section
    log: io.StringIO
    _begin: int = 0

    @property
    def customer(self) -> str:
        return self.installation.customer

    # What the operator sees

    def lines(self) -> list[Line]:
        """The lines in the log since the window of the alert began."""
        return [Line.read(text) for text in self.log.getvalue()[self._begin :].splitlines() if text.startswith("{")]

    def alert(self, *, limit: float = 0, later: timedelta = timedelta(0)) -> list[dict[str, Any]]:
        """What the alert of the section finds about this customer, or about the installation; nothing when it is quiet."""
        query = (INFRA / "kql" / f"{self.section.name.replace('-', '_')}.kql").read_text(encoding="utf-8")
        found = answer(query.replace("{limit_seconds}", str(limit)), self.lines(), datetime.now(UTC) + later)
        return [row for row in found if row.get("customer", self.customer) == self.customer]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Every line of an event about this customer that was written since the test began."""
        lines = [json.loads(text) for text in self.log.getvalue().splitlines() if text.startswith("{")]
        return [line for line in lines if line["event"] == name and line.get("customer", self.customer) == self.customer]

    def asked(self, query: str) -> list[dict[str, Any]]:
        """What a question of the page finds in the log."""
        return answer(query, self.lines(), datetime.now(UTC))

    def window_passes(self) -> None:
        """Time goes by, so that the alert's question finds only what comes from now on."""
        self._begin = len(self.log.getvalue())

    def status(self) -> str:
        """What the page has the operator look at first."""
        assert {"dropzone status acme", "dropzone status"} & set(self.section.commands), "the page says so"
        return self.run("dropzone status acme")

    # What the operator does

    def run(self, command: str, *, code: int = 0) -> str:
        """Run a command of the page; what it printed, on standard error when it failed."""
        printed, errors = io.StringIO(), io.StringIO()
        arguments = shlex.split(filled(command, self.customer))
        with patch.object(sys, "argv", arguments), redirect_stdout(printed), redirect_stderr(errors):
            assert main() == code, errors.getvalue()
        return errors.getvalue() if code else printed.getvalue()

    def follow(self, text: Text) -> str:
        """Run every command of a row or of a part of the section; what they printed."""
        assert text.commands, "the page says no command there"
        return "".join(map(self.run, text.commands))

    def look(self, text: Text) -> list[str]:
        """Run the `az` commands of a part; what they found, for those of storage."""
        assert text.az, "the page says no command there"
        return [found for each in text.az for found in run_az(each, self.installation.connection_string)]

    # What goes by itself

    def arrive(self, name: str, data: bytes = b"") -> None:
        """An upload of the customer's that is announced, and answered."""
        self.installation.deliver(self.installation.upload(name, data))

    def sweep(self) -> None:
        """The sweep's timer, its worker, and the uploads' for what that announced."""
        self.installation.sweep()
        self.installation.deliver(*self.installation.upload_messages())

    def look_at_days(self) -> None:
        """The days' timer, and the worker of the stream of metrics."""
        open_door("daytimer")
        open_door("dayworker", stream_work(Stream(self.customer, Dataset.METRICS)))

    def host_runs(self) -> None:
        """Both timers and all their workers, once."""
        self.sweep()
        self.look_at_days()

    def time_passes(self, **time: float) -> None:
        """By storage's clock; the alert's window goes by, too."""
        LaterStore.ahead += timedelta(**time)
        self.window_passes()

    @contextmanager
    def storage_that(self, hook: Hook, *services: str) -> Iterator[None]:
        """The app behind a proxy; blobs alone unless other services are named."""
        storage = before = self.installation.connection_string
        proxies: list[Proxy] = []
        try:
            for service in services or ("Blob",):
                proxies.append(Proxy(upstream=service_address(before, service), hook=hook).__enter__())
                storage = proxies[-1].through(storage, service)
            point_at(storage)
            yield
        finally:
            point_at(before)
            for proxy in proxies:
                proxy.__exit__(None, None, None)


def point_at(storage: str) -> None:
    """The app, as if it had been started anew on this storage."""
    use_storage(storage)
    wiring.app.cache_clear()


def plain(found: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    """Some columns of what a question found."""
    return [tuple(row[key] for key in keys) for row in found]
