"""How a receipt is written that names very many staged parts: by the rows of each, from which their names follow.

A file of four thousand parts would have a receipt of 700 KB otherwise, which every later look at it would read (contract
section 5 allows 256 KB). Few parts stay as they are, by name, for the people who read receipts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from processing.domain.blob_names import PartName
from processing.domain.datasets import Dataset

MOST_BY_NAME: Final = 500
"""Parts that are written by their names."""
_ROWS: Final = "part_rows"


def packed(tree: dict[str, Any]) -> dict[str, Any]:
    """The printed receipt, with `{"<dataset>/<day>": [rows, ...]}` in the place of a long list of parts."""
    in_force = tree["in_force"]
    if in_force is None or len(in_force["parts"]) <= MOST_BY_NAME:
        return tree
    rows: dict[str, list[int]] = {}
    for part in in_force["parts"]:
        name = PartName.parse(part["name"])
        if name is None:
            return tree
        rows.setdefault(f"{name.dataset}/{name.day.isoformat()}", []).append(part["rows"])
    if list(_named(tree["customer"], in_force["attempt"], rows)) != in_force["parts"]:
        return tree  # other names do not follow from their numbers
    return {**tree, "in_force": {**in_force, "parts": [], _ROWS: rows}}


def is_packed(tree: dict[str, Any]) -> bool:
    """Whether only a program that knows this form reads the receipt whole."""
    return tree["in_force"] is not None and _ROWS in tree["in_force"]


def unpacked(tree: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `packed`."""
    if not tree.get("in_force") or not is_packed(tree):
        return tree
    in_force = dict(tree["in_force"])
    parts = list(_named(tree["customer"], in_force["attempt"], in_force.pop(_ROWS)))
    return {**tree, "in_force": {**in_force, "parts": parts}}


def _named(customer: str, attempt: str, rows: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    for stream, counts in rows.items():
        dataset, _, day = stream.partition("/")
        for number, count in enumerate(counts):
            name = PartName(
                dataset=Dataset(dataset), customer=customer, day=date.fromisoformat(day), attempt=attempt, number=number
            )
            yield {"name": str(name), "rows": count}
