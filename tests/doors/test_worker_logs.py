"""Lines of the log as the worker of Azure Functions has them: level and invocation go to the host with each.

The worker that starts a Python 3.13 app (`proxy_worker`) comes with the platform and not from a registry. Its handler stands on
the root logger; it formats a record, and sends level, category and the invocation, which the runtime library keeps in a context
variable (`azure_functions_runtime`, which is in the registry, and is asked here where it is installed).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from processing.local.environment import PROJECT

# The handler as the worker has it: what it sends is what would go to the host.
HANDLER = """
import contextvars, json, logging, sys, types

invocation = contextvars.ContextVar("invocation_id", default=None)

class AsyncLoggingHandler(logging.Handler):
    def emit(self, record):
        sent.append([record.levelname, record.name, self.format(record), invocation.get()])

AsyncLoggingHandler.__module__ = "proxy_worker.dispatcher"
sent, console = [], logging.StreamHandler(sys.stdout)
logging.getLogger().addHandler(console)  # as the worker leaves one that is for itself
logging.getLogger().addHandler(AsyncLoggingHandler())
"""
JOB = """
import structlog
from processing.logs import configure_logs

def job():
    configure_logs()
    structlog.get_logger("processing.jobs.tried").info("swept", customer="acme", unanswered=3)
    structlog.get_logger().error("day_failed", error="no")
    logging.getLogger("somebody").warning("by %s", "others")
    logging.getLogger("azure.core").info("a request")
"""
ALONE = f"{HANDLER}{JOB}\njob()\nprint(json.dumps(sent), file=sys.stderr)"
BY_THE_RUNTIME = f"""
{HANDLER}{JOB}
from types import SimpleNamespace
from azure_functions_runtime.utils import executor
invocation = executor.invocation_id_cv
executor.run_sync_func("an-invocation", SimpleNamespace(thread_local_storage=SimpleNamespace()), job, {{}})
print(json.dumps(sent), file=sys.stderr)
"""


def ran(program: str) -> tuple[list[Any], str]:
    """What the handler sent, and what came out on standard output."""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *before, last = done.stderr.splitlines()
    assert before == [], "nothing goes to standard error, of which the host guesses the level"
    return json.loads(last), done.stdout


def test_the_workers_handler_has_every_line_with_its_level() -> None:
    sent, printed = ran(ALONE)
    assert [level for level, *_ in sent] == ["INFO", "ERROR", "WARNING"]
    swept, failed, others = (json.loads(message) for _, _, message, _ in sent)
    assert (swept["event"], swept["customer"], swept["unanswered"], swept["level"]) == ("swept", "acme", 3, "info")
    assert failed["event"] == "day_failed"
    assert others["event"] == "by others"
    assert printed == "", "no line comes twice"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the Functions worker's own package needs Python 3.13")
def test_a_line_of_a_job_that_the_runtime_runs_has_its_invocation() -> None:
    sent, _ = ran(BY_THE_RUNTIME)
    assert {each for *_, each in sent} == {"an-invocation"}


def test_without_a_worker_lines_go_to_standard_error() -> None:
    program = "import logging, structlog\nfrom processing.logs import configure_logs\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}configure_logs(); structlog.get_logger().info('swept')"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr)["event"] == "swept"
