"""Messages that wait, messages that nobody can work off, and timers that are not heard of."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceExistsError

from processing import wiring
from processing.domain.errors import OperatorError
from processing.domain.queue_messages import CUSTOMER_WORK, DROP_EVENTS, QUEUES
from processing.local.environment import host_json, local_settings
from processing.local.host.doors import doors_of
from processing.local.host.local_host import HostOptions, LocalHost
from processing.settings import load_settings
from tests.runbook.operations import Operator, plain
from tests.runbook.page import here, section, tries
from tests.runbook.queues import queue, sweeps, work_off
from tests.support.doors import _app, open_door
from tests.support.installation import metrics_csv
from tests.support.waiting import wait_until

DAY = here("2026-11-18")


def waiting(operator: Operator) -> float:
    """How many messages the alert counts, as the next timer measures them."""
    operator.window_passes()
    open_door("daytimer")
    found = {row["queue"]: float(row["messages"]) for row in operator.alert(limit=0.5)}
    return found.get(CUSTOMER_WORK, 0)


@tries("message-waiting", "lines come, and the messages get fewer", "lines come, and the messages do not get fewer", "no line")
def test_messages_that_wait_for_workers(empty_queues: Operator) -> None:
    operator = empty_queues
    sweeps(operator, 4)
    time.sleep(1.1)  # queues know no other clock
    assert waiting(operator) == 4
    assert operator.events("swept") == [], "no line of its function: nobody is there"
    assert operator.section.row("no line comes").links == ["heartbeat-missing"]
    assert all(json.loads(each)["customer"] == operator.customer for each in operator.look(operator.section.part("Look at")))
    work_off(operator, 2)
    assert len(operator.events("swept")) == 2
    assert waiting(operator) == 2, "lines come, and there are fewer"
    sweeps(operator, 2)
    assert waiting(operator) == 4, "lines come, and there are no fewer"
    work_off(operator, 4)
    assert waiting(operator) == 0
    assert operator.look(operator.section.part("Look at")) == []


@tries("message-waiting", "few messages")
def test_a_message_that_came_back_is_as_old_as_when_it_was_sent(empty_queues: Operator) -> None:
    operator = empty_queues
    sweeps(operator, 1)
    assert queue(operator, CUSTOMER_WORK).receive_message(visibility_timeout=1) is not None, "its worker dies"
    time.sleep(2.1)
    assert waiting(operator) == 1
    (found,) = [each for each in operator.alert(limit=0.5) if each["queue"] == CUSTOMER_WORK]
    assert found["seconds"] > 2
    assert operator.section.row("few messages").links == ["work-ends-worker"]
    work_off(operator, 1)
    assert waiting(operator) == 0


@tries("poison-message")
def test_messages_that_cannot_be_worked_off(empty_queues: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert itself asks the logs of the service, which the emulator does not keep."""
    operator, names = empty_queues, [f"{name}-poison" for name in QUEUES]
    for name in names:
        with suppress(ResourceExistsError):
            queue(operator, name).create_queue()
        queue(operator, name).clear_messages()
    operator.installation.upload("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    for name in QUEUES:
        queue(operator, name).send_message(f"somebody wrote this to {name}", time_to_live=-1)
    settings = local_settings(operator.installation.connection_string) | dict.fromkeys(
        ("SWEEP_SCHEDULE", "DAY_TIMER_SCHEDULE", "HOUSEKEEPING_SCHEDULE"), "0 0 0 1 1 *"
    )
    json_of_host = json.loads(json.dumps(host_json()))
    json_of_host["extensions"]["queues"]["visibilityTimeout"] = "00:00:00"
    with LocalHost(
        _app(),
        queues=lambda _connection, name: wiring.open_queue(load_settings(), name),
        host_json=json_of_host,
        settings=settings,
        options=HostOptions(port=0, max_poll_seconds=0.05),
    ):
        found = wait_until(lambda: all_of(operator.look(operator.section.part("Look at")), len(QUEUES)))
    assert sorted(found) == sorted(f"somebody wrote this to {name}" for name in QUEUES)
    operator.look(section("Poison queues", "redrive.md"))
    assert not [each for each in operator.look(operator.section.part("Look at")) if DROP_EVENTS in each]
    operator.sweep()
    assert operator.installation.receipt("metrics/a.csv")["status"] == "accepted", "the sweep found what it spoke of"


def all_of(found: list[str], count: int) -> list[str]:
    return found if len(found) >= count else []


@tries("heartbeat-missing")
def test_timers_that_are_not_heard_of(empty_queues: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting the app again and deploying it are Azure's; their commands are ones that the Azure CLI takes."""
    operator = empty_queues
    assert sorted(plain(operator.alert(), "event")) == [("days_advanced",), ("sweeps_sent",)]
    open_door("daytimer")
    assert plain(operator.alert(), "event") == [("sweeps_sent",)]
    open_door("sweep")
    assert operator.alert() == []
    assert operator.look(operator.section) == []
    listed = set(operator.section.part("Look at").spans)
    assert {door.name for door in doors_of(_app(), local_settings())} <= listed


@tries("heartbeat-missing")
def test_an_app_that_cannot_start_because_the_zone_of_days_was_changed(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    monkeypatch.setenv("DROPZONE_DAY_ZONE", "Europe/Berlin")
    wiring.app.cache_clear()
    (words,) = [span for span in operator.section.part("Do").spans if "DROPZONE" in span]
    for timer in ("sweep", "daytimer"):
        with pytest.raises(OperatorError, match=words.removesuffix("...")):
            open_door(timer)
    assert len(operator.alert()) == 2
    monkeypatch.setenv("DROPZONE_DAY_ZONE", "PST")
    open_door("sweep")
    open_door("daytimer")
    assert operator.alert() == []


@tries("heartbeat-missing")
def test_a_queue_that_is_not_there_stops_the_timer_until_it_is_made(empty_queues: Operator) -> None:
    operator = empty_queues
    assert f"`{CUSTOMER_WORK}` after an update" in operator.section.markdown
    queue(operator, CUSTOMER_WORK).delete_queue()
    try:
        with pytest.raises(OperatorError, match=CUSTOMER_WORK):
            open_door("sweep")
        open_door("daytimer")
        assert plain(operator.alert(), "event") == [("sweeps_sent",)]
    finally:
        wiring.prepare_storage(load_settings())  # as the Bicep files do
    open_door("sweep")
    assert operator.alert() == []
