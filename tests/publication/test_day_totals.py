"""What a reprocess changes of a day's totals: exactly what differs, and of very much what differs most (contract 6)."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.publication.delta.files import file_schema
from processing.publication.delta.specs import FIRST_EXPOSURES, METRIC_DAYS
from processing.publication.totals import changed_totals
from tests.support.soak import times

ALL = 10**6
Total = dict[str, Any]
Key = tuple[str, str]
figures = st.sampled_from([None, 0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-8, -1.0, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan])
totals = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "ü"]), st.sampled_from(["user_id", "device"])),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["value", "ratio"]), "units": st.integers(0, 2), "sum": figures, "max": figures}
    ),
)


def metric_file(rows: dict[Key, Total]) -> bytes:
    table = [{"metric_name": name, "id_type": kind, **figure} for (name, kind), figure in rows.items()]
    return parquet(pl.DataFrame(table, schema=file_schema(METRIC_DAYS)))


def parquet(frame: pl.DataFrame) -> bytes:
    data = io.BytesIO()
    frame.write_parquet(data)
    return data.getvalue()


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def differ(one: Any, other: Any) -> bool:
    one, other = finite(one), finite(other)
    if isinstance(one, float) and isinstance(other, float):
        return one != other and not math.isclose(one, other, rel_tol=1e-9)
    return bool(one != other)


@settings(max_examples=times(200))
@given(totals, totals)
def test_exactly_what_differs_is_told(old: dict[Key, Total], new: dict[Key, Total]) -> None:
    found = changed_totals([metric_file(old)] if old else [], [metric_file(new)] if new else [], most=ALL)
    expected = [
        key
        for key in sorted({*old, *new})
        if (key in old) != (key in new) or any(differ(old[key][name], new[key][name]) for name in old[key])
    ]
    assert [(each["metric_name"], each["id_type"]) for each in found.shown] == expected
    assert found.count == len(expected)
    for each in found.shown:
        for side, rows in (("before", old), ("after", new)):
            total = rows.get((each["metric_name"], each["id_type"]))
            shown = each[side]
            assert (shown is None) == (total is None)
            if total is not None:
                assert {name: shown[name] for name in total} == {name: finite(value) for name, value in total.items()}
    json.dumps(found.shown, allow_nan=False)


def test_of_very_much_what_differs_most_is_shown_and_all_is_counted() -> None:
    def rows(factor: float) -> dict[Key, Total]:
        return {(f"m{number}", "user_id"): {"sum": 1.0 + number * factor} for number in range(100)}

    old, new = rows(0), rows(0.01)
    del new["m3", "user_id"]
    found = changed_totals([metric_file(old)], [metric_file(new)], most=4)
    assert found.count == 99, "all but the first, which is the same"
    assert [each["metric_name"] for each in found.shown] == ["m3", "m97", "m98", "m99"]


def exposures(groups: Iterable[str]) -> bytes:
    rows = [{"experiment": "e", "group_id": group, "unit_id": "u", "id_type": "user_id"} for group in groups]
    return parquet(pl.DataFrame(rows, schema=file_schema(FIRST_EXPOSURES)))


def test_units_of_a_group_are_counted_over_all_files_of_a_publication() -> None:
    found = changed_totals([exposures("ab"), exposures("b")], [exposures("bb"), exposures("ac")], most=ALL)
    key = {"experiment": "e", "id_type": "user_id"}
    assert found.shown == [{**key, "group_id": "c", "before": None, "after": {"units": 1}}]


def test_a_publication_of_a_program_that_knew_fewer_figures_can_be_compared() -> None:
    old = parquet(pl.read_parquet(metric_file({("a", "user_id"): {"sum": 1.0}})).drop("p99", "count"))
    found = changed_totals([old], [metric_file({("a", "user_id"): {"sum": 1.0}})], most=ALL)
    assert found.count == 0
