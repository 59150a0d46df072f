"""What goes wrong between a program and its storage, and a program that has little patience with it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from azure.storage.blob import BlobServiceClient, LinearRetry

from processing import wiring
from processing.settings import load_settings
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection
from processing.storage.delta_tables import DeltaTables
from processing.stored.context import JobContext
from tests.support.proxy import Moment, Reaction, Reply, Request, Reset, Shorten, Stall

PATIENCE: Final = 2
"""Seconds for which the impatient program waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong."""

    moment: Moment
    reaction: Reaction
    reads_alone: bool = False
    """Whether it can only befall a call that asks for a body."""

    def befalls(self, request: Request) -> bool:
        """Whether the request can go wrong in this way."""
        return request.method == "GET" or not self.reads_alone


def _said(status: int, code: str, **headers: str) -> Reply:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Reply(
        status=status, headers={"x-ms-error-code": code, "Content-Type": "application/xml", **headers}, body=body.encode()
    )


FAULTS: Final[Mapping[str, Fault]] = {
    "429": Fault(moment=Moment.BEFORE, reaction=_said(429, "TooManyRequests")),
    "500": Fault(moment=Moment.BEFORE, reaction=_said(500, "InternalError")),
    "500 of what is done": Fault(moment=Moment.AFTER, reaction=_said(500, "OperationTimedOut")),
    "503": Fault(moment=Moment.BEFORE, reaction=_said(503, "ServerBusy")),
    "503 with a time": Fault(moment=Moment.BEFORE, reaction=_said(503, "ServerBusy", **{"Retry-After": "1"})),
    "reset": Fault(moment=Moment.BEFORE, reaction=Reset()),
    "reset of what is done": Fault(moment=Moment.AFTER, reaction=Reset()),
    "stall, done late": Fault(moment=Moment.BEFORE, reaction=Stall(seconds=PATIENCE + 1)),
    "stall of what is done": Fault(moment=Moment.AFTER, reaction=Stall(seconds=PATIENCE + 1)),
    "body broken off": Fault(moment=Moment.AFTER, reaction=Shorten(is_admitted=False), reads_alone=True),
    "body cut short": Fault(moment=Moment.AFTER, reaction=Shorten(is_admitted=True), reads_alone=True),
}


@dataclass(slots=True)
class FaultPlan:
    """A proxy's hook: one fault befalls one call, and then the next calls that are the same, `times` in all."""

    fault: Fault
    number: int
    """Of the call among all, from 1."""
    times: int = 1
    struck: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request, moment: Moment) -> bool | Reaction:
        """What becomes of a request at one of its moments."""
        if moment is not self.fault.moment:
            return False
        with self._lock:
            if not self._is_next(request):
                return False
            self.struck.append(request)
        return self.fault.reaction

    def _is_next(self, request: Request) -> bool:
        if not self.struck:
            # Not each call can go wrong in each way: then it is the next one that can.
            return request.number >= self.number and self.fault.befalls(request)
        first = self.struck[0]
        is_same = (request.method, request.path, request.query) == (first.method, first.path, first.query)
        return is_same and len(self.struck) < self.times


def impatient(storage: str) -> JobContext:
    """The program on this storage, with short waits for answers and between tries, and as many tries as ever."""
    settings = load_settings().model_copy(update={"drop_connection": storage, "lake_connection": storage})
    connection = _Impatient(connection_string=storage)
    store, tables = AzureBlobStore(connection.blob_service()), DeltaTables(connection)
    return replace(wiring.build_app(settings), drop=store, lake=store, tables=tables)


class _Impatient(Connection):
    __slots__ = ()

    def blob_service(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(
            str(self.connection_string),
            retry_policy=LinearRetry(backoff=0, retry_total=3, random_jitter_range=0),
            read_timeout=PATIENCE,
            max_single_get_size=16 << 20,
            max_chunk_get_size=16 << 20,
        )

    def delta_options(self) -> dict[str, str]:
        quick = {"timeout": f"{PATIENCE}s", "max_retries": "3", "backoff_config.max_backoff": "100ms"}
        return {**Connection.delta_options(self), **quick}
