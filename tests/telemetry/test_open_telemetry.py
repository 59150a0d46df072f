"""The adapter emits what the port is given, and nothing of OpenTelemetry is there for those who did not ask for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from azure.monitor.opentelemetry._constants import _ALL_SUPPORTED_INSTRUMENTED_LIBRARIES
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from processing.domain.telemetry_names import DAY_LAG, METRICS, ROWS, Attribute, SpanName, is_traceparent
from processing.local.environment import PROJECT
from processing.ports import NoTelemetry
from processing.telemetry import INSTRUMENTED, MOST_LINKS, SCOPE, OpenTelemetry, open_telemetry

STREAM = {Attribute.CUSTOMER: "acme", Attribute.DATASET: "metrics"}


class Exported:
    """The adapter on a real SDK whose exporters keep what they get."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.telemetry = OpenTelemetry(tracers.get_tracer(SCOPE), meters.get_meter(SCOPE))

    def points(self) -> dict[str, NumberDataPoint | HistogramDataPoint]:
        """The last point of each metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        found: dict[str, NumberDataPoint | HistogramDataPoint] = {}
        for metric in (
            each for resource in data.resource_metrics for scope in resource.scope_metrics for each in scope.metrics
        ):
            for point in metric.data.data_points:
                assert isinstance(point, NumberDataPoint | HistogramDataPoint)
                found[metric.name] = point
        return found


def test_a_span_has_its_attributes_its_parent_and_links_to_the_work_that_caused_it() -> None:
    exported = Exported()
    telemetry = exported.telemetry
    with telemetry.span(SpanName.SWEEP, {}):
        traceparent = telemetry.traceparent()
    assert is_traceparent(traceparent)
    with telemetry.span(SpanName.WORK_STREAM, STREAM, links=[traceparent, None, "not a trace"]):
        with telemetry.span(SpanName.PROCESS_DAY, STREAM):
            telemetry.set_attributes({Attribute.OUTCOME: "processed"})
            telemetry.link([traceparent, traceparent])
        telemetry.set_attributes({Attribute.OUTCOME: "done"})
    sweep, day, turn = exported.exporter.get_finished_spans()
    assert [sweep.name, day.name, turn.name] == ["sweep", "process_day", "work_stream"]
    assert dict(day.attributes or {}) == {"customer": "acme", "dataset": "metrics", "outcome": "processed"}
    assert dict(turn.attributes or {})["outcome"] == "done"
    assert day.parent == turn.context
    assert turn.parent is None
    for span in (day, turn):
        assert [(each.context.trace_id, each.context.span_id) for each in span.links] == [
            (sweep.context.trace_id, sweep.context.span_id)
        ]


def test_no_more_causes_are_kept_than_application_insights_takes() -> None:
    exported = Exported()
    with exported.telemetry.span(SpanName.PROCESS_DAY, STREAM):
        exported.telemetry.link(f"00-{number:032x}-{number:016x}-01" for number in range(1, 500))
    (span,) = exported.exporter.get_finished_spans()
    assert len(span.links) == MOST_LINKS


def test_an_error_passes_and_its_message_is_not_told() -> None:
    exported = Exported()
    with pytest.raises(ValueError, match="Kunigunde"), exported.telemetry.span(SpanName.SWEEP, {}):
        raise ValueError("Kunigunde")
    (span,) = exported.exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "ValueError" in span.to_json()
    assert "Kunigunde" not in span.to_json()


def test_counters_add_up_and_histograms_keep_their_extremes() -> None:
    exported = Exported()
    for count in (2, 3):
        exported.telemetry.measure(ROWS, count, STREAM | {Attribute.OUTCOME: "accepted"})
        exported.telemetry.measure(DAY_LAG, count, STREAM)
    rows, lag = exported.points()[ROWS.name], exported.points()[DAY_LAG.name]
    assert isinstance(rows, NumberDataPoint)
    assert rows.value == 5
    assert rows.attributes == {"customer": "acme", "dataset": "metrics", "outcome": "accepted"}
    assert isinstance(lag, HistogramDataPoint)
    assert (lag.count, lag.sum, lag.min, lag.max) == (2, 5, 2, 3)


def test_every_metric_can_be_told() -> None:
    exported = Exported()
    for metric in METRICS:
        exported.telemetry.measure(metric, 1, dict.fromkeys(metric.attributes, "x"))
    assert set(exported.points()) == {metric.name for metric in METRICS}


def test_outside_of_a_span_there_is_no_trace() -> None:
    assert Exported().telemetry.traceparent() is None


@pytest.mark.parametrize("connection", [None, ""])
def test_without_a_connection_string_nothing_is_told(connection: str | None) -> None:
    assert isinstance(open_telemetry(connection), NoTelemetry)


def test_every_library_that_the_distribution_would_watch_is_named() -> None:
    """Their spans hold addresses; a new version may watch more of them."""
    assert set(INSTRUMENTED) == set(_ALL_SUPPORTED_INSTRUMENTED_LIBRARIES)


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


STARTED = """
import sys
import function_app
from processing import wiring
print(type(wiring.app().telemetry).__name__)
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry", "azure.monitor"))))
"""
STORAGE = "UseDevelopmentStorage=true"


def test_without_a_connection_string_no_module_of_opentelemetry_is_imported(azurite: str) -> None:
    out = run(STARTED, DROP_STORAGE=azurite, LAKE_STORAGE=azurite, AzureWebJobsStorage=azurite)
    assert out.split("\n")[:2] == ["NoTelemetry", "[]"]


def test_a_connection_string_that_cannot_be_read_stops_no_work() -> None:
    out = run("from processing.telemetry import open_telemetry\nprint(type(open_telemetry('nonsense')).__name__)")
    assert "NoTelemetry" in out


SENT = """
import gzip, json, os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = "Kunigunde"
bodies = []

