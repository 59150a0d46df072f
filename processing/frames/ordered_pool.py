"""Work on several items beside each other, with its results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TypeVar

WORKERS: Final = 3
"""Threads, one more than the instance has cores: while one waits for the engine, another has it compute."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def pool_of(threads: int, name: str) -> AbstractContextManager[ThreadPoolExecutor | None]:
    """A pool for the length of a `with`; none for a single thread, which is the one that asks."""
    return nullcontext() if threads == 1 else ThreadPoolExecutor(threads, name)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], pool: ThreadPoolExecutor | None, *, most: int
) -> Iterator[Result]:
    """The result of `work` for each item; `most` items are taken ahead of the results, at most.

    Without a pool everything happens in this thread. What `work` raises is raised in the place of its result; items behind
    it that were not begun by then never are.
    """
    if pool is None:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


def all_in_order(work: Callable[[Item], Result], items: Iterable[Item], pool: ThreadPoolExecutor | None) -> Iterator[Result]:
    """The same with no bound to how far the work runs ahead of the results."""
    return map(work, items) if pool is None else pool.map(work, items)
