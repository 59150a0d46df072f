"""Tells Application Insights of the work, through OpenTelemetry; without a connection string nothing of it is imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog

from processing.domain.telemetry_names import METRICS, Attribute, Attributes, InstrumentKind, Metric, SpanName
from processing.ports import NoTelemetry, Telemetry

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Link, Tracer

SCOPE: Final = "dropzone"
"""The instrumentation scope of every span and metric of ours."""
MOST_LINKS: Final = 100
"""Application Insights keeps 102 of a span."""
INSTRUMENTED: Final = (
    "azure_sdk", "django", "fastapi", "flask", "httpx", "httpx2", "psycopg2", "requests", "urllib", "urllib3",
)  # fmt: skip
"""What the distribution would watch by itself."""

_TRACEPARENT: Final = "traceparent"
"""The header that W3C's propagator reads and writes."""

_log = structlog.get_logger()


def open_telemetry(connection_string: str | None) -> Telemetry:
    """Telemetry that goes to this Application Insights; silence without one, or when it cannot be opened.

    The identity is the exporter's affair: it reads `APPLICATIONINSIGHTS_AUTHENTICATION_STRING` as the Functions host does.
    """
    if not connection_string:
        return NoTelemetry()
    try:
        _configure(connection_string)
    except Exception as error:  # noqa: BLE001 - work goes on unwatched
        _log.warning("telemetry_not_opened", error=type(error).__name__)
        return NoTelemetry()
    from opentelemetry import metrics, trace  # noqa: PLC0415 - costs start-up time, and is for those who asked for it

    return OpenTelemetry(trace.get_tracer(SCOPE), metrics.get_meter(SCOPE))


class OpenTelemetry:
    """Telemetry by way of a tracer and a meter; safe to share between threads."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._counters = {
            each.name: meter.create_counter(each.name, each.unit, each.meaning)
            for each in METRICS
            if each.kind is InstrumentKind.COUNTER
        }
        self._histograms = {
            each.name: meter.create_histogram(each.name, each.unit, each.meaning)
            for each in METRICS
            if each.kind is InstrumentKind.HISTOGRAM
        }

    @contextmanager
    def span(self, name: SpanName, attributes: Attributes, *, links: Iterable[str | None] = ()) -> Iterator[None]:
        """See the port. An error is recorded by its type: its message may quote a value."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        with self._tracer.start_as_current_span(
            name.value,
            attributes=_plain(attributes),
            links=_links(links),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                kind = type(error.__cause__ or error).__name__
                span.set_status(StatusCode.ERROR, kind)
                span.set_attribute("error.type", kind)
                raise

    def set_attributes(self, attributes: Attributes) -> None:
        """See the port."""
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        get_current_span().set_attributes(_plain(attributes))

    def link(self, links: Iterable[str | None]) -> None:
        """See the port."""
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        span = get_current_span()
        for link in _links(links):
            span.add_link(link.context)

    def traceparent(self) -> str | None:
        """See the port."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        return carrier.get(_TRACEPARENT)

    def measure(self, metric: Metric, value: float, attributes: Attributes) -> None:
        """See the port."""
        if metric.kind is InstrumentKind.COUNTER:
            self._counters[metric.name].add(value, _plain(attributes))
        else:
            self._histograms[metric.name].record(value, _plain(attributes))


def _configure(connection_string: str) -> None:
    # Lines of the log reach Application Insights through the host. The distribution takes this switch from the
    # environment alone; a second copy of each line would also carry what lines may say and telemetry may not.
    os.environ["OTEL_LOGS_EXPORTER"] = "none"
    from azure.monitor.opentelemetry import configure_azure_monitor  # noqa: PLC0415

    configure_azure_monitor(
        connection_string=connection_string,
        # Their spans hold addresses, and the address of a blob is its name.
        instrumentation_options={name: {"enabled": False} for name in INSTRUMENTED},
        # One span an upload is not much. By itself it would leave most of a burst out, and links would lead nowhere.
        sampling_ratio=1.0,
        enable_live_metrics=False,
        # The platform counts processors and memory itself.
        enable_performance_counters=False,
        # The only disk is small, and is for work.
        disable_offline_storage=True,
    )


def _plain(attributes: Mapping[Attribute, str]) -> dict[str, str]:
    return {attribute.value: value for attribute, value in attributes.items()}


def _links(links: Iterable[str | None]) -> list[Link]:
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import Link, get_current_span  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    propagator = TraceContextTextMapPropagator()
    different = dict.fromkeys(traceparent for traceparent in links if traceparent is not None)
    # A text that is no traceparent leaves the context as it was, empty, and an empty one has no valid span.
    read = (propagator.extract({_TRACEPARENT: traceparent}, Context()) for traceparent in different)
    found = (get_current_span(context).get_span_context() for context in read)
    return [Link(each) for each in islice((each for each in found if each.is_valid), MOST_LINKS)]
