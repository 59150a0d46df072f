"""Accepted rows become parts of one day each, and never more of them than a request each is worth."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from processing.domain.errors import CustomerError
from processing.ingest import staging
from processing.ingest.staging import LocalPart, PartWriter, divide

FIRST: Final = date(2024, 1, 1)
GROUP: Final = 200
"""Rows that are held in memory here; a million in the program."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "_ROWS_IN_MEMORY", GROUP)
    monkeypatch.setattr(staging, "_ROWS_ON_DISK", 6 * GROUP)


@pytest.fixture(params=[True, False], ids=["pool", "one thread"])
def pool(request: pytest.FixtureRequest) -> Iterator[ThreadPoolExecutor | None]:
    if not request.param:
        yield None
        return
    with ThreadPoolExecutor(staging.WRITERS) as found:
        yield found


class Emitted:
    """Keeps the rows of parts, and how many files lay on scratch disk when one was emitted."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.parts: list[tuple[date, int]] = []
        self.rows: dict[date, list[int]] = {}
        self.most_on_disk = 0

    def __call__(self, part: LocalPart) -> None:
        self.most_on_disk = max(self.most_on_disk, len(list(self.scratch.glob("*.parquet"))))
        self.parts.append((part.day, part.number))
        rows = pl.read_parquet(part.path).get_column("row").to_list()
        assert len(rows) == part.rows
        self.rows.setdefault(part.day, []).extend(rows)


def stage(days: list[int], tmp_path: Path, pool: ThreadPoolExecutor | None = None, most: int = 4_000) -> Emitted:
    """A row for each of `days`, in batches of 50, each with its number."""
    frame = pl.DataFrame(
        {"row": range(len(days)), "day": [FIRST + timedelta(days=day) for day in days], "text": ["x"] * len(days)}
    )
    emitted = Emitted(tmp_path / "parts")
    writer = PartWriter(tmp_path / "parts", emitted, pool, most=most)
    for batch in frame.iter_slices(50):
        writer.add(divide(batch, pl.col("day")))
    writer.finish()
    assert sum(writer.days.values()) == len(days)
    assert list((tmp_path / "parts").glob("*")) == []
    expected: dict[date, list[int]] = {}
    for row, day in frame.select("row", "day").iter_rows():
        expected.setdefault(day, []).append(row)
    assert emitted.rows == expected
    assert sorted(emitted.parts) == sorted(
        (day, number) for day, _ in expected.items() for number in range(count(emitted, day))
    )
    return emitted


def count(emitted: Emitted, day: date) -> int:
    return sum(own == day for own, _ in emitted.parts)


def test_a_group_of_few_days_is_a_part_a_day(tmp_path: Path, pool: ThreadPoolExecutor | None) -> None:
    assert len(stage([row % 31 for row in range(5 * GROUP)], tmp_path, pool).parts) == 5 * 31


def test_groups_of_many_days_are_put_together(tmp_path: Path, pool: ThreadPoolExecutor | None) -> None:
    """Six groups become the parts of one; what they take of scratch disk is bounded."""
    emitted = stage([row % 100 for row in range(20 * GROUP)], tmp_path, pool)
    assert len(emitted.parts) == 4 * 100
    assert emitted.most_on_disk <= 7 * 100


def test_a_day_with_most_of_the_rows_is_not_put_together_beyond_what_memory_holds(tmp_path: Path) -> None:
    emitted = stage([0 if row % 4 else row % 100 for row in range(12 * GROUP)], tmp_path)
    assert max(len(rows) for rows in emitted.rows.values()) > 6 * GROUP
    assert count(emitted, FIRST) > 6


def test_once_a_file_has_many_parts_a_few_days_are_put_together_as_well(tmp_path: Path) -> None:
    days = [row % 10 for row in range(60 * GROUP)]
    assert len(stage(days, tmp_path, most=400).parts) <= 100 + 10 * (50 // 6 + 1)


def test_days_one_after_another_are_a_part_each(tmp_path: Path) -> None:
    assert len(stage([row // GROUP for row in range(300 * GROUP)], tmp_path, most=400).parts) == 300


def test_a_file_of_more_parts_than_are_worth_it_is_refused(tmp_path: Path, pool: ThreadPoolExecutor | None) -> None:
    with pytest.raises(CustomerError) as refused:
        stage([row % 150 for row in range(40 * GROUP)], tmp_path, pool, most=400)
    assert refused.value.code == "too_many_parts"
    assert "sort the file by day" in refused.value.message


@pytest.mark.parametrize("span", [1, 2, staging._FEW_TO_DIVIDE, staging._FEW_TO_DIVIDE + 1, 400])
def test_rows_are_divided_alike_however_many_days_lie_between_them(span: int) -> None:
    days = [FIRST + timedelta(days=number * 7 % span) for number in range(0, 900, 3)]
    rows = pl.DataFrame({"row": range(len(days)), "day": days})
    divided = divide(rows, pl.col("day"))
    expected: dict[date, list[int]] = {}
    for number, day in enumerate(days):
        expected.setdefault(day, []).append(number)
    assert {day: frame.get_column("row").to_list() for day, frame in divided.frames.items()} == expected
    assert divided.rows == len(days)


def test_days_without_rows_between_others_have_no_frame() -> None:
    rows = pl.DataFrame({"day": [FIRST + timedelta(days=3), FIRST]})
    assert sorted(divide(rows, pl.col("day")).frames) == [FIRST, FIRST + timedelta(days=3)]
    assert divide(rows.clear(), pl.col("day")).frames == {}
