"""Azure's errors in the product's words: who acts next, and on what. No key, signature or address is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
)

from processing.domain.errors import ConditionNotMet, LaterError, OperatorError

_CONDITION_CODES: Final = frozenset({304, 412})
_LOST_CREATE: Final = "BlobAlreadyExists"
_FORBIDDEN: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_THROTTLED: Final = 429
_CONFLICT: Final = 409
_SERVER: Final = 500


@contextmanager
def translated(action: str, container: str, name: str = "") -> Iterator[None]:
    """Run one storage call; its failure becomes ConditionNotMet, OperatorError or LaterError."""
    try:
        yield
    except (ResourceExistsError, ResourceModifiedError) as error:
        if error.status_code in _CONDITION_CODES or error_code(error) == _LOST_CREATE:
            raise ConditionNotMet(container, name) from error
        raise LaterError(_text(action, container, name, error)) from error
    except ClientAuthenticationError as error:
        raise OperatorError(_refused(action, container, name, error)) from error
    except HttpResponseError as error:
        status = error.status_code
        if status in _CONDITION_CODES:
            raise ConditionNotMet(container, name) from error
        if status in _FORBIDDEN:
            raise OperatorError(_refused(action, container, name, error)) from error
        if status is None or status in (_NOT_FOUND, _THROTTLED, _CONFLICT) or status >= _SERVER:
            raise LaterError(_text(action, container, name, error)) from error
        raise OperatorError(_text(action, container, name, error)) from error
    except AzureError as error:
        # What is left never reached the service or lost its answer: connection, timeout, truncated body.
        raise LaterError(_text(action, container, name, error)) from error


def error_code(error: AzureError) -> str:
    """The service's own code of an error, by value: the SDK gives an enum, text or nothing."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _refused(action: str, container: str, name: str, error: AzureError) -> str:
    return f"{_text(action, container, name, error)}: the identity needs a data role on that account"


def _text(action: str, container: str, name: str, error: AzureError) -> str:
    status = getattr(error, "status_code", None)
    said = error_code(error) or type(error).__name__
    return f"could not {action} {container}{'/' if name else ''}{name}: {f'{status} ' if status else ''}{said}"
