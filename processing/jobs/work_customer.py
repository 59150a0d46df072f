"""Does the one task for one customer that a message asks for."""

from __future__ import annotations

from processing.domain.queue_messages import CustomerTask, CustomerWork
from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.journal.roll_journal import roll_customer
from processing.jobs.uploads.sweep import sweep_customer
from processing.stored.context import JobContext


def work_customer(context: JobContext, work: CustomerWork, *, traceparent: str | None = None) -> None:
    """Sweep a customer, clean up after it, or make uploads of its journal; what fails is logged, and done the next time.

    `traceparent` is the span that sent this one.
    """
    match work.task:
        case CustomerTask.SWEEP:
            sweep_customer(context, work.customer, work.most, traceparent=traceparent)
        case CustomerTask.HOUSEKEEPING:
            clean_up_customer(context, work.customer, traceparent=traceparent)
        case CustomerTask.ROLL:
            roll_customer(context, work.customer, traceparent=traceparent)
