"""What a stream's state looks like in storage where that differs from the record: long things that many days share.

Days that one look cut wait for the same uploads, so that their names stand once, under `cuts`, and each day has the place
of its list there. Sets of ratio metrics are bits, as hexadecimal text. Documents of version 1 had a list in each day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from processing.domain.carried import bits_of, digest_of, sum_of_keys
from processing.domain.datasets import Dataset

Tree = dict[str, Any]
_CUTS: Final = "cuts"
_LISTS: Final = 1
"""The version in which each day had lists of its own."""


def packed(tree: Tree) -> Tree:
    """The form in which a printed state is stored."""
    places: dict[tuple[str, ...], int] = {}
    for record in _records(tree):
        if record.get("cut"):
            record["cut"] = places.setdefault(tuple(record["cut"]), len(places))
        published = record.get("published")
        if published is not None and "ratios" in published:
            published["ratios"] = f"{published['ratios']:x}"
    return {**tree, _CUTS: [list(names) for names in places]} if places else tree


def unpacked(tree: Tree, version: int) -> Tree:
    """The inverse of `packed`, also of version 1; equal lists are the same object."""
    if version == _LISTS:
        return _from_lists(tree)
    cuts = [tuple(names) for names in tree.pop(_CUTS, [])]
    for record in _records(tree):
        if isinstance(record.get("cut"), int):
            record["cut"] = cuts[record["cut"]]
        published = record.get("published")
        if published is not None and "ratios" in published:
            published["ratios"] = int(published["ratios"], 16)
    return tree


def _from_lists(tree: Tree) -> Tree:
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
            given.append(f"{day}={published.get('gives', '')}")
    return tree


def _records(tree: Tree) -> Iterator[Tree]:
    yield from tree.get("days", {}).values()
