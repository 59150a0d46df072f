"""The jobs of this process on an emulator that runs already, and customers of its own for each run."""

from __future__ import annotations

import logging
import os
import uuid
from typing import Final

from processing import wiring
from processing.logs import configure_logs
from processing.settings import load_settings
from processing.stored.context import JobContext
from processing.stored.customers import add_customer

_ACCOUNTS: Final = ("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE")


def context_for(connection: str) -> JobContext:
    """The jobs' outside world on the emulator; markers settle at once."""
    os.environ.update(dict.fromkeys(_ACCOUNTS, connection))
    os.environ.update({"DROPZONE_SETTLE_SECONDS": "0", "DROPZONE_FIRST_DAY_WAIT_SECONDS": "0"})
    configure_logs(level=logging.ERROR)
    settings = load_settings()
    wiring.prepare_storage(settings)
    return wiring.build_app(settings)


def new_customer(context: JobContext) -> str:
    """Add a customer that no other run knows."""
    customer = f"b-{uuid.uuid4().hex[:12]}"
    add_customer(context, customer)
    return customer
