"""A process killed between two storage calls leaves nothing that the next one does not put right (protocol).

A proxy in front of the emulator kills the process, with SIGKILL, at the moment a chosen call reaches or has changed the
store. What follows is what the platform does: the message is delivered again, to another process.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import stream_work
from processing.domain.streams import Stream
from tests.support.doors import open_door
from tests.support.installation import ROOT, Installation, metrics_csv
from tests.support.proxy import Moment, Proxy, Request

DAY = "2026-11-18"
NEXT = "2026-11-19"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Where the process ends."""

    moment: Moment
    method: str
    path: str
    """Regular expression of the path."""

    def at(self, request: Request, moment: Moment) -> bool:
        """Whether this is the place."""
        return moment is self.moment and request.method == self.method and re.search(self.path, request.path) is not None


def killed(installation: Installation, door: str, body: str, kill: Kill) -> None:
    """Open a door in a child that dies at `kill`; fails when it never gets there."""
    ready: list[int] = []
    process: list[subprocess.Popen[bytes]] = []

    def hook(request: Request, moment: Moment) -> bool:
        if ready or not kill.at(request, moment):
            return False
        ready.append(request.number)
        os.kill(process[0].pid, signal.SIGKILL)
        process[0].wait()
        return True

    with Proxy(upstream=upstream(installation), hook=hook) as proxy:
        environment = installation.child_environment(proxy.through(installation.connection_string))
        process.append(subprocess.Popen(installation.child_command(door, body), env=environment, cwd=ROOT))
        assert process[0].wait() == -signal.SIGKILL
    assert ready, "the call at which the process was to die never came"
    installation.let_lease_expire()


def upstream(installation: Installation) -> str:
    found = re.search(r"BlobEndpoint=(http://127\.0\.0\.1:\d+)", installation.connection_string)
    assert found is not None
    return found[1]


def parts(installation: Installation) -> set[str]:
    prefix = blob_names.parts_prefix(Stream(installation.customer, Dataset.METRICS))
    return {info.name for info in installation.context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix)}


def test_killed_after_the_parts_and_before_the_receipt(installation: Installation) -> None:
    event = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1, "u2": "x"}))
    killed(installation, "fileuploaded", event, Kill(moment=Moment.BEFORE, method="PUT", path=r"a\.csv\.receipt\.json$"))
    lost = parts(installation)
    assert len(lost) == 1
    assert installation.context.drop.head(f"receipts-{installation.customer}", "metrics/a.csv.receipt.json") is None

    installation.deliver(event, installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.receipt("metrics/a.csv")["rows"] == {"read": 2, "accepted": 1, "rejected": 1, "filtered": 0}
    (part,) = installation.receipt("metrics/a.csv")["in_force"]["parts"]
    assert part["name"] not in lost
    assert installation.values(DAY) == {"u1": 1.0}
    assert installation.day(DAY)["files"] == 1
    installation.assert_consistent()


def test_killed_after_the_receipt(installation: Installation) -> None:
    event = installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1}))
    killed(installation, "fileuploaded", event, Kill(moment=Moment.AFTER, method="PUT", path=r"a\.csv\.receipt\.json$"))
    answered = installation.receipt("metrics/a.csv")
    assert answered["status"] == "accepted"

    installation.deliver(event)
    assert installation.receipt("metrics/a.csv") == answered
    assert len(parts(installation)) == 1
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {"u1": 1.0}
    installation.assert_consistent()


def ready_day(installation: Installation) -> None:
    """A day that the next worker will publish."""
    installation.deliver(installation.upload("metrics/a.csv", metrics_csv(DAY, {"u1": 1, "u2": 2})))
    installation.deliver(installation.upload(f"signals/{DAY}", b""))


DAY_KILLS = {
    "after the manifest, before the commit": (
        Kill(moment=Moment.AFTER, method="PUT", path=r"/state/manifests/"),
        lambda installation: installation.state().seq == 0,
    ),
    "after the commit, before any table": (
        Kill(moment=Moment.BEFORE, method="PUT", path=r"/metric_rows/_delta_log/0*1\.json$"),
        lambda installation: installation.state().pending is not None,
    ),
    "between two tables": (
        Kill(moment=Moment.BEFORE, method="PUT", path=r"/metric_days/_delta_log/0*1\.json$"),
        lambda installation: installation.table("metric_rows").height == 2 and installation.table("metric_days").height == 0,
    ),
    "after a table, its answer lost": (
        Kill(moment=Moment.AFTER, method="PUT", path=r"/metric_rows/_delta_log/0*1\.json$"),
        lambda installation: installation.table("metric_rows").height == 2 and installation.state().pending is not None,
    ),
}


@pytest.mark.parametrize("name", DAY_KILLS)
def test_killed_while_a_day_is_processed(installation: Installation, name: str) -> None:
    kill, left_behind = DAY_KILLS[name]
    check: Callable[[Installation], bool] = left_behind
    ready_day(installation)
    installation.wait_a_second()
    open_door("daytimer")
    killed(installation, "dayworker", stream_work(Stream(installation.customer, Dataset.METRICS)), kill)
    assert check(installation), "the process did not die where it was to"
    assert installation.day(DAY)["state"] != "processed"

    installation.tick()
    assert installation.state().seq == 1
    assert installation.values(DAY) == {"u1": 1.0, "u2": 2.0}
    assert installation.day(DAY)["state"] == "processed"
    for table in ("metric_rows", "metric_days", "days"):
        assert installation.commits(table) == 1, "one commit for each publication and table"
    installation.assert_consistent()

    # What was left behind is in nobody's way.
    installation.deliver(installation.upload("metrics/b.csv", metrics_csv(NEXT, {"u1": 5})))
    installation.deliver(installation.upload(f"signals/{NEXT}", b""))
    installation.tick()
    assert installation.values(NEXT) == {"u1": 5.0}
    installation.assert_consistent()
