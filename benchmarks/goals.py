"""A goal and whether it was reached, as the tables and the JSON show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One line of the table of goals."""

    what: str
    reached: float | None
    """None when it could not be measured."""
    goal: float
    unit: str
    """`x` for a ratio of speeds, else the unit of both figures."""
    is_most: bool = False
    """Whether the goal is the most that is allowed, not the least."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None when it could not be measured."""
        if self.reached is None:
            return None
        return self.reached <= self.goal if self.is_most else self.reached >= self.goal
