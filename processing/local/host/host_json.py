"""Reads from host.json what the local host honours, with the defaults that Azure Functions has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processing.domain.errors import OperatorError

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(\.\d+)?")
_MOST_MESSAGES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How queue triggers take their messages: `extensions.queues`."""

    batch_size: int
    """Messages taken at a time."""
    new_batch_threshold: int
    """The next batch is taken once no more than so many are running."""
    max_dequeue_count: int
    """Tries before a message goes to the poison queue."""
    visibility_timeout: float
    """Seconds between a failure and the next try."""
    max_polling_interval: float
    """Longest pause between two looks at an empty queue, in seconds."""
    base64: bool
    """Whether bodies are base64 on the queue."""

    @classmethod
    def read(cls, host_json: Mapping[str, Any]) -> QueueSettings:
        """The settings of a host.json; OperatorError for one that makes no sense."""
        given = host_json.get("extensions", {}).get("queues", {})
        batch_size = _whole(given, "batchSize", 16, least=1, most=_MOST_MESSAGES)
        encoding = given.get("messageEncoding", "base64")
        if encoding not in ("base64", "none"):
            raise OperatorError(f"host.json: messageEncoding is {encoding!r}; it can be none or base64")
        return cls(
            batch_size=batch_size,
            new_batch_threshold=_whole(given, "newBatchThreshold", batch_size // 2, least=0),
            max_dequeue_count=_whole(given, "maxDequeueCount", 5, least=1),
            visibility_timeout=_seconds(given, "visibilityTimeout", "00:00:00"),
            max_polling_interval=_seconds(given, "maxPollingInterval", "00:01:00"),
            base64=encoding == "base64",
        )


def route_prefix(host_json: Mapping[str, Any]) -> str:
    """What stands before every HTTP route, without slashes around it; `api` unless said otherwise."""
    return str(host_json.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")


def _whole(given: Mapping[str, Any], key: str, default: int, *, least: int, most: int | None = None) -> int:
    value = given.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        limit = f"from {least} to {most}" if most is not None else f"from {least}"
        raise OperatorError(f"host.json: {key} is {value!r}; it is a whole number {limit}")
    return value


def _seconds(given: Mapping[str, Any], key: str, default: str) -> float:
    text = given.get(key, default)
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise OperatorError(f"host.json: {key} is {text!r}; it is a time span like 00:01:00")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds + float(match[5] or 0)
