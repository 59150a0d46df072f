"""Waits for what happens in its own time: a wait ends when it happens, and the test's own limit ends one for what never does.

A busy machine is as right as an idle one, so that no test reads a clock to judge by.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")


def wait_until(look: Callable[[], _Found]) -> _Found:
    """What `look` gives as soon as that is true."""
    while not (found := look()):
        time.sleep(0.02)
    return found
