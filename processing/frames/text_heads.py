"""How texts begin and how long they are, far quicker than by looking at each of them: what is seldom is looked for there first.

The engine keeps texts as Arrow's string views: 16 bytes for each, of which the first four hold its length and the fifth its
first byte, wherever the rest stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

_VIEW: Final = 16
_FIRST: Final = 4
_LONG: Final = 63
"""Texts of so many bytes and more are not told apart."""

Flags = npt.NDArray[np.bool_]


class Kinds:
    """Some lengths and beginnings; made once."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.flags: Final[Flags] = np.zeros((_LONG + 1, 256), np.bool_)
        for length, first in pairs:
            self.flags[min(length, _LONG), first] = True

    def __or__(self, other: Kinds) -> Kinds:
        """Those of both."""
        both = Kinds(())
        np.logical_or(self.flags, other.flags, out=both.flags)
        return both

    @cached_property
    def firsts(self) -> Flags:
        """Their beginnings, whatever the lengths."""
        return np.array(self.flags.any(axis=0))

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Those of certain texts, none of which is empty."""
        return cls((len(own), own[0]) for own in (text.encode() for text in texts))

    @classmethod
    def beginning(cls, *firsts: int) -> Self:
        """Texts of any length that begin with one of these bytes."""
        return cls((length, first) for length in range(1, _LONG + 1) for first in firsts)


class TextHeads:
    """Those of a series of text; of nulls among them nothing is known, and they may seem to be of any kind."""

    def __init__(self, texts: pl.Series) -> None:
        array = texts.to_arrow(compat_level=pl.CompatLevel.newest())
        views = np.frombuffer(array.buffers()[1], np.uint8, len(array) * _VIEW, array.offset * _VIEW).reshape(-1, _VIEW)
        self._lengths = views.view(np.uint32)[:, 0]
        self._firsts = views[:, _FIRST]

    def any(self, kinds: Kinds) -> bool:
        """Whether any text may be of these kinds."""
        # Beginnings alone, which cost a third of both, tell it of most.
        return bool(kinds.firsts[self._firsts].any() and kinds.flags.ravel()[self._kinds].any())

    def places(self, kinds: Kinds) -> pl.Series:
        """Where texts stand that may be of these kinds (UInt32)."""
        return pl.Series(np.flatnonzero(kinds.flags.ravel()[self._kinds]).astype(np.uint32))

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint16]:
        kinds = np.minimum(self._lengths, _LONG).astype(np.uint16)
        kinds <<= 8
        kinds |= self._firsts
        return kinds
