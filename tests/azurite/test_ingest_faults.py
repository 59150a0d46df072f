"""Storage that refuses, breaks off, stalls or sends half an answer delays the answer to an upload and changes nothing of it.

Each upload meets one fault at one of the calls of its ingest: once, so that trying again helps, or as often as the same
call is tried. It is answered, or has a receipt that says `failed` and when it is tried again, or the event is delivered again;
neither the logs nor any receipt hold the key of the account or an id that the config masks. In a soak every fault
befalls every call.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from processing.domain import blob_names
from processing.domain.errors import LaterError, OperatorError
from processing.domain.receipts import UploadStatus
from processing.jobs.uploads.receive_file import Outcome, receive_file
from processing.storage import emulator
from tests.azurite import test_ingest_kills as kills
from tests.support.door_process import service_address
from tests.support.faults import FAULTS, FaultPlan, impatient
from tests.support.installation import Installation
from tests.support.proxy import Moment, Proxy, Request
from tests.support.soak import IS_SOAK, chosen

ALWAYS = 4
"""As often as a call is tried in all."""
AT_ONCE = 8
PRIVATE: Final = re.compile(r"\b(?:u|v|gone|bad|worse)-\d\d")
"""The ids of units in the uploads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What befalls the ingest of one upload."""

    sent: kills.Fault
    fault: str
    number: int
    times: int


def troubles(calls: int) -> list[Trouble]:
    """Every fault once and always, at every call or at one each."""
    kinds = [(fault, times) for fault in FAULTS for times in (1, ALWAYS)]
    if IS_SOAK:
        every = [(number, *kind) for number in range(1, calls + 1) for kind in kinds]
        places = chosen(every, len(every))
    else:
        places = [(1 + int(index * 0.618 * calls) % calls, *kind) for index, kind in enumerate(kinds)]
    return [
        Trouble(sent=kills.Fault(number=index, moment=Moment.AFTER), fault=fault, number=number, times=times)
        for index, (number, fault, times) in enumerate(places, 1)
    ]


def test_a_fault_at_any_storage_call_of_an_ingest(installation: Installation, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    config = blob_names.config_name(installation.customer)
    installation.context.lake.put(blob_names.CONFIG_CONTAINER, config, b"mask_values: true\n")
    befallen = troubles(kills.calls_of_a_running_program(installation))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        events = list(threads.map(lambda trouble: kills.overwritten(installation, trouble.sent), befallen))
        runs = [threads.submit(meet, installation, trouble, event) for trouble, event in zip(befallen, events, strict=True)]
    errors = [error for run in runs if (error := run.exception()) is not None]
    if errors:
        raise BaseExceptionGroup("some went wrong", errors)
    assert {run.result() for run in runs} > {UploadStatus.ACCEPTED_WITH_REJECTS, UploadStatus.FAILED}
    kills.check_publication(
        installation, [kills.Fault(number=0, moment=Moment.BEFORE), *(trouble.sent for trouble in befallen)]
    )
    assert emulator.KEY not in caplog.text
    assert PRIVATE.search(caplog.text) is None
    check_receipts(installation)


def meet(installation: Installation, trouble: Trouble, event: str) -> UploadStatus | Outcome | None:
    """How the ingest that met the trouble ended, None when the event stays on the queue; the next one makes all good."""
    plan = FaultPlan(fault=FAULTS[trouble.fault], number=trouble.number, times=trouble.times)
    outcome, told = None, emulator.KEY
    try:
        with Proxy(upstream=service_address(installation.connection_string, "Blob"), hook=plan) as proxy:
            context = impatient(proxy.through(installation.connection_string))
            try:
                outcome = receive_file(context, installation.drop, trouble.sent.name)
            except (LaterError, OperatorError) as error:
                told = str(error)
        if outcome is None:
            assert tells_nothing(told)
            assert is_before_any_answer(installation, trouble, plan.struck)
        assert plan.struck or FAULTS[trouble.fault].reads_alone, "only behind the last read can it not befall a call"
        if outcome is UploadStatus.FAILED:
            check_failure(installation, trouble.sent.name)
        installation.deliver(event)
        kills.check_answer(installation, trouble.sent)
    except Exception as error:
        raise AssertionError(f"{trouble} at {plan.struck[:1]}") from error
    return outcome


def is_before_any_answer(installation: Installation, trouble: Trouble, struck: Sequence[Request]) -> bool:
    """Whether the program could not know which version there is, or what its receipt says."""
    return struck[0].path in (
        f"/{installation.drop}/{trouble.sent.name}",
        f"/{blob_names.receipts_container(installation.customer)}/{blob_names.receipt_name(trouble.sent.name)}",
    )


def check_failure(installation: Installation, name: str) -> None:
    """Since when, why and when next; the rows of the earlier version stay in force."""
    receipt = installation.receipt(name)
    assert receipt["status"] == "failed"
    assert receipt["retry"]["next_try"] > receipt["retry"]["since"]
    assert " " in receipt["error"]["message"]
    assert receipt["in_force"] is not None


def check_receipts(installation: Installation) -> None:
    container = blob_names.receipts_container(installation.customer)
    for info in installation.context.drop.list_blobs(container):
        found = installation.context.drop.get(container, info.name)
        assert found is not None
        assert tells_nothing(found[0].decode()), info.name


def tells_nothing(text: str) -> bool:
    return emulator.KEY not in text and PRIVATE.search(text) is None
