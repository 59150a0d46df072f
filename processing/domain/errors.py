"""The exceptions of the product, grouped by who acts next.

Bad rows and "not yet" are values, not exceptions. What is raised here ends a piece of work: the customer fixes a file,
the platform tries again, or the operator looks at something.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from processing.domain.reasons import RefusalCode


class DropzoneError(Exception):
    """The root of everything this program raises on purpose."""


class CustomerError(DropzoneError):
    """The customer acts next: a file is refused as a whole (contract section 3).

    The receipt gives `code` as the reason; the message says what to do.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LaterError(DropzoneError):
    """The platform acts next: the same work is tried again, later."""


class LeasedError(LaterError):
    """Somebody holds a lease on the blob, and it cannot be changed until that ends or is broken."""


class OperatorError(DropzoneError):
    """The operator acts next: a setting, a permission or a container is wrong."""


class ConditionNotMet(DropzoneError):
    """A conditional write found another version than the one it named, or one where there should be none."""

    def __init__(self, container: str, name: str, detail: str = "") -> None:
        """`detail` is what else is known of it; it may be stored and logged."""
        super().__init__(f"{container}/{name} was changed by someone else" + (f": {detail}" if detail else ""))


class Superseded(DropzoneError):
    """A newer version of the same piece of work exists, so this one stops without an answer (protocol, ingest 2 and 6)."""


class EnginePanicError(DropzoneError):
    """A library in native code gave up in the middle of its work; what it left behind is not to be used."""


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Turn the panic of an engine written in Rust into an error.

    It is no Exception, and would pass by everything that keeps one file or one day from ending the process.
    """
    try:
        yield
    except BaseException as error:
        # Each library has a class of its own, and they share nothing but its name.
        if type(error).__name__ != "PanicException":
            raise
        raise EnginePanicError("the engine gave up in its own code") from error
