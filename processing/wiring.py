"""Puts the program together: the only file that names concrete adapters."""

from __future__ import annotations

import atexit
import threading
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import structlog

from processing.domain import blob_names
from processing.domain.days import day_zone
from processing.domain.errors import OperatorError
from processing.domain.queue_messages import CUSTOMER_WORK, DROP_EVENTS, QUEUES, STREAM_WORK
from processing.domain.readiness.observation import ReadinessPolicy
from processing.logs import configure_logs
from processing.settings import Settings, load_settings, program_version
from processing.storage.append_blobs import AzureAppendBlobs
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.clock import SystemClock
from processing.storage.connections import Connection
from processing.storage.late_queue import LateQueue
from processing.storage.late_tables import LateTables
from processing.storage.scratch import own_scratch
from processing.stored.context import JobContext, Retention
from processing.stored.installation import check_zone
from processing.stored.recent import Recent
from processing.telemetry import open_telemetry

if TYPE_CHECKING:
    import polars as pl

    from processing.storage.azure_queue import AzureQueue
    from processing.web.background import WebApp

_making_web: Final = threading.Lock()
"""Requests come beside each other, the first ones too."""


def build_app(settings: Settings, *, is_quick: bool = False) -> JobContext:
    """The jobs' outside world for these settings; OperatorError when a connection is missing.

    One that is quick gives up on storage within seconds, because somebody waits.
    """
    drop = _connection(
        "DROP_STORAGE", settings.drop_connection, blob_uri=settings.drop_blob_uri, client_id=settings.drop_client_id
    )
    lake, results, host = _lake(settings), results_connection(settings), _host(settings)
    drop, lake, results, host = (replace(each, is_quick=is_quick) for each in (drop, lake, results, host))
    lake_blobs = AzureBlobStore(lake.blob_service())
    own_results = AzureBlobStore(results.blob_service()) if results != lake else None
    return JobContext(
        drop=AzureBlobStore(drop.blob_service()),
        lake=lake_blobs,
        own_results=own_results,
        tables=LateTables(results, own_results or lake_blobs),
        append_blobs=AzureAppendBlobs(drop.blob_service()),
        drop_events=LateQueue(host, DROP_EVENTS),
        stream_work=LateQueue(host, STREAM_WORK),
        customer_work=LateQueue(host, CUSTOMER_WORK),
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
        files_at_a_time=settings.files_at_a_time,
        small_file_bytes=settings.small_file_bytes,
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


def web() -> WebApp:
    """The web app of this process and what it does in the background, made and begun on first use, and once."""
    with _making_web:
        return _web()


@cache
def _web() -> WebApp:
    from processing.web.app import create_app  # noqa: PLC0415 - not for the doors that serve no requests
    from processing.web.background import WebApp  # noqa: PLC0415
    from processing.web.operators import OperatorPolicy, Operators  # noqa: PLC0415

    usual, settings = app(), load_settings()
    quick = build_app(settings, is_quick=True)
    policy = settings.operator_tenant and OperatorPolicy(
        tenant=settings.operator_tenant,
        audience=settings.operator_audience,
        role=settings.operator_role,
        authority=settings.operator_authority,
    )
    context = replace(
        usual,
        drop=quick.drop,
        lake=quick.lake,
        own_results=quick.own_results,
        append_blobs=quick.append_blobs,
        drop_events=quick.drop_events,
    )
    made = WebApp.begin(context, partial(create_app, origins=settings.origins, operators=Operators(policy or None)))
    # What is left in the journal when the process dies without this becomes uploads by the sweep.
    atexit.register(made.stop)
    return made


def stop_web() -> None:
    """End what the web app does in the background, where it was begun; what it took becomes uploads."""
    if _web.cache_info().currsize:
        _web().stop()


def open_queue(settings: Settings, name: str) -> AzureQueue:
    """A queue of the host account."""
    from processing.storage.azure_queue import AzureQueue  # noqa: PLC0415 - not for commands that only look

    return AzureQueue(_host(settings).queue_service(), name)


def read_table(settings: Settings, container: str, table: str) -> pl.DataFrame:
    """The latest version of a Delta table, read as any Delta reader does; the account is that of results."""
    import polars as pl  # noqa: PLC0415 - for those who read tables

    return pl.read_delta(f"az://{container}/{table}", storage_options=results_connection(settings).delta_options())


def prepare_storage(settings: Settings) -> None:
    """Create what an installation has from its first day, where it is not there: queues and the lake's containers."""
    for name in QUEUES:
        open_queue(settings, name).ensure()
    lake = build_app(settings).lake
    for container in blob_names.LAKE_CONTAINERS:
        lake.create_container(container)


def _lake(settings: Settings) -> Connection:
    return _connection(
        "LAKE_STORAGE", settings.lake_connection, blob_uri=settings.lake_blob_uri, client_id=settings.lake_client_id
    )


def results_connection(settings: Settings) -> Connection:
    """The account of results: the lake's, unless one of their own is set."""
    if not settings.results_connection and not settings.results_blob_uri:
        return _lake(settings)
    return _connection(
        "RESULTS_STORAGE",
        settings.results_connection,
        blob_uri=settings.results_blob_uri,
        client_id=settings.results_client_id,
    )


def _host(settings: Settings) -> Connection:
    return _connection(
        "AzureWebJobsStorage", settings.host_connection, queue_uri=settings.host_queue_uri, client_id=settings.host_client_id
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
