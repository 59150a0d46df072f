"""The host starts all of an app or nothing of it, and ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from processing.domain.errors import OperatorError
from processing.local.host.local_host import HostOptions, LocalHost
from processing.storage.azure_queue import AzureQueue
from tests.local.conftest import HOST_JSON, RunHost, host_json
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
ENDLESS = 3600.0
"""Seconds: longer than any test."""


def no_queues(connection: str, name: str) -> AzureQueue:
    raise AssertionError(f"{connection} {name} was opened before the app was found good")


def start(app: func.FunctionApp, json: dict[str, Any] = HOST_JSON) -> None:
    LocalHost(app, queues=no_queues, host_json=json, settings={}, options=HostOptions(port=0)).start()


def test_a_missing_setting_is_named_together_with_its_function() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(schedule="%SWEEP_SCHEDULE%", arg_name="timer")
    def sweep(timer: func.TimerRequest) -> None: ...

    with pytest.raises(OperatorError, match="function sweep: its schedule needs the setting SWEEP_SCHEDULE, which is not set"):
        start(app)


def test_a_function_that_cannot_run_here_is_not_skipped_in_silence() -> None:
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="drop/{name}", connection="DROP_STORAGE")
    def uploaded(blob: func.InputStream) -> None: ...

    with pytest.raises(OperatorError, match="function uploaded: blobTrigger cannot run locally"):
        start(app)


def test_a_further_binding_an_unknown_parameter_and_async_are_refused() -> None:
    bound, curious, asynchronous = func.FunctionApp(), func.FunctionApp(), func.FunctionApp()

    @bound.queue_output(arg_name="out", queue_name="q", connection="C")
    @bound.route("a")
    def writes(req: func.HttpRequest, out: func.Out[str]) -> str: ...  # type: ignore[empty-body]

    @curious.route("a")
    def asks(req: func.HttpRequest, context: func.Context) -> str: ...  # type: ignore[empty-body]

    @asynchronous.timer_trigger(schedule="0 0 0 * * *", arg_name="timer")
    async def waits(timer: func.TimerRequest) -> None: ...

    for app, reason in ((bound, "the binding out"), (curious, "it must take req and nothing else"), (asynchronous, "async")):
        with pytest.raises(OperatorError, match=reason):
            start(app)


def test_an_app_without_functions_is_an_error() -> None:
    with pytest.raises(OperatorError, match="no functions"):
        start(func.FunctionApp())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batchSize", 0),
        ("batchSize", 33),
        ("messageEncoding", "utf8"),
        ("visibilityTimeout", "1 minute"),
        ("maxDequeueCount", "5"),
    ],
)
def test_a_host_json_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    app = func.FunctionApp()

    @app.route("a")
    def answer(req: func.HttpRequest) -> str: ...  # type: ignore[empty-body]

    with pytest.raises(OperatorError, match=f"host.json: {key} is"):
        start(app, host_json(**{key: value}))


def test_a_stopped_host_serves_nothing_and_leaves_no_thread_and_its_app_can_be_run_again(
    run_host: RunHost, queue: AzureQueue
) -> None:
    before = set(threading.enumerate())
    app = func.FunctionApp()

    @app.route("hello")
    def hello(req: func.HttpRequest) -> str:
        return "hello"

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def tick(timer: func.TimerRequest) -> None: ...

    @app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None: ...

    for _ in range(2):
        host = run_host(app)
        assert read(f"{host.url}/hello") == "hello"
        assert host.stop()
        with pytest.raises(urllib.error.URLError):
            read(f"{host.url}/hello")
        wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_request_that_runs_when_the_host_stops_is_still_answered(run_host: RunHost) -> None:
    begun = threading.Event()
    app = func.FunctionApp()

    @app.route("slow")
    def slow(req: func.HttpRequest) -> str:
        begun.set()
        time.sleep(0.7)
        return "finished"

    host = run_host(app)
    answers: list[str] = []
    caller = threading.Thread(target=lambda: answers.append(read(f"{host.url}/slow")))
    caller.start()
    begun.wait()
    assert host.stop()
    caller.join()
    assert answers == ["finished"]


def read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - an address of this test
        return str(answer.read().decode())


@contextmanager
def program(azurite: str, queue_name: str, *, seconds: float, grace: float) -> Iterator[subprocess.Popen[str]]:
    """A host in a process of its own, ready, whose function takes so many seconds."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.local.tiny_app", azurite, queue_name, str(seconds), str(grace)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_for_line(process, "ready")
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError("".join(seen))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_running_function_end_and_the_process_with_it(
    azurite: str, queue: AzureQueue, queue_name: str, number: signal.Signals
) -> None:
    queue.send("work")
    with program(azurite, queue_name, seconds=0.8, grace=ENDLESS) as process:
        wait_for_line(process, "working")
        process.send_signal(number)
        output, _ = process.communicate()
        assert "done" in output
        assert process.returncode == 0
    assert queue.length() == 0


def test_a_function_that_does_not_end_holds_up_the_stop_no_longer_than_the_grace(
    azurite: str, queue: AzureQueue, queue_name: str
) -> None:
    queue.send("work")
    with program(azurite, queue_name, seconds=ENDLESS, grace=0.5) as process:
        wait_for_line(process, "working")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 3
    assert queue.receive(visibility_seconds=1) is not None


@pytest.mark.timeout(120)
def test_a_second_ctrl_c_ends_at_once(azurite: str, queue: AzureQueue, queue_name: str) -> None:
    """The function and the grace that it has are longer than the test may take."""
    queue.send("work")
    with program(azurite, queue_name, seconds=ENDLESS, grace=ENDLESS) as process:
        wait_for_line(process, "working")
        process.send_signal(signal.SIGINT)
        # Two signals that come before the first is seen are one.
        wait_for_line(process, "host_stopping")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
        assert "KeyboardInterrupt" in output
