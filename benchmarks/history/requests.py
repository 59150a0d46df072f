"""Counts requests by what they do, as the price list has them apart, and those of delta-rs among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit

_DELTA_AGENT: Final = "object_store"
"""How the client that delta-rs has calls itself."""
_OF_QUEUES: Final = ("drop-events", "stream-work")


class Kind(StrEnum):
    """What a request does."""

    LIST = "list"
    """Blobs or containers, a page of them."""
    GET = "get"
    HEAD = "head"
    PUT = "put"
    """Writes of every sort, leases too."""
    DELETE = "delete"
    QUEUE = "queue"
    DELTA = "by delta-rs"
    """Of those above, not besides them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the emulator got it."""

    method: str
    target: str
    """Path and query, without the account."""
    agent: str
    """What the client calls itself."""

    @property
    def kind(self) -> Kind:
        """What it does."""
        target = urlsplit(self.target)
        if target.path.strip("/").split("/")[0] in _OF_QUEUES:
            return Kind.QUEUE
        match self.method:
            case "GET":
                return Kind.LIST if parse_qs(target.query).get("comp") == ["list"] else Kind.GET
            case "HEAD":
                return Kind.HEAD
            case "DELETE":
                return Kind.DELETE
        return Kind.PUT

    @property
    def is_of_delta(self) -> bool:
        """Whether delta-rs sent it."""
        return self.agent.startswith(_DELTA_AGENT)


def counted(requests: Iterable[HttpRequest]) -> dict[str, int]:
    """Kind to the number of its requests, as JSON holds it; kinds without any are left out."""
    kinds: Counter[str] = Counter()
    for each in requests:
        kinds[each.kind.value] += 1
        if each.is_of_delta:
            kinds[Kind.DELTA.value] += 1
    return {kind.value: kinds[kind.value] for kind in Kind if kinds[kind.value]}


def total(kinds: dict[str, int]) -> int:
    """All requests of such a count."""
    return sum(number for kind, number in kinds.items() if kind != Kind.DELTA.value)
