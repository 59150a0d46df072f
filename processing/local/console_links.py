"""Where the console is, and links by which somebody on this machine signs in without a key in hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from processing.domain.api_keys import KeyText, Scope
from processing.stored.context import JobContext
from processing.stored.customers import list_customers
from processing.stored.keys import create_key, list_keys
from processing.web.console.addresses import HOME, SIGN_IN
from processing.web.console.sessions import Purpose, Sessions

_NAME: Final = "console on the machine of the emulator"
_MOST: Final = 5


def console_lines(context: JobContext, url: str) -> Iterator[str]:
    """The console's address, and a link for each of the first customers; the storage must be this machine's own."""
    yield console_line(url)
    customers = list_customers(context)
    sessions = Sessions(context)
    for customer in customers[:_MOST]:
        yield f"  as {customer}: {url}{SIGN_IN}?link={sessions.begin(_reader(context, customer), Purpose.LINK)}"
    if len(customers) > _MOST or not customers:
        yield "  others sign in with a key: dropzone key create CUSTOMER --scope read"


def console_line(url: str) -> str:
    """The console's address."""
    return f"Console: {url}{HOME}"


def _reader(context: JobContext, customer: str) -> KeyText:
    """A key of the customer that may read, made for this alone; nobody ever sees it."""
    kept = next(
        (
            each
            for each in list_keys(context, customer)
            if (each.name, each.revoked, each.scopes) == (_NAME, None, (Scope.READ,))
        ),
        None,
    )
    key = kept or create_key(context, customer, [Scope.READ], _NAME)[1]
    return KeyText(customer=customer, sha256=key.sha256)
