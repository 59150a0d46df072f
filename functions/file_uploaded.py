"""Queue trigger on BlobCreated messages: answers the upload that the message speaks of, and small ones beside it."""

from __future__ import annotations

import azure.functions as func

from processing.domain.queue_messages import parse_upload_event
from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("fileuploaded")
@blueprint.queue_trigger(arg_name="message", queue_name="drop-events", connection="AzureWebJobsStorage")
def file_uploaded(message: func.QueueMessage) -> None:
    """An unreadable message raises and ends in the poison queue; every readable one is finished."""
    from processing.jobs.uploads.receive_files import receive_files

    event = parse_upload_event(message.get_body())
    if event is not None:
        receive_files(app(), event, dequeue_count=message.dequeue_count or 1)
