"""A day whose metric is another kind than before says so, with the rows that lose their value (contract section 4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from processing.domain.datasets import Dataset
from tests.support.memory import HEADER, Memory, metrics, ratios

D1, D2, D3 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)


def published(world: Memory, day: date, **files: bytes) -> dict[str, Any] | None:
    """What the document of a day with these files says."""
    for name, data in files.items():
        world.upload(f"metrics/{day}/{name}.csv", data)
    world.upload(f"signals/{day}")
    world.settle()
    document = world.status(day)
    assert document["state"] in ("processed", "processed_empty")
    said: dict[str, Any] | None = document["kind_changed"]
    return said


def test_values_of_a_metric_that_other_rows_show_as_a_ratio_lose_theirs_and_the_day_counts_them() -> None:
    world = Memory()
    assert published(world, D1, a=metrics(D1, {"u": 1, "v": 2}), b=metrics(D1, {"u": 1}, "other")) is None
    said = published(world, D2, a=metrics(D2, {"u": 1, "v": 2}), b=ratios(D2, {"w": (1, 2)}, "m"))
    assert said == {"metrics": ["m"], "count": 1, "rows": 2}
    assert world.values(D2) == {"u": None, "v": None, "w": 0.5}
    # It is a ratio from then on.
    assert published(world, D3, a=metrics(D3, {"u": 1})) == {"metrics": ["m"], "count": 1, "rows": 1}


def test_a_metric_that_was_a_value_and_is_a_ratio_in_all_rows_is_told_with_no_rows() -> None:
    world = Memory()
    published(world, D1, a=metrics(D1, {"u": 1}, "m"))
    assert published(world, D2, a=ratios(D2, {"u": (1, 2)}, "m")) == {"metrics": ["m"], "count": 1, "rows": 0}
    assert published(world, D3, a=ratios(D3, {"u": (1, 2)}, "m")) is None, "it is one by now"


def test_a_metric_that_always_was_a_ratio_is_none_and_neither_is_one_over_zero() -> None:
    world = Memory()
    assert published(world, D1, a=ratios(D1, {"u": (1, 0)})) is None
    assert published(world, D2, a=ratios(D2, {"u": (1, 0)}), b=metrics(D2, {"u": 1})) is None


def test_rows_that_are_superseded_or_tests_lose_nothing() -> None:
    world = Memory()
    test = (HEADER.strip() + ",is_test\n" + f"t,user_id,{D1},r,1,,,true\n").encode()
    old = metrics(D1, {"u": 1}, "r")
    assert published(world, D1, a=old, b=test, c=ratios(D1, {"u": (1, 2)})) is None


def test_a_metric_whose_kind_is_pinned_changes_it_by_no_rows() -> None:
    world = Memory()
    world.config("metrics:\n  m:\n    kind: value\n")
    both = (HEADER + f"w,user_id,{D1},m,1,1,2\n").encode()
    assert published(world, D1, a=metrics(D1, {"u": 1}), b=both) is None


@pytest.mark.parametrize("mask", ["[metric_name]", "[unit_id]"])
def test_names_that_are_masked_are_left_out(mask: str) -> None:
    world = Memory()
    world.config(f"mask_values: {mask}\n")
    said = published(world, D1, a=metrics(D1, {"u": 1}), b=ratios(D1, {"w": (1, 2)}, "m"))
    assert said == {"metrics": [] if mask == "[metric_name]" else ["m"], "count": 1, "rows": 1}


def test_the_worst_are_named_and_all_are_counted_and_a_correction_says_it_anew() -> None:
    world = Memory()
    values = b"".join(metrics(D1, dict.fromkeys("uvwxyz"[: 6 - n], 1), f"m{n}")[len(HEADER) * (n > 0) :] for n in range(6))
    parts = b"".join(ratios(D1, {"r": (1, 2)}, f"m{n}")[len(HEADER) * (n > 0) :] for n in range(6))
    said = published(world, D1, a=values, b=parts)
    assert said == {"metrics": ["m0", "m1", "m2", "m3", "m4"], "count": 6, "rows": 21}
    world.upload(f"metrics/{D1}/b.csv", b"")
    world.settle()
    assert world.status(D1)["seq"] == 2
    assert world.status(D1)["kind_changed"] is None
    assert world.status(D1, Dataset.METRICS)["state"] == "processed"
