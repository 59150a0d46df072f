"""An attempt at a file ends in time, whatever the file holds: the reading of it asks again and again whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode

Item = TypeVar("Item")


class Deadline:
    """Ends the reading of one file once `is_over` says so; without it never."""

    def __init__(self, is_over: Callable[[], bool] | None = None) -> None:
        self._is_over: Final = is_over

    def check(self) -> None:
        """Raise CustomerError when the time is over; to be asked at least once in a few MiB, packed or not."""
        if self._is_over is not None and self._is_over():
            raise CustomerError(
                RefusalCode.TAKES_TOO_LONG, "the file takes longer than one attempt may: upload several smaller files"
            )

    def checked(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, the deadline asked before each of them is fetched and once behind the last."""
        self.check()
        for item in items:
            yield item
            self.check()


NO_DEADLINE: Final = Deadline()
