"""Queue trigger: sweeps one customer, or does its housekeeping."""

from __future__ import annotations

import azure.functions as func

from processing.domain.queue_messages import parse_customer_work, traceparent_of
from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("customerworker")
@blueprint.queue_trigger(arg_name="message", queue_name="customer-work", connection="AzureWebJobsStorage")
def customer_worker(message: func.QueueMessage) -> None:
    """An unreadable message raises and ends in the poison queue; every readable one is finished."""
    from processing.jobs.work_customer import work_customer

    work = parse_customer_work(message.get_body())
    work_customer(app(), work, traceparent=traceparent_of(message.get_body()))
