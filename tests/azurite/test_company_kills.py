"""A worker that dies while it answers small uploads beside each other loses none of them, and doubles none."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass

import pytest
from azure.storage.queue import QueueServiceClient

from processing.domain.queue_messages import DROP_EVENTS
from processing.storage.azure_queue import AzureQueue
from tests.azurite.test_kills import upstream
from tests.support.installation import ROOT, Installation, metrics_csv
from tests.support.proxy import Moment, Proxy, Request
from tests.support.soak import IS_SOAK

DAY = "2026-11-18"
FILES = 4
KILLS = range(3, 60) if IS_SOAK else (8, 40)


@dataclass(slots=True)
class Waiting:
    """Messages of small uploads on the queue, and the one that the host has delivered."""

    installation: Installation
    own: str
    others: tuple[str, ...]
    queue: AzureQueue

    @classmethod
    def new(cls, installation: Installation, name: str) -> Waiting:
        own, *others = (
            installation.upload(f"metrics/{name}-{number}.csv", metrics_csv(DAY, {f"u-{name}-{number}": number}))
            for number in range(FILES)
        )
        client = QueueServiceClient.from_connection_string(installation.connection_string)
        client.get_queue_client(DROP_EVENTS).clear_messages()
        queue = AzureQueue(client, DROP_EVENTS)
        for body in others:
            queue.send(body)
        return cls(installation=installation, own=own, others=tuple(others), queue=queue)

    def environment(self, storage: str) -> dict[str, str]:
        return {**self.installation.child_environment(storage), "DROPZONE_FILES_AT_A_TIME": str(FILES)}


def test_one_call_of_the_door_answers_what_waits(installation: Installation) -> None:
    waiting = Waiting.new(installation, "all")
    command = installation.child_command("fileuploaded", waiting.own)
    subprocess.run(command, env=waiting.environment(installation.connection_string), cwd=ROOT, check=True)
    assert waiting.queue.length() == 0
    for number in range(FILES):
        assert installation.receipt(f"metrics/all-{number}.csv")["status"] == "accepted"


@pytest.mark.parametrize("number", KILLS)
def test_killed_at_a_storage_call_all_come_again(installation: Installation, number: int) -> None:
    waiting = Waiting.new(installation, "k")
    process: list[subprocess.Popen[bytes]] = []

    def hook(request: Request, moment: Moment) -> bool:
        if request.number < number or moment is not Moment.BEFORE:
            return False
        if request.number == number:
            os.kill(process[0].pid, signal.SIGKILL)
        return True

    with Proxy(upstream=upstream(installation), hook=hook) as proxy:
        environment = waiting.environment(proxy.through(installation.connection_string))
        process.append(subprocess.Popen(installation.child_command("fileuploaded", waiting.own), env=environment, cwd=ROOT))
        assert process[0].wait() == -signal.SIGKILL, f"call {number} never came"
    # Hidden ones are counted, too: they come again when their hold runs out. Of those that are gone the upload is answered.
    answered = {info.name for info in installation.context.drop.list_blobs(f"receipts-{installation.customer}", "metrics/")}
    assert waiting.queue.length() >= len(waiting.others) - len(answered)
    installation.deliver(waiting.own, *waiting.others)
    installation.deliver(installation.upload(f"signals/{DAY}", b""))
    installation.tick()
    assert installation.values(DAY) == {f"u-k-{each}": each for each in range(FILES)}
    assert installation.day(DAY)["files"] == FILES
    installation.assert_consistent()
