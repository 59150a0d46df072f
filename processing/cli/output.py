"""Where commands write to."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processing.local.terminal import Terminal

_PIPED: Final = 120


@cache
def out() -> Terminal:
    """Standard output; what is piped is read by programs and in logs, and gets a width of its own."""
    from rich.console import Console

    from processing.local.terminal import Terminal

    return Terminal(Console(width=None if sys.stdout.isatty() else _PIPED))
