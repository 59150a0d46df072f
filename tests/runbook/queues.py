"""The queues of the emulator, as whoever fills them and whoever works them off."""

from __future__ import annotations

from azure.storage.queue import QueueClient, QueueServiceClient

from processing import wiring
from processing.domain.queue_messages import CUSTOMER_WORK, CustomerTask, CustomerWork, customer_work
from processing.settings import load_settings
from tests.runbook.operations import Operator
from tests.support.doors import open_door


def queue(operator: Operator, name: str) -> QueueClient:
    """One of them."""
    return QueueServiceClient.from_connection_string(operator.installation.connection_string).get_queue_client(name)


def sweeps(operator: Operator, count: int) -> None:
    """So many messages about the customer that nobody works off."""
    for _ in range(count):
        work = CustomerWork(customer=operator.customer, task=CustomerTask.SWEEP, most=500)
        queue(operator, CUSTOMER_WORK).send_message(customer_work(work), time_to_live=-1)


def work_off(operator: Operator, most: int) -> int:
    """What a worker does with so many messages of the queue; how many there were."""
    open_queue = wiring.open_queue(load_settings(), CUSTOMER_WORK)
    for done in range(most):
        message = open_queue.receive(visibility_seconds=60)
        if message is None:
            return done
        open_door("customerworker", message.body.decode())
        open_queue.delete(message)
    return most
