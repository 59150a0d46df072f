"""Which uploads are gone: what was there, by what was written down of it, less what a sweep finds listed.

A listing that shows nothing of what was there is not believed: that is what an emptied or renewed container looks like, and no
deletion by the customer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from processing.ports import BlobInfo
from processing.stored.answered import AnsweredVersions


@dataclass(slots=True)
class Deletions:
    """What one sweep finds to be gone."""

    _known: Mapping[str, str]
    """The versions, by the names of the uploads, of which one at least must be listed for what is gone to be believed."""
    _before: frozenset[str]
    """What was not listed before, either."""
    _left: set[str]
    _is_believed: bool = False

    @classmethod
    def begin(cls, versions: AnsweredVersions, worked_on: Mapping[str, str], asked: Collection[str] = ()) -> Self:
        """With what was written down, the versions that attempts left notes of, and uploads that are to be answered again."""
        known = versions.known()
        return cls(known or worked_on, versions.gone, {*known, *worked_on, *asked, *versions.gone})

    def see(self, info: BlobInfo) -> None:
        """That an upload is listed."""
        self._left.discard(info.name)
        self._is_believed |= self._known.get(info.name) == info.etag

    @property
    def are_new(self) -> bool:
        """Whether what is gone is other than was written down."""
        return self._is_believed and self._left != self._before

    def gone(self) -> frozenset[str]:
        """What is not listed, once everything is seen."""
        return frozenset(self._left) if self._is_believed else frozenset()

    def gone_twice(self) -> frozenset[str]:
        """What was not listed before, either, and is known to be gone to everybody who reads what is written down."""
        return self.gone() & self._before
