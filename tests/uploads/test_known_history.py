"""What a receipt says of rows that their stream has a history with: late rows, and metrics of another kind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from processing.ingest.readers.csv import reader as csv_reader
from tests.support.memory import HEADER, Memory, metrics, ratios

D1, D2, D3 = (date(2026, 11, 18) + timedelta(days=n) for n in range(3))


def published(*, config: str = "") -> Memory:
    """A customer of whom a day is published, with the value `m` and the ratio `r`."""
    world = Memory()
    if config:
        world.config(config)
    world.upload("metrics/m.csv", metrics(D1, {"u": 1, "v": 2}))
    world.upload("metrics/r.csv", ratios(D1, {"u": (1, 2)}))
    world.upload(f"signals/{D1}")
    world.settle()
    return world


def warned(world: Memory, name: str, code: str) -> dict[str, Any] | None:
    found = [each for each in world.receipt(name)["warnings"] if each["code"] == code]
    assert len(found) <= 1
    return found[0] if found else None


def test_rows_of_a_published_day_are_late_and_the_receipt_says_what_becomes_of_them() -> None:
    world = published()
    world.upload("metrics/late.csv", metrics(D1, {"w": 1, "x": 1}) + metrics(D2, {"w": 1}).removeprefix(HEADER.encode()))
    assert warned(world, "metrics/late.csv", "late_for_day") == {
        "code": "late_for_day",
        "count": 2,
        "message": f"rows are of days that are published already: {D1} (processed again by itself until {D1 + timedelta(14)}, "
        "once more than 1 % of its rows changed)",
    }
    assert warned(world, "metrics/m.csv", "late_for_day") is None


@pytest.mark.parametrize(
    ("config", "days", "says"),
    [
        ("late_policy: hold\n", 0, "held by late_policy"),
        ("late_window_days: 3\nlate_threshold: 0.5\n", 0, f"until {D1 + timedelta(3)}, once more than 50 %"),
        ("", 12, f"until {D1 + timedelta(14)}"),
        ("", 13, "past the 14 days in which a day changes by itself: ask the operator to reprocess it"),
    ],
)
def test_what_becomes_of_late_rows_follows_the_policy_and_the_age_of_the_day(config: str, days: int, says: str) -> None:
    world = published(config=config)
    world.pass_time(days=days)
    world.upload("metrics/late.csv", metrics(D1, {"w": 1}))
    found = warned(world, "metrics/late.csv", "late_for_day")
    assert found is not None
    assert says in found["message"]


def test_the_same_bytes_again_change_nothing_and_are_not_late() -> None:
    world = published()
    world.upload("metrics/m.csv", metrics(D1, {"u": 1, "v": 2}))
    assert warned(world, "metrics/m.csv", "late_for_day") is None
    world.upload("metrics/m.csv", metrics(D1, {"u": 1, "v": 3}))
    assert warned(world, "metrics/m.csv", "late_for_day") is not None


def test_a_ratio_that_comes_as_a_value_has_rows_that_lose_it() -> None:
    world = published()
    world.upload("metrics/a.csv", metrics(D2, {"u": 1, "v": 2}, "r") + b"w,user_id,%s,r,,1,2\n" % str(D2).encode())
    found = warned(world, "metrics/a.csv", "kind_changed")
    assert found is not None
    assert found["count"] == 2
    assert found["message"] == "rows without numerator and denominator have no value where the metric is a ratio: 'r' (2 rows)"
    world.upload(f"signals/{D2}")
    world.settle()
    rows = world.table("metric_rows")
    assert {u: v for u, v, d in rows.select("unit_id", "value", "pst_date").iter_rows() if d == str(D2)} == {
        "u": None,
        "v": None,
        "w": 0.5,
    }


def test_a_ratio_is_none_on_the_days_before_it_was_one() -> None:
    world = published()
    world.upload("metrics/a.csv", metrics(D1 - timedelta(1), {"u": 1}, "r"))
    assert warned(world, "metrics/a.csv", "kind_changed") is None


def test_a_value_that_comes_as_a_ratio_is_told_though_no_row_of_the_file_loses_its_value() -> None:
    world = published()
    world.upload("metrics/a.csv", ratios(D2, {"u": (1, 2), "v": (1, 2)}, "m"))
    found = warned(world, "metrics/a.csv", "kind_changed")
    assert found is not None
    assert found["count"] == 2
    assert "make these metrics ratios" in found["message"]
    assert "'m' (0 rows)" in found["message"]


def test_a_new_ratio_and_a_new_value_are_no_change() -> None:
    world = published()
    world.upload(
        "metrics/a.csv", ratios(D2, {"u": (1, 2)}, "new") + metrics(D2, {"u": 1}, "other").removeprefix(HEADER.encode())
    )
    assert warned(world, "metrics/a.csv", "kind_changed") is None


def test_a_file_that_shows_a_new_metric_as_both_is_told_with_the_rows_that_lose_their_value() -> None:
    world = Memory()
    world.upload(
        "metrics/a.csv", metrics(D2, {"u": 1, "v": 1}, "new") + ratios(D2, {"w": (1, 2)}, "new").removeprefix(HEADER.encode())
    )
    found = warned(world, "metrics/a.csv", "kind_changed")
    assert found is not None
    assert found["count"] == 2


def test_a_pinned_metric_and_test_rows_change_no_kind() -> None:
    world = published(config="metrics:\n  r: {kind: ratio}\n")
    head = HEADER.strip() + ",is_test\n"
    world.upload("metrics/a.csv", f"{head}u,user_id,{D2},m,,1,2,true\n".encode())
    assert warned(world, "metrics/a.csv", "kind_changed") is None


def test_a_masked_metric_is_not_named() -> None:
    world = published(config="mask_values: [metric_name]\n")
    world.upload("metrics/a.csv", metrics(D2, {"u": 1}, "r"))
    found = warned(world, "metrics/a.csv", "kind_changed")
    assert found is not None
    assert found["message"].endswith("(masked) (1 row)")


@pytest.mark.parametrize("order", ["ratios first", "values first", "mixed"])
def test_rows_that_lose_their_value_are_counted_wherever_blocks_are_cut(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK", 400)
    ratio = [f"u{number},user_id,{D1},m,,1,2" for number in range(60)]
    value = [f"v{number},user_id,{D1},m,1,," for number in range(60)]
    mixed = [row for pair in zip(ratio, value, strict=True) for row in pair]
    rows = {"ratios first": ratio + value, "values first": value + ratio, "mixed": mixed}[order]
    world = Memory()
    world.upload("metrics/a.csv", "\n".join([HEADER.strip(), *rows, ""]).encode())
    found = warned(world, "metrics/a.csv", "kind_changed")
    assert found is not None
    assert found["count"] == 60


def habit(*, rows: int, files: int = 1, days: int = 5) -> tuple[Memory, date]:
    """A customer of whom so many days are published, each of so many rows in so many files; and the day after them."""
    world = Memory()
    for number in range(days):
        day = D1 + timedelta(number)
        for file in range(files):
            share = range(file, rows, files)
            world.upload(f"metrics/{day}/{file}.csv", metrics(day, {f"u{unit}": 1 for unit in share}))
        world.upload(f"signals/{day}")
        world.settle()
        world.pass_time(days=1)
    return world, D1 + timedelta(days)


@pytest.mark.parametrize(
    ("rows", "files", "days", "here", "is_told"),
    [
        (1_000, 1, 5, 3_000, False),
        (1_000, 1, 5, 3_001, True),
        (1_000, 1, 4, 3_001, False),
        (1_000, 2, 5, 3_001, True),
        (1_000, 1, 5, 333, True),
        (1_000, 1, 5, 334, False),
        (1_000, 2, 5, 333, False),
        (300, 1, 5, 999, False),
        (300, 1, 5, 1_000, True),
        (999, 1, 5, 3, False),
    ],
)
def test_far_more_or_fewer_rows_than_the_last_days_had_are_told(
    rows: int, files: int, days: int, here: int, is_told: bool
) -> None:
    world, day = habit(rows=rows, files=files, days=days)
    world.upload("metrics/new.csv", metrics(day, {f"u{unit}": 1 for unit in range(here)}))
    expected = {
        "code": "volume",
        "count": here,
        "message": f"rows are far more or fewer than usual: {here:,} of {day}, where the last 5 days had {rows:,} each",
    }
    assert warned(world, "metrics/new.csv", "volume") == (expected if is_told else None)


def test_a_correction_of_a_published_day_may_be_small() -> None:
    world, _ = habit(rows=1_000)
    world.upload("metrics/late.csv", metrics(D1, {"w": 1}))
    assert warned(world, "metrics/late.csv", "volume") is None
