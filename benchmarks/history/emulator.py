"""Runs Azurite with `preload.cjs`, and speaks to it: copies of blobs, other times for them, the requests that were made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from benchmarks.history.requests import HttpRequest
from processing.local.azurite.node import find_node
from processing.local.azurite.process import Azurite

_PRELOAD: Final = Path(__file__).with_name("preload.cjs")
_HEAP_MEGABYTES: Final = 8_000
_EXTENT_MEGABYTES: Final = 4_096
_LINES: Final = 20_000
"""Sent at once."""
_PATIENCE: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A blob that is to be made like another."""

    template: str
    """Container and name of the other one."""
    container: str
    name: str
    etag: str | None = None
    modified: datetime | None = None
    metadata: Mapping[str, str] | None = None
    """None for that of the template."""
    replace: Mapping[str, str] = field(default_factory=dict)
    """Texts of its body, and what stands in their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The way to `preload.cjs` in a running emulator."""

    connection: str
    """The emulator's connection string."""

    def copy(self, copies: Iterable[Copy]) -> int:
        """Make these copies; returns how many."""
        return self._send("copies", map(_copy_line, copies))

    def set_times(self, times: Iterable[tuple[str, str, datetime]]) -> int:
        """Give blobs, each by container and name, another Last-Modified; returns how many."""
        lines = ({"container": container, "name": name, "modified": _milliseconds(at)} for container, name, at in times)
        return self._send("times", lines)

    def requests_made(self) -> int:
        """How many requests the emulator was ever asked."""
        return int(self._ask("requests?since=1000000000")["next"])

    def requests_since(self, number: int) -> list[HttpRequest]:
        """Those after the first `number`."""
        found = self._ask(f"requests?since={number}")["requests"]
        return [HttpRequest(method=method, target=target, agent=agent) for method, target, agent in found]

    def _send(self, what: str, lines: Iterable[Mapping[str, Any]]) -> int:
        done, waiting = 0, list[str]()
        for line in lines:
            waiting.append(json.dumps(line))
            if len(waiting) == _LINES:
                done += self._ask(what, waiting)["done"]
                waiting.clear()
        return done + (self._ask(what, waiting)["done"] if waiting else 0)

    def _ask(self, what: str, lines: Iterable[str] | None = None) -> Any:
        settings = dict(each.split("=", 1) for each in self.connection.split(";") if each)
        address = settings["BlobEndpoint"].rpartition("/")[0]
        body = None if lines is None else "\n".join(lines).encode()
        with urlopen(Request(f"{address}/-/{what}", data=body), timeout=_PATIENCE) as answer:  # noqa: S310 - our own emulator
            return json.load(answer)


@contextmanager
def history_emulator() -> Iterator[Control]:
    """An emulator of its own, in memory, for as long as the block lasts."""
    find_node()  # which runs the machine's Node, and is to run it as it is
    before = os.environ.get("NODE_OPTIONS")
    os.environ["NODE_OPTIONS"] = f"--max-old-space-size={_HEAP_MEGABYTES} --require {json.dumps(str(_PRELOAD))}"
    azurite = Azurite(memory_megabytes=_EXTENT_MEGABYTES)
    try:
        azurite.start()
    finally:
        if before is None:
            del os.environ["NODE_OPTIONS"]
        else:
            os.environ["NODE_OPTIONS"] = before
    try:
        yield Control(connection=azurite.connection_string)
    finally:
        azurite.stop()


def _copy_line(copy: Copy) -> dict[str, Any]:
    return {
        "template": copy.template,
        "container": copy.container,
        "name": copy.name,
        "etag": copy.etag,
        "modified": None if copy.modified is None else _milliseconds(copy.modified),
        "metadata": None if copy.metadata is None else dict(copy.metadata),
        "replace": list(copy.replace.items()) or None,
    }


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
