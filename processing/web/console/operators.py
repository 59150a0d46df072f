"""The page of operators: every customer, who waits, who is silent and who fails, and what lies on the queues.

It is shown for a token of Entra in `Authorization: Bearer` and for nothing else. Whoever shows none is told that there is no
such page, with a customer's session too.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from processing.domain.attention.model import Actor, Attention
from processing.stored.customers import list_customers
from processing.views.model import CustomerStatus
from processing.views.status import status
from processing.web.console.pages import render
from processing.web.console.visits import services_of
from processing.web.problems import Refused

_ORDER: Final = {Actor.OPERATOR: 0, Actor.DROPZONE: 1, Actor.CUSTOMER: 2}
_MOST: Final = 20
"""Things of one customer that are told."""


def show_operators(request: Request) -> Response:
    """Every customer with what it needs, those first that need an operator. It lists the uploads of all of them."""
    if not request.headers.getlist("authorization"):
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
    services, _ = services_of(request)
    operator = services.operators.find(request.headers)
    context = services.context
    found = status(context, list_customers(context))
    customers = sorted(((each, _needs(each)) for each in found.customers), key=_rank)
    return render(
        "operators.html",
        operator=operator,
        found=found,
        customers=[(each, needs[:_MOST], len(needs)) for each, needs in customers],
        queues=[(name, queue.length(), queue.waiting_since()) for name, queue in sorted(context.queues().items())],
        oldest=min(filter(None, (each.uploads.oldest_unanswered for each in found.customers if each.uploads)), default=None),
    )


def _needs(customer: CustomerStatus) -> list[Attention]:
    """What the customer and its streams need, of operators first."""
    streams = (each for stream in customer.streams for each in stream.attention)
    return sorted((*customer.attention, *streams), key=lambda each: _ORDER[each.who])


def _rank(told: tuple[CustomerStatus, list[Attention]]) -> tuple[int, str]:
    customer, needs = told
    is_stopped = customer.unlistable is not None or any(stream.stopped for stream in customer.streams)
    return -1 if is_stopped else min((_ORDER[each.who] for each in needs), default=len(_ORDER)), customer.customer
