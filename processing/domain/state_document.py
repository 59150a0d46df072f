"""What a stream's state looks like in storage where that differs from the record: long things that many days share.

Days that one look cut wait for the same uploads, so that their names stand once, under `name_lists`, and each day has the
place of its list there. Sets of ratio metrics are bits, as hexadecimal text. Documents of version 1 had a list in each day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from processing.domain.datasets import Dataset
from processing.domain.readiness.inherited import bits_of, digest_of, sum_of_keys
from processing.domain.stream_state import DayRecord, StreamState

Tree = dict[str, Any]
_LISTS: Final = "name_lists"
_SHARED: Final = ("cut", "refused", "waiting_for")
"""Lists of names of a day."""
_STORED_AS: Final = {"expected_files": "awaited", "expected_count": "awaited_count"}
_PUBLISHED_AS: Final = {"hands_on": "gives"}
"""Keys of a day and of its publication that are stored under the names that they had first."""
_OF_STORED: Final = {stored: name for name, stored in _STORED_AS.items()}
_OF_PUBLISHED: Final = {stored: name for name, stored in _PUBLISHED_AS.items()}
_FIRST: Final = 1
"""The version in which each day had lists of its own."""


def packed(tree: Tree) -> Tree:
    """The form in which a printed state is stored."""
    places: dict[tuple[str, ...], int] = {}
    for record in _records(tree):
        for key in _SHARED:
            if record.get(key):
                record[key] = places.setdefault(tuple(record[key]), len(places))
        published = record.get("published")
        if published is not None and "ratios" in published:
            published["ratios"] = f"{published['ratios']:x}"
        _rename(record, published, _STORED_AS, _PUBLISHED_AS)
    for closed in tree.get("closed", ()):
        closed["ratios"] = f"{closed.get('ratios', 0):x}"
    return {**tree, _LISTS: [list(names) for names in places]} if places else tree


def unpacked(tree: Tree, version: int) -> Tree:
    """The inverse of `packed`, also of version 1."""
    for record in _records(tree):
        _rename(record, record.get("published"), _OF_STORED, _OF_PUBLISHED)
    if version == _FIRST:
        return _of_first_version(tree)
    lists = [tuple(names) for names in tree.pop(_LISTS, [])]
    for closed in tree.get("closed", ()):
        closed["ratios"] = int(closed["ratios"], 16)
    for record in _records(tree):
        for key in _SHARED:
            if isinstance(record.get(key), int):
                record[key] = lists[record[key]]
        published = record.get("published")
        if published is not None and "ratios" in published:
            published["ratios"] = int(published["ratios"], 16)
    return tree


def has_days_apart(tree: Tree) -> bool:
    """Whether days of a stored state stand in documents of their own, so that older programs would take them for unknown."""
    return bool(tree.get("closed"))


def sharing_lists(state: StreamState) -> StreamState:
    """The state in which equal lists are one object, so that thousands of names are in memory once."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def shared(record: DayRecord) -> DayRecord:
        lists: Tree = {key: known.setdefault(names, names) for key in _SHARED if (names := getattr(record, key))}
        return replace(record, **lists) if lists else record

    return replace(state, days={day: shared(record) for day, record in state.days.items()})


def _of_first_version(tree: Tree) -> Tree:
    given: list[str] = []
    for day, record in sorted(tree.get("days", {}).items()):
        published = record.get("published")
        if published is None:
            continue
        published["ratios"] = bits_of(published.get("ratios", ()))
        if tree["dataset"] == Dataset.EXPOSURES:
            # What is handed on was told by a list of all earlier days, and is told by the sum of their keys.
            if published.get("carried") == digest_of(given):
                published["carried"] = sum_of_keys(each.partition("=")[2] for each in given)
            given.append(f"{day}={published.get('hands_on', '')}")
    return tree


def _rename(record: Tree, published: Tree | None, names: Mapping[str, str], names_of_published: Mapping[str, str]) -> None:
    for tree, new in ((record, names), (published or {}, names_of_published)):
        if new.keys() & tree.keys():
            renamed = {new.get(key, key): value for key, value in tree.items()}
            tree.clear()
            tree.update(renamed)


def _records(tree: Tree) -> Iterator[Tree]:
    yield from tree.get("days", {}).values()
