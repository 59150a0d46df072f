"""A store whose requests are counted, by what they do and where; everything else is the store's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

_REQUESTS = {
    **{
        name: name for name in ("put", "get", "get_range", "peek", "head", "delete", "lease", "list_containers", "service_time")
    },
    "list_blobs": "list",
}


class CountingStore:
    """Passes every call on."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.requests: list[str] = []
        """Each with its arguments, in order."""
        self.calls: Counter[tuple[str, str]] = Counter()
        """By what they do and the container."""
        self.read = 0
        """Bytes that were read."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in _REQUESTS:
            return method

        def call(*args: Any, **more: Any) -> Any:
            self.requests.append(" ".join([_REQUESTS[name], *map(str, args[:2])]))
            self.calls[_REQUESTS[name], str(args[0]) if args else ""] += 1
            found = method(*args, **more)
            if name == "get" and found is not None:
                self.read += len(found[0])
            elif name == "get_range":
                self.read += len(found)
            return found

        return call


def counted(world: Any) -> tuple[CountingStore, CountingStore]:
    """From now on, the requests to both accounts of a Memory."""
    drop, lake = CountingStore(world.drop), CountingStore(world.lake)
    object.__setattr__(world.context, "drop", drop)
    object.__setattr__(world.context, "lake", lake)
    return drop, lake
