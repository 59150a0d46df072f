"""A day with numbers near the end of all floats is published and processed again like any other (contract 6 and 8)."""

from __future__ import annotations

import io
import math
from datetime import date

import polars as pl
import pytest

from processing.domain import blob_names
from processing.domain.stream_state import DayState
from processing.jobs.days import difference
from tests.support.memory import HEADER, Memory, metrics

D1 = date(2026, 11, 17)


def published(values: dict[str, float]) -> Memory:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, values))
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    return world


def test_a_day_whose_totals_overflow_can_be_processed_again() -> None:
    world = published({"u": 1e308, "v": 1e308})
    world.upload("metrics/b.csv", metrics(D1, {"w": -1e308}))
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    (total,) = world.difference(D1)["totals"]
    assert (total["before"]["sum"], total["after"]["sum"]) == (None, pytest.approx(1e308))
    assert total["after"]["stddev"] == pytest.approx(1.1547005383792517e308)


@pytest.mark.parametrize("figure", [math.inf, -math.inf, math.nan])
def test_what_an_earlier_program_published_is_told_without_figures_that_are_no_numbers(figure: float) -> None:
    world = published({"u": 1e200, "v": -1e200})
    results = blob_names.results_container(world.customer)
    (file,) = (info.name for info in world.results.list_blobs(results, "metric_days/"))
    found = world.results.get(results, file)
    assert found is not None
    infinite = io.BytesIO()
    pl.read_parquet(io.BytesIO(found[0])).with_columns(pl.lit(figure).alias("stddev")).write_parquet(infinite)
    world.results.put(results, file, infinite.getvalue())
    world.upload("metrics/b.csv", metrics(D1, {"w": 5.0}))
    world.settle()
    assert world.values(D1) == {"u": 1e200, "v": -1e200, "w": 5.0}
    (total,) = world.difference(D1)["totals"]
    assert (total["before"]["stddev"], total["after"]["stddev"]) == (None, pytest.approx(1e200))


def test_the_document_of_a_difference_is_bounded_and_counts_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MOST_TOTALS", 3)
    monkeypatch.setattr(difference, "MOST_FILES", 2)
    world = published({"u": 1.0})
    for number in range(4):
        row = f"u,user_id,{D1},m{number},{number},,\n"
        world.upload(f"metrics/{number}.csv", (HEADER + row).encode())
    world.settle()
    document = world.difference(D1)
    assert (document["totals_changed"], len(document["totals"])) == (4, 3)
    assert document["files_changed"] == {"joined": 4, "left": 0}
    assert document["files_joined"] == ["metrics/0.csv", "metrics/1.csv"]
