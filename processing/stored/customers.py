"""Customers are sets of containers: add one, list them (contract section 2)."""

from __future__ import annotations

from processing.domain import blob_names
from processing.domain.errors import OperatorError
from processing.stored.context import JobContext


def add_customer(context: JobContext, customer: str) -> None:
    """Create the containers of a customer; those that are there already stay as they are.

    Raises OperatorError for a name that cannot be a customer's.
    """
    if not blob_names.is_customer_name(customer):
        raise OperatorError(f"{customer!r} cannot name a customer: use 3 to 50 of a-z, 0-9 and single -")
    # The drop container comes last: whoever sees it finds the others there.
    context.results.create_container(blob_names.results_container(customer))
    context.drop.create_container(blob_names.receipts_container(customer))
    context.drop.create_container(blob_names.drop_container(customer))


def list_customers(context: JobContext) -> list[str]:
    """Names of all customers, in order."""
    names = (blob_names.customer_of_drop_container(each) for each in context.drop.list_containers(blob_names.DROP_PREFIX))
    return sorted(name for name in names if name is not None)


def expect_customer(context: JobContext, customer: str) -> None:
    """OperatorError for a customer that was never added."""
    if not blob_names.is_customer_name(customer) or customer not in list_customers(context):
        raise OperatorError(f"there is no customer {customer}: dropzone customer list shows who there is")
