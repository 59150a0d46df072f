"""What the messages of one timer's run come to, for all customers one after another in this process."""

from __future__ import annotations

from collections import Counter

from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.journal.roll_journal import roll_customer
from processing.jobs.uploads.sweep import share_of_room, sweep_customer
from processing.stored.context import JobContext
from processing.stored.customers import list_customers


def sweep_all(context: JobContext) -> int:
    """Sweep every customer; returns how many uploads were announced."""
    customers = list_customers(context)
    most = share_of_room(context, len(customers))
    return sum(sweep_customer(context, customer, most) for customer in customers)


def roll_all(context: JobContext) -> int:
    """Make uploads of what was left of every customer's journal; returns of how many segments."""
    return sum(roll_customer(context, customer) for customer in list_customers(context))


def clean_up_all(context: JobContext) -> dict[str, int]:
    """Do the housekeeping of every customer; returns how many of each kind were deleted."""
    deleted: Counter[str] = Counter()
    for customer in list_customers(context):
        deleted.update(clean_up_customer(context, customer))
    return dict(deleted)
