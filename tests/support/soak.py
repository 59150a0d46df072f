"""How much of a long test is run: a little, with `DROPZONE_SOAK=1` all of it, with `DROPZONE_SOAK=2/8` the second of 8 parts.

Ten minutes after its start the emulator collects its garbage and stands still meanwhile, for minutes where there were
many blobs: what would take longer is better run in parts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeVar

_Each = TypeVar("_Each")
_ASKED: Final = os.environ.get("DROPZONE_SOAK", "")
IS_SOAK: Final = bool(_ASKED)


def chosen(every: Sequence[_Each], sample: int) -> Sequence[_Each]:
    """In a soak its part of `every`; else so many of them, spread evenly."""
    if not IS_SOAK:
        return [every[index * len(every) // sample] for index in range(sample)]
    part, _, parts = _ASKED.partition("/")
    if not parts:
        return every
    start, end = ((int(part) - 1 + side) * len(every) // int(parts) for side in (0, 1))
    return every[start:end]
