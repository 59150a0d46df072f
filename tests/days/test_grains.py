"""Raw facts by the config: what is published of them; corrections and a changed config reach it (contract section 4)."""

from __future__ import annotations

from datetime import date

import pytest

from processing.jobs.operate import ask_reprocess
from tests.support.memory import HEADER, Memory, metrics, ratios

DAY = date(2026, 11, 18)
SUM = "metrics:\n  m: {aggregate: sum}\n"


def facts(*values: tuple[str, float], metric: str = "m") -> bytes:
    return (HEADER + "".join(f"{unit},user_id,{DAY},{metric},{value},,\n" for unit, value in values)).encode()


def published(config: str = SUM) -> Memory:
    world = Memory()
    world.config(config)
    world.upload("metrics/a.csv", facts(("u", 1), ("u", 2), ("v", 5)))
    world.upload("metrics/b.csv", facts(("u", 4)))
    world.upload(f"signals/{DAY}")
    world.settle()
    return world


def test_all_rows_in_force_count_and_no_receipt_warns_of_them() -> None:
    world = published()
    assert world.values(DAY) == {"u": 7.0, "v": 5.0}
    assert world.receipt("metrics/a.csv")["warnings"] == []
    manifest = world.manifest(DAY)
    assert (manifest.rows_in, manifest.rows, manifest.superseded, manifest.merged) == (4, 2, 0, 2)
    assert manifest.config is not None
    assert manifest.config == world.receipt("metrics/a.csv")["config"]


def test_a_file_that_is_uploaded_again_replaces_its_own_rows_alone() -> None:
    world = published()
    world.upload("metrics/a.csv", facts(("u", 10), ("u", 20)))
    world.settle()
    assert world.values(DAY) == {"u": 34.0}
    world.upload("metrics/b.csv")
    world.settle()
    assert world.values(DAY) == {"u": 30.0}


def reprocess(world: Memory) -> int:
    ask_reprocess(world.context, world.state().stream, DAY)
    world.settle()
    return world.state().seq


def test_a_changed_meaning_is_published_by_a_reprocess() -> None:
    world = published()
    world.config("metrics:\n  m: {aggregate: max}\n")
    world.settle()
    assert world.values(DAY) == {"u": 7.0, "v": 5.0}, "a config alone changes no published day"
    assert reprocess(world) == 2
    assert world.values(DAY) == {"u": 4.0, "v": 5.0}


@pytest.mark.parametrize(
    ("config", "seq", "value"),
    [("metrics:\n  m: {aggregate: min}\n", 2, 1.0), (f"{SUM}late_threshold: 0.5\n", 1, 7.0), ("", 2, 4.0)],
)
def test_a_marker_that_is_uploaded_again_publishes_anew_where_the_meaning_changed(config: str, seq: int, value: float) -> None:
    world = published()
    world.config(config)
    world.upload(f"signals/{DAY}", b" ")
    world.settle()
    assert world.state().seq == seq
    assert world.values(DAY)["u"] == value


def test_a_config_that_says_nothing_of_rows_is_not_in_the_manifest() -> None:
    world = published("late_threshold: 0.5\n")
    assert world.manifest(DAY).config is None


def test_rows_that_do_not_carry_a_pinned_kind_are_rejected() -> None:
    world = Memory()
    world.config("max_rejected_fraction: 1\nmetrics:\n  m: {kind: value}\n  r: {kind: ratio}\n")
    world.upload("metrics/fits.csv", metrics(DAY, {"u": 1}) + ratios(DAY, {"u": (1, 2)}).removeprefix(HEADER.encode()))
    assert world.receipt("metrics/fits.csv")["status"] == "accepted"
    world.upload(
        "metrics/not.csv",
        metrics(DAY, {"a": 1, "b": 2}, "r")
        + ratios(DAY, {"c": (1, 2)}, "m").removeprefix(HEADER.encode())
        + facts(("d", 1))[len(HEADER) :],
    )
    receipt = world.receipt("metrics/not.csv")
    assert receipt["rows"] == {"read": 4, "accepted": 1, "rejected": 3, "filtered": 0}
    assert [(rule["rule"], rule["count"]) for rule in receipt["rules"]] == [("wrong_kind", 3)]


def test_a_pinned_ratio_hands_on_nothing_that_rows_do_not_show() -> None:
    world = published("metrics:\n  m: {kind: value}\n")
    assert world.state().ratio_names == ()
    assert world.values(DAY) == {"u": 4.0, "v": 5.0}


def test_the_three_grains_give_the_same_rows() -> None:
    by_day, raw, wide = Memory(), Memory(), Memory()
    raw.config("metrics:\n  revenue: {aggregate: sum}\n  sessions: {aggregate: sum}\n")
    wide.config("datasets:\n  metrics:\n    values: {revenue: amount, sessions: n}\n")
    head = f"user_id,{DAY}"
    by_day.upload("metrics/a.csv", f"{HEADER}u,{head},revenue,3.5,,\nu,{head},sessions,2,,\nv,{head},sessions,1,,\n".encode())
    raw.upload(
        "metrics/a.csv",
        f"{HEADER}u,{head},revenue,1.25,,\nu,{head},revenue,2.25,,\nv,{head},sessions,1,,\nu,{head},sessions,2,,\n".encode(),
    )
    wide.upload("metrics/a.csv", f"unit_id,id_type,date,amount,n\nu,{head},3.5,2\nv,{head},,1\n".encode())
    tables = []
    for world in (by_day, raw, wide):
        world.upload(f"signals/{DAY}")
        world.settle()
        tables.append(world.table("metric_rows").sort("unit_id", "metric_name").to_dicts())
    assert tables[0] == tables[1] == tables[2]
    receipt = wide.receipt("metrics/a.csv")
    assert (receipt["rows"]["accepted"], receipt["days"]) == (2, {str(DAY): 2})
    assert sum(part["rows"] for part in receipt["in_force"]["parts"]) == 3
