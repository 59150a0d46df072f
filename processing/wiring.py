"""Puts the program together: the only file that names concrete adapters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import polars as pl
import structlog

from processing.domain.days import day_zone
from processing.domain.errors import OperatorError
from processing.domain.queue_messages import CUSTOMER_WORK, DROP_EVENTS, QUEUES, STREAM_WORK
from processing.domain.readiness.observation import ReadinessPolicy
from processing.logs import configure_logs
from processing.settings import Settings, load_settings, program_version
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.azure_queue import AzureQueue
from processing.storage.clock import SystemClock
from processing.storage.connections import Connection
from processing.storage.delta_tables import DeltaTables
from processing.storage.scratch import own_scratch
from processing.stored.context import JobContext, Retention
from processing.stored.installation import check_zone
from processing.stored.recent import Recent
from processing.telemetry import open_telemetry

LAKE_CONTAINERS = ("staged", "state", "config")


def build_app(settings: Settings) -> JobContext:
    """The jobs' outside world for these settings; OperatorError when a connection is missing."""
    drop = _connection(
        "DROP_STORAGE", settings.drop_connection, blob_uri=settings.drop_blob_uri, client_id=settings.drop_client_id
    )
    lake = _lake(settings)
    return JobContext(
        drop=AzureBlobStore(drop.blob_service()),
        lake=AzureBlobStore(lake.blob_service()),
        tables=DeltaTables(lake),
        drop_events=open_queue(settings, DROP_EVENTS),
        stream_work=open_queue(settings, STREAM_WORK),
        customer_work=open_queue(settings, CUSTOMER_WORK),
        clock=SystemClock(),
        zone=day_zone(settings.day_zone),
        readiness=ReadinessPolicy(
            settle=timedelta(seconds=settings.settle_seconds),
            first_day_wait=timedelta(seconds=settings.first_day_wait_seconds),
            first_day_window=settings.first_day_window_days,
            compare_every=timedelta(seconds=settings.compare_seconds),
            reconcile_every=timedelta(days=settings.reconcile_days),
            marker_margin=timedelta(seconds=settings.marker_margin_seconds),
        ),
        retention=Retention(
            uploads=settings.keep_uploads_days,
            rejected=settings.keep_rejected_days,
            receipts=settings.keep_receipts_days,
            staged=settings.keep_staged_days,
            delta=settings.keep_delta_days,
        ),
        sweep_grace=timedelta(seconds=settings.sweep_grace_seconds),
        attempt_limit=timedelta(seconds=settings.attempt_seconds),
        recent=Recent(keep=timedelta(seconds=settings.remember_seconds)),
        program=program_version(),
        scratch=settings.scratch,
    )


@cache
def app() -> JobContext:
    """The outside world of this process, made on first use: one client for each account and process."""
    if not structlog.is_configured():  # the command line has configured its own
        configure_logs()
    settings = load_settings()
    context = replace(build_app(settings), telemetry=open_telemetry(settings.telemetry), scratch=own_scratch(settings.scratch))
    check_zone(context.lake, context.zone)
    return context


def open_queue(settings: Settings, name: str) -> AzureQueue:
    """A queue of the host account."""
    connection = _connection(
        "AzureWebJobsStorage", settings.host_connection, queue_uri=settings.host_queue_uri, client_id=settings.host_client_id
    )
    return AzureQueue(connection.queue_service(), name)


def read_table(settings: Settings, container: str, table: str) -> pl.DataFrame:
    """The latest version of a Delta table, read as any Delta reader does; the account is the lake's."""
    return pl.read_delta(f"az://{container}/{table}", storage_options=_lake(settings).delta_options())


def prepare_storage(settings: Settings) -> None:
    """Create what an installation has from its first day, where it is not there: queues and the lake's containers."""
    for name in QUEUES:
        open_queue(settings, name).ensure()
    lake = build_app(settings).lake
    for container in LAKE_CONTAINERS:
        lake.create_container(container)


def _lake(settings: Settings) -> Connection:
    return _connection(
        "LAKE_STORAGE", settings.lake_connection, blob_uri=settings.lake_blob_uri, client_id=settings.lake_client_id
    )


def _connection(
    name: str,
    connection_string: str | None,
    *,
    blob_uri: str | None = None,
    queue_uri: str | None = None,
    client_id: str | None = None,
) -> Connection:
    if not connection_string and not blob_uri and not queue_uri:
        service = "queueServiceUri" if name == "AzureWebJobsStorage" else "blobServiceUri"
        raise OperatorError(f"no storage account: set {name} to a connection string, or {name}__{service} to an address")
    return Connection(
        connection_string=connection_string, blob_service_uri=blob_uri, queue_service_uri=queue_uri, client_id=client_id
    )
