"""Clients that send rows over HTTP, at a pace or as fast as they are answered, and the count of what became of every row."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.emulated import context_for, new_customer
from processing.domain import blob_names
from processing.domain.api_keys import Scope
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.context import JobContext
from processing.stored.keys import create_key
from processing.stored.receipts import read_receipt

_ROOT: Final = Path(__file__).resolve().parents[2]
_LIMITS: Final = b"limits: {rows_per_second: 1000000, concurrent_requests: 100}\n"
_OK: Final = 200


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:  # noqa: ARG001 - nothing is written here
    """The work: `clients` threads with `rows` a request for `seconds`; `found` has counts, times, and the server's memory.

    With `pace`, rows a second of all clients together, a request has its time, and what it waits behind that counts as well.
    """
    context = context_for(task["connection"])
    customer = new_customer(context)
    context.lake.put(blob_names.CONFIG_CONTAINER, blob_names.config_name(customer), _LIMITS)
    key, _ = create_key(context, customer, [Scope.LOG])
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.http_server"], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None  # noqa: S101 - it was asked for
    address = urlsplit(server.stdout.readline().strip()).netloc
    _Client(address, key, 0, task["rows"]).send_one()

    def work() -> dict[str, Any]:
        clients = [_Client(address, key, number, task["rows"]) for number in range(1, task["clients"] + 1)]
        memory, began = _Memory(server.pid), time.perf_counter()
        until, pace = began + task["seconds"], task.get("pace")
        every = None if pace is None else len(clients) * task["rows"] / pace
        with ThreadPoolExecutor(len(clients)) as pool, memory:
            if every is None:
                list(pool.map(lambda client: client.send_until(until), clients))
            else:
                starts = [began + every * place / len(clients) for place in range(len(clients))]
                list(pool.map(lambda client, start: client.send_each(every, start, until), clients, starts))
        server.communicate()  # its journal becomes uploads
        seconds = sorted(each for client in clients for each in client.seconds)
        answered = sum(client.answered for client in clients)
        return {
            "requests": len(seconds),
            "rows": answered,
            "refused": sum(client.refused for client in clients),
            "p50": statistics.quantiles(seconds, n=100)[49],
            "p99": statistics.quantiles(seconds, n=100)[98],
            "early_mib": memory.early,
            "late_mib": memory.late,
            **_counted(context, customer, answered + task["rows"]),
        }

    return work


class _Client:
    def __init__(self, address: str, key: str, number: int, rows: int) -> None:
        self._address, self._number, self._rows = address, number, rows
        self._headers = {"x-api-key": key, "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(address)
        self.seconds: list[float] = []
        self.answered = self.refused = 0

    def send_until(self, until: float) -> None:
        while time.perf_counter() < until:
            self.send_one()

    def send_each(self, every: float, start: float, until: float) -> None:
        """One request each so many seconds from `start` on, which are later when an answer takes longer."""
        due = start
        while due < until:
            time.sleep(max(0.0, due - time.perf_counter()))
            self.send_one(due)
            due += every

    def send_one(self, due: float | None = None) -> None:
        stem = f"{self._number}-{len(self.seconds)}"
        rows = [
            {"unit_id": f"u-{stem}-{each}", "id_type": "user_id", "metric_name": "revenue", "metric_value": each}
            for each in range(self._rows)
        ]
        body = json.dumps({"metrics": rows}).encode()
        began = time.perf_counter() if due is None else due
        self._connection.request("POST", "/v1/log_custom_metric", body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        self.seconds.append(time.perf_counter() - began)
        if answer.status == _OK:
            self.answered += self._rows
        else:
            self.refused += 1


class _Memory:
    """Resident memory of a process, a sixth of the time after the beginning and at the end."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._seen: list[float] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.early, self.late = self._seen[len(self._seen) // 6], self._seen[-1]

    def _watch(self) -> None:
        while True:
            lines = self._status.read_text(encoding="utf-8").splitlines()
            self._seen.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")))
            if self._over.wait(0.5):
                return


def _counted(context: JobContext, customer: str, answered: int) -> dict[str, Any]:
    """Whether every answered row is in one upload, and in its receipt."""
    container = blob_names.drop_container(customer)
    rows: Counter[str] = Counter()
    accepted = 0
    for info in list(context.drop.list_blobs(container)):
        found = context.drop.get(container, info.name)
        if found is not None:
            rows.update(json.loads(line)["unit_id"] for line in found[0].splitlines())
        receive_file(context, container, info.name)
        receipt = read_receipt(context.drop, customer, info.name)
        accepted += receipt[0].rows.accepted if receipt is not None else 0
    twice = sum(count > 1 for count in rows.values())
    return {"lost": answered - len(rows), "twice": twice, "not_in_receipts": answered - accepted}
