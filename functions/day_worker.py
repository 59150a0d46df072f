"""Queue trigger: works off the due days of one stream, in order."""

from __future__ import annotations

import azure.functions as func

from processing.domain.queue_messages import parse_stream_work, traceparent_of
from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("dayworker")
@blueprint.queue_trigger(arg_name="message", queue_name="stream-work", connection="AzureWebJobsStorage")
def day_worker(message: func.QueueMessage) -> None:
    """An unreadable message raises and ends in the poison queue; every readable one is finished."""
    from processing.jobs.days.work_stream import work_stream

    stream = parse_stream_work(message.get_body())
    work_stream(app(), stream, traceparent=traceparent_of(message.get_body()))
