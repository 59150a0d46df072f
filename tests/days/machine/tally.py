"""Which paths of the program the examples went through, how often, and how often they must at least.

A machine that no longer reaches a path tests nothing of it, and nobody would notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TOLD: Final = "told at the end"
"""The property of a test's report that holds lines for the end of the run's output."""


@dataclass(slots=True)
class Tally:
    """Counts of what happened."""

    hits: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    """Of storage."""
    beside_another: int = 0
    """Those that were made while another run was begun and not ended."""

    def hit(self, what: str, times: int = 1) -> None:
        """It happened."""
        self.hits[what] += times

    def call(self, *, beside_another: bool) -> None:
        """A storage call was made."""
        self.calls += 1
        self.beside_another += beside_another

    @property
    def share(self) -> float:
        """Of the calls, that which was made beside another run."""
        return self.beside_another / self.calls if self.calls else 0.0

    def lines(self) -> list[str]:
        """What is told at the end."""
        head = f"{self.calls:,} storage calls, {self.share:.1%} of them with a second run in flight"
        return [head, *(f"{count:8,}  {what}" for what, count in sorted(self.hits.items()))]

    def short(self, floors: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """The paths that were not gone through as often as they must: how often they were, and the floor."""
        return {what: (self.hits[what], floor) for what, floor in floors.items() if self.hits[what] < floor}

    def check(self, floors: Mapping[str, int], least_share: float) -> None:
        """Fails when a path was not gone through as often as it must."""
        short = self.short(floors)
        assert not short, f"seldom reached, (times, at least): {short}"
        assert self.share >= least_share, f"only {self.share:.1%} of the calls were made beside another run"