class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bodies.append((gzip.decompress(body) if body[:2] == b"\\x1f\\x8b" else body).decode())
        count = bodies[-1].count('"iKey"')
        answer = json.dumps({"itemsReceived": count, "itemsAccepted": count, "errors": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_PUT = do_HEAD = do_GET
    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/"
from processing.telemetry import open_telemetry
from processing.domain.telemetry_names import ROWS, Attribute, SpanName
telemetry = open_telemetry(f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={address}")
from azure.storage.blob import BlobClient
import logging, urllib.request, urllib.error, requests
logging.getLogger().setLevel(logging.INFO)
attributes = {Attribute.CUSTOMER: "acme", Attribute.DATASET: "metrics", Attribute.OUTCOME: "accepted"}
with telemetry.span(SpanName.RECEIVE_FILE, attributes):
    telemetry.measure(ROWS, 7, attributes)
    logging.getLogger("dropzone").info("%s is in a log", SECRET)
    requests.get(f"{address}{SECRET}-requests")
    try:
        urllib.request.urlopen(f"{address}{SECRET}-urllib")
    except urllib.error.HTTPError:
        pass
    blob = BlobClient(address + "acc", "drop-acme", f"{SECRET}.csv", credential={"account_name": "acc", "account_key": "a2V5"})
    blob.exists()
from opentelemetry import _logs, metrics, trace
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
    getattr(provider, "force_flush", bool)()  # one that was never opened has nothing to send
text = "".join(bodies)
items = [item["data"] for body in bodies for item in json.loads(body)]
kinds = sorted(item["baseType"] for item in items)
names = sorted(metric["name"] for item in items for metric in item["baseData"].get("metrics", ()))
print(json.dumps({"kinds": kinds, "metrics": names, "span": '"receive_file"' in text, "secret": SECRET in text}), flush=True)
os._exit(0)  # without the last sending at exit
"""


def test_what_leaves_the_process_has_no_name_of_a_blob_and_no_line_of_the_log() -> None:
    """The real distribution sends to a server of the test, while the libraries that it could watch are at work."""
    quiet = {
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "azure_app_service",
    }
    assert json.loads(run(SENT, **quiet)) == {
        "kinds": ["MetricData", "MetricData", "RemoteDependencyData"],
        "metrics": ["_OTELRESOURCE_", "dropzone.rows"],
        "span": True,
        "secret": False,
    }
