"""A door opened in a process of its own, which can be killed at any storage call.

The processes are forked from one that has imported the program and done nothing yet: so each of them starts at once.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from tests.support.doors import open_door
from tests.support.installation import Installation
from tests.support.proxy import Moment, Proxy, Request

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["pytest", "function_app", "deltalake", "tests.support.doors", __name__])

Calls = Callable[[Request], bool]
"""Which storage calls count; the others pass."""


def every_call(_request: Request) -> bool:
    """Counts all of them."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """The call of a process, among those that count, and the side of it on which the process is struck."""

    number: int
    """From 1."""
    moment: Moment

    def __str__(self) -> str:
        return f"{self.number}-{self.moment}"


def start_door(door: str, body: str, environment: Mapping[str, str]) -> BaseProcess:
    """Start a process that opens one door and ends."""
    process = _context.Process(target=_open, args=(dict(environment), door, body), daemon=True)
    process.start()
    return process


def run_door(installation: Installation, door: str, body: str, *, counts: Calls = every_call) -> list[Request]:
    """Open a door in a process that nothing disturbs; the storage calls that it made."""
    exit_code, seen = _run(installation, door, body, counts)
    assert exit_code == 0
    return seen


def kill_door(
    installation: Installation, door: str, body: str, strike: Strike, *, counts: Calls = every_call
) -> Request | None:
    """Open a door in a process that dies by SIGKILL at a storage call.

    Returns that call; None when the process ended in peace before it came to it.
    """

    def kill(process: BaseProcess, is_dead: threading.Event) -> bool:
        process.kill()
        is_dead.wait()
        return True

    exit_code, seen = _run(installation, door, body, counts, strike=strike, act=kill)
    if exit_code == 0 and len(seen) < strike.number:
        return None
    assert exit_code == -signal.SIGKILL
    return seen[strike.number - 1]


def pause_door(
    installation: Installation, door: str, body: str, strike: Strike, meanwhile: Callable[[], None]
) -> Request | None:
    """Open a door in a process that stands still at a storage call until `meanwhile` is done, and then goes on to its end.

    Returns that call; None when the process never came to it.
    """
    errors: list[BaseException] = []

    def pause(_process: BaseProcess, _is_dead: threading.Event) -> bool:
        try:
            meanwhile()
        except BaseException as error:  # noqa: BLE001 - it belongs to the test, not to the proxy's thread
            errors.append(error)
        return False

    exit_code, seen = _run(installation, door, body, every_call, strike=strike, act=pause)
    if errors:
        raise errors[0]
    assert exit_code == 0
    return seen[strike.number - 1] if len(seen) >= strike.number else None


def service_address(connection_string: str, service: str) -> str:
    """The address of one of the emulator's services."""
    found = re.search(rf"{service}Endpoint=(http://127\.0\.0\.1:\d+)", connection_string)
    assert found is not None
    return found[1]


def _run(
    installation: Installation,
    door: str,
    body: str,
    counts: Calls,
    *,
    strike: Strike | None = None,
    act: Callable[[BaseProcess, threading.Event], bool] = lambda _process, _is_dead: False,
) -> tuple[int, list[Request]]:
    """How the process ended and the calls that count; `act` is called at the strike, and says whether the call breaks."""
    process: list[BaseProcess] = []
    is_started, is_dead, lock = threading.Event(), threading.Event(), threading.Lock()
    seen: list[Request] = []
    struck: list[Request] = []

    def hook(request: Request, moment: Moment) -> bool:
        with lock:
            if moment is Moment.BEFORE and counts(request):
                seen.append(request)
                if strike is not None and len(seen) == strike.number:
                    struck.append(request)
            is_here = strike is not None and moment is strike.moment and any(each is request for each in struck)
        if not is_here:
            return False
        is_started.wait()
        return act(process[0], is_dead)

    storage = installation.connection_string
    with ExitStack() as stack:
        for service in ("Blob", "Queue"):
            proxy = stack.enter_context(Proxy(upstream=service_address(storage, service), hook=hook))
            storage = proxy.through(storage, service)
        process.append(start_door(door, body, installation.child_environment(storage)))
        is_started.set()
        try:
            process[0].join()
        finally:
            # Where the test's own limit ends the wait, nobody may be left who waits for the other.
            process[0].kill()
            process[0].join()
            is_dead.set()
    exit_code = process[0].exitcode
    assert exit_code is not None
    process[0].close()
    return exit_code, seen


def _open(environment: dict[str, str], door: str, body: str) -> None:
    os.environ.update(environment)
    open_door(door, body)
