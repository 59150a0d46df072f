"""Says in the product's own errors what went wrong with Azure Storage, and who acts next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from processing.domain.errors import LaterError, LeasedError, OperatorError

_SIGN_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
# A message that is not ours any more is on its way to somebody else.
_PASSING_CODES = (
    *("ContainerBeingDeleted", "QueueBeingDeleted", "PendingCopyOperation", "InvalidBlockList"),
    *("MessageNotFound", "PopReceiptMismatch"),
)


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn every SDK error of the block into LaterError, LeasedError or OperatorError; `doing` completes "cannot ..."."""
    try:
        yield
    except AzureError as error:
        if code_of(error) == "LeaseIdMissing":
            raise LeasedError(f"cannot {doing} now: {_reason(error)}") from error
        if _passes(error):
            raise LaterError(f"cannot {doing} now: {_reason(error)}") from error
        # Not `from error`: the service's answer to a bad signature repeats what was signed.
        raise OperatorError(f"cannot {doing}: {_reason(error)}") from None


def status_of(error: AzureError) -> int | None:
    """The HTTP status of the answer; None when there was none."""
    return error.status_code if isinstance(error, HttpResponseError) else None


def code_of(error: AzureError) -> str | None:
    """The service's own name for the error, for example `BlobNotFound`; None when it gave none."""
    code = getattr(error, "error_code", None)
    return None if code is None else str(getattr(code, "value", code))


def is_changed(error: AzureError) -> bool:
    """Whether the service refused because the condition of the request does not hold."""
    status, code = status_of(error), code_of(error)
    if status == HTTPStatus.PRECONDITION_FAILED:
        return code is None or not code.startswith("Lease")
    # A create-only write that lost answers 409, not 412.
    return status == HTTPStatus.NOT_MODIFIED or (status == HTTPStatus.CONFLICT and code == "BlobAlreadyExists")


def _address(error: AzureError) -> str:
    """Host and port of the service, as far as the error tells; never a path or a query, which may hold a signature."""
    inner = error.inner_exception
    # A refused or unknown address comes with the connection, one that is silent with the request.
    for found in (getattr(inner, "conn", None), *getattr(inner, "args", ()), inner):
        host, port = getattr(found, "host", None), getattr(found, "port", None)
        if host and port:
            return f"storage at {host}:{port}"
    url = urlsplit(str(getattr(getattr(inner, "request", None), "url", None) or ""))
    return f"storage at {url.hostname}:{url.port or url.scheme}" if url.hostname else "storage"


def _passes(error: AzureError) -> bool:
    status = status_of(error)
    if isinstance(error, ClientAuthenticationError) or status in _SIGN_IN:
        return False
    if code_of(error) in _PASSING_CODES:
        return True
    # No answer at all, half an answer (a success whose body broke off), or an answer that asks for patience.
    return (
        status is None or status < HTTPStatus.MULTIPLE_CHOICES or status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _reason(error: AzureError) -> str:
    status, code = status_of(error), code_of(error)
    if status in _SIGN_IN:
        return f"no permission ({status} {code or 'without a code'}): the identity needs a data role on that account"
    if isinstance(error, ClientAuthenticationError):
        return "no token could be had for the identity"
    if status is None or status < HTTPStatus.MULTIPLE_CHOICES:
        return f"no complete answer from {_address(error)} ({type(error).__name__})"
    return f"storage answered {status} {code or 'without a code'}"
