"""What is measured, a module each: `measure(scale)` runs it and gives its tables and goals."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.goals import Goal
from benchmarks.measure import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Contestants of one task, side by side."""

    title: str
    measured: tuple[Measured, ...]
    base: str | None = None
    """The title of the one that the others' speed is a share of."""
    megabytes: float | None = None
    """Of the file that the base reads, for figures per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A table of its own form, for what is no contest."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    """None where there is no figure; what a row lacks at its end stays empty."""


@dataclass(slots=True)
class Findings:
    """What a suite found."""

    tables: list[Table] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
