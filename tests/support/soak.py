"""How long the long tests are: as in CI, or in a soak for as long as it takes.

`DROPZONE_SOAK=N` is a soak: N times the examples of the property tests, and all calls of the kill and fault tests instead of
some. `DROPZONE_PART=2/8` takes the second of 8 parts of those calls: ten minutes after its start the emulator collects its
garbage and stands still meanwhile, for minutes where there were many blobs, so that they are better run in parts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

_Each = TypeVar("_Each")
_TIMES: Final = "DROPZONE_SOAK"
_PART: Final = "DROPZONE_PART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What the environment asks for."""

    times: int | None = None
    """How many times the examples of CI; None outside a soak."""
    part: int = 1
    """Which of the `parts`, from 1."""
    parts: int = 1

    @classmethod
    def parse(cls, environment: Mapping[str, str]) -> Soak:
        """From its variables; ValueError, which says what to write, for any other value."""
        times, part = environment.get(_TIMES, ""), environment.get(_PART, "")
        if times and not re.fullmatch("[1-9][0-9]{0,5}", times):
            raise ValueError(f"{_TIMES} is {times!r}: write how many times the examples of a test run, such as {_TIMES}=50")
        if part and not times:
            raise ValueError(f"{_PART} is a part of a soak: set {_TIMES} too, such as {_TIMES}=1")
        found = re.fullmatch("([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", part)
        if part and (found is None or int(found[1]) > int(found[2])):
            raise ValueError(f"{_PART} is {part!r}: write which part of how many, such as {_PART}=2/8")
        if not times:
            return cls()
        return cls(times=int(times)) if found is None else cls(times=int(times), part=int(found[1]), parts=int(found[2]))

    def examples(self, many: int) -> int:
        """How many examples a property test tries that tries so many in CI."""
        return many * (self.times or 1)

    def chosen(self, every: Sequence[_Each], sample: int) -> Sequence[_Each]:
        """In a soak its part of `every`; else so many of them, spread evenly."""
        if self.times is None:
            return [every[index * len(every) // sample] for index in range(sample)]
        start, end = ((self.part - 1 + side) * len(every) // self.parts for side in (0, 1))
        return every[start:end]


_asked: Final = Soak.parse(os.environ)
IS_SOAK: Final = _asked.times is not None
times = _asked.examples
chosen = _asked.chosen
