"""A worker that dies, or whose connection breaks, at any storage call of an ingest costs nothing and doubles nothing.

The upload is the hardest there is: it overwrites one that is in force, holds rejected rows, and falls on two days. Each
worker is killed at one call, before it reaches the store or after the store has done it; then the event is delivered again.
All uploads belong to one customer, so that a marker at the end shows that exactly the new rows are published.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import polars as pl

from processing import wiring
from processing.domain import blob_names
from processing.jobs.uploads.receive_file import receive_file
from processing.settings import load_settings
from processing.stored.installation import check_zone
from tests.azurite.test_kills import upstream
from tests.support.installation import HEADER, ROOT, Installation, metrics_csv
from tests.support.proxy import Moment, Proxy, Request
from tests.support.soak import IS_SOAK, chosen

DAY = "2026-11-18"
NEXT = "2026-11-19"
MOST_KILLS = 26
AT_ONCE = 2
"""Processes; each is a whole Python with the engine in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A call of one worker, and the side of it on which the worker is struck."""

    number: int
    moment: Moment

    @property
    def key(self) -> str:
        return f"{self.number:02d}-{self.moment}"

    @property
    def name(self) -> str:
        """The upload that this worker answers."""
        return f"metrics/{self.key}.csv"

    def old(self) -> bytes:
        return metrics_csv(DAY, {f"gone-{self.key}": 1, f"u-{self.key}": 1})

    def new(self) -> bytes:
        first = metrics_csv(DAY, {f"u-{self.key}": self.number, f"bad-{self.key}": "x"})
        return first + metrics_csv(NEXT, {f"v-{self.key}": self.number, f"worse-{self.key}": "y"}).removeprefix(HEADER.encode())


def overwritten(installation: Installation, fault: Fault) -> str:
    """Have the old version answered and upload the new one; returns its event."""
    installation.deliver(installation.upload(fault.name, fault.old()))
    return installation.upload(fault.name, fault.new())


def calls_of_an_undisturbed_run(installation: Installation) -> list[Request]:
    fault = Fault(number=0, moment=Moment.BEFORE)
    event = overwritten(installation, fault)
    with Proxy(upstream=upstream(installation)) as proxy:
        environment = installation.child_environment(proxy.through(installation.connection_string))
        subprocess.run(installation.child_command("fileuploaded", event), env=environment, cwd=ROOT, check=True)
    check_answer(installation, fault)
    return proxy.seen


def calls_of_a_running_program(installation: Installation) -> int:
    """How many calls an ingest makes in a process that has asked already what each asks once."""
    return sum(call.path != "/state/installation.json" for call in calls_of_an_undisturbed_run(installation))


def kill_worker(installation: Installation, fault: Fault, event: str) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def hook(request: Request, moment: Moment) -> bool:
        if (request.number, moment) != (fault.number, fault.moment):
            return False
        os.kill(process[0].pid, signal.SIGKILL)
        process[0].wait()
        return True

    with Proxy(upstream=upstream(installation), hook=hook) as proxy:
        environment = installation.child_environment(proxy.through(installation.connection_string))
        process.append(subprocess.Popen(installation.child_command("fileuploaded", event), env=environment, cwd=ROOT))
        assert process[0].wait() == -signal.SIGKILL, f"call {fault.number} never came"


def break_connection(installation: Installation, fault: Fault) -> None:
    """The worker lives on, and the SDK sends the call again."""
    struck: list[int] = []

    def hook(request: Request, moment: Moment) -> bool:
        is_here = (request.number, moment) == (fault.number, fault.moment)
        if is_here:
            struck.append(request.number)
        return is_here

    with Proxy(upstream=upstream(installation), hook=hook) as proxy:
        storage = proxy.through(installation.connection_string)
        settings = load_settings().model_copy(update={"drop_connection": storage, "lake_connection": storage})
        context = wiring.build_app(settings)
        check_zone(context.lake, context.zone)  # as a process does when it starts, so that the calls have the same numbers
        receive_file(context, installation.drop, fault.name)
    assert struck, f"call {fault.number} never came"


def check_answer(installation: Installation, fault: Fault) -> None:
    """The one receipt speaks of the new version, and what it names is there and holds what it says."""
    receipt = installation.receipt(fault.name)
    present = installation.context.drop.head(installation.drop, fault.name)
    assert present is not None
    assert (receipt["etag"], receipt["status"]) == (present.etag, "accepted_with_rejects"), fault
    assert receipt["rows"] == {"read": 4, "accepted": 2, "rejected": 2, "filtered": 0}
    assert receipt["days"] == receipt["in_force"]["days"] == {DAY: 1, NEXT: 1}
    assert receipt["in_force"]["etag"] == present.etag
    assert [row["record"] for row in installation.rejected(fault.name)] == [2, 4]
    fix = installation.context.drop.get(blob_names.receipts_container(installation.customer), receipt["fix_blob"])
    assert fix is not None
    assert [line.count(b"_errors") for line in fix[0].splitlines()] == [1, 0, 0], "a header and two records"
    rows: dict[tuple[str, str], float] = {}
    for part in receipt["in_force"]["parts"]:
        parsed = blob_names.PartName.parse(part["name"])
        found = installation.context.lake.get(blob_names.STAGED_CONTAINER, part["name"])
        assert parsed is not None
        assert found is not None, fault
        frame = pl.read_parquet(BytesIO(found[0]))
        assert frame.height == part["rows"]
        rows |= {(str(parsed.day), unit): value for unit, value in frame.select("unit_id", "metric_value").iter_rows()}
    assert rows == {(DAY, f"u-{fault.key}"): fault.number, (NEXT, f"v-{fault.key}"): fault.number}


def check_publication(installation: Installation, faults: Iterable[Fault]) -> None:
    """Markers publish exactly the new rows of every upload, and each upload has one receipt."""
    faults = list(faults)
    receipts = {info.name for info in installation.context.drop.list_blobs(f"receipts-{installation.customer}", "metrics/")}
    names = {name for name in receipts if blob_names.is_receipt(name)}
    assert names == {blob_names.receipt_name(fault.name) for fault in faults}
    installation.deliver(*(installation.upload(f"signals/{day}", b"") for day in (DAY, NEXT)))
    installation.tick()
    assert installation.values(DAY) == {f"u-{fault.key}": fault.number for fault in faults}
    assert installation.values(NEXT) == {f"v-{fault.key}": fault.number for fault in faults}
    assert installation.day(DAY)["files"] == installation.day(NEXT)["files"] == len(faults)
    assert installation.day(DAY)["superseded"] == 0
    installation.assert_consistent()


def test_killed_at_any_storage_call(installation: Installation) -> None:
    calls = calls_of_an_undisturbed_run(installation)
    written = [call.path for call in calls if call.method == "PUT"]
    # The note of the attempt is written twice: that of the former version, which the sweep takes away, is there still.
    assert len(written) == 8, "the attempt's note, two parts, rejected rows, the fix file, the change's note and the receipt"
    assert len(set(written)) == 7
    assert "/attempts/" in written[0], "the attempt is noted before anything is written"
    assert re.search(r"\.receipt\.json$", written[-1])
    (receipt,) = (call.number for call in calls if call.path == written[-1] and call.method == "PUT")
    assert not calls[receipt:], "after the receipt nothing is done: the sweep takes the note away"
    # Death after a read leaves what death before the next call does: in a soak it is tried too.
    moments = {call.number: tuple(Moment) if IS_SOAK or call.method == "PUT" else (Moment.BEFORE,) for call in calls}
    faults = [Fault(number=number, moment=moment) for number in moments for moment in moments[number]]
    assert IS_SOAK or len(faults) <= MOST_KILLS
    faults = list(chosen(faults, len(faults)))
    events = {fault: overwritten(installation, fault) for fault in faults}

    def act(fault: Fault) -> None:
        kill_worker(installation, fault, events[fault])

    with ThreadPoolExecutor(AT_ONCE) as workers:
        list(workers.map(act, faults))
    for fault in faults:
        has_new_receipt = installation.receipt(fault.name)["status"] == "accepted_with_rejects"
        is_after = fault.number > receipt or (fault.number, fault.moment) == (receipt, Moment.AFTER)
        assert has_new_receipt == is_after, fault
        installation.deliver(events[fault])
        check_answer(installation, fault)
    check_publication(installation, [Fault(number=0, moment=Moment.BEFORE), *faults])


def test_a_connection_that_breaks_at_any_storage_call(installation: Installation) -> None:
    count = calls_of_a_running_program(installation)
    faults = [Fault(number=number, moment=moment) for number in range(1, count + 1) for moment in Moment]
    for fault in faults:
        overwritten(installation, fault)
    with ThreadPoolExecutor(12) as workers:
        list(workers.map(lambda fault: break_connection(installation, fault), faults))
    for fault in faults:
        check_answer(installation, fault)
    check_publication(installation, [Fault(number=0, moment=Moment.BEFORE), *faults])
