"""Requests that are checked together are told what they would be told alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.jobs.uploads.check_rows import check_rows
from processing.web.shared_checks import Bad, SharedChecks
from schemas.customer_config import CustomerConfig
from tests.support.memory import Memory
from tests.support.waiting import wait_until

CONFIG = CustomerConfig()
GOOD = {"unit_id": "u", "id_type": "user_id", "date": "2026-11-18", "metric_name": "m", "metric_value": 1}
ROWS = {
    "good": GOOD,
    "a text": {**GOOD, "metric_value": "1.5"},
    "a ratio": {**{name: value for name, value in GOOD.items() if name != "metric_value"}, "numerator": 1, "denominator": 2},
    "no unit": {**GOOD, "unit_id": ""},
    "no number": {**GOOD, "metric_value": "x"},
    "no day": {**GOOD, "date": "2099-01-01"},
}
requests = st.lists(st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=4), min_size=2, max_size=6)


def lines_of(names: Sequence[str]) -> list[bytes]:
    return [json.dumps(ROWS[name]).encode() for name in names]


def checked_together(world: Memory, asked: Sequence[Sequence[bytes]], configs: Sequence[CustomerConfig]) -> list[Any]:
    """What each is told when all of them wait for the same check; an error in the place of what it was raised for."""
    checks, now = SharedChecks(world.context), world.time()
    checks.check("acme", Dataset.METRICS, lines_of(["good"]), config=CONFIG, now=now)
    (queue,) = checks._queues.values()

    def check(lines: Sequence[bytes], config: CustomerConfig) -> Bad | Exception:
        try:
            return checks.check("acme", Dataset.METRICS, lines, config=config, now=now)
        except LaterError as error:
            return error

    with ThreadPoolExecutor(len(asked)) as pool:
        with queue.lock:
            found = [pool.submit(check, lines, config) for lines, config in zip(asked, configs, strict=True)]
            wait_until(lambda: len(queue.waiting) == len(asked))
        return [each.result() for each in found]


@settings(max_examples=15)
@given(asked=requests)
def test_each_is_told_what_it_would_be_told_alone(asked: list[list[str]]) -> None:
    world = Memory()
    lines = [lines_of(names) for names in asked]
    alone = [check_rows(world.context, "acme", Dataset.METRICS, each, config=CONFIG, now=world.time()) for each in lines]
    assert checked_together(world, lines, [CONFIG] * len(lines)) == alone


def test_good_requests_cost_one_check_and_bad_ones_another(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counted(*args: Any, **options: Any) -> Bad:
        sizes.append(len(args[3]))
        return check_rows(*args, **options)

    monkeypatch.setattr("processing.jobs.uploads.check_rows.check_rows", counted)
    found = checked_together(Memory(), [lines_of(["good"]), lines_of(["good", "no unit"]), lines_of(["good"])], [CONFIG] * 3)
    assert sizes[1:] == [4, 2]
    assert [list(each) for each in found] == [[], [1], []]


def test_other_configs_are_checked_by_themselves() -> None:
    other = CustomerConfig.model_validate({"metrics": {"m": {"kind": "ratio"}}})
    found = checked_together(Memory(), [lines_of(["good"])] * 4, [CONFIG, other, other, CONFIG])
    assert [bool(each) for each in found] == [False, True, True, False]


def test_an_error_is_raised_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: Any, **options: Any) -> Bad:
        if any(b"0.25" in line for line in args[3]):
            raise LaterError("no storage")
        return check_rows(*args, **options)

    monkeypatch.setattr("processing.jobs.uploads.check_rows.check_rows", failing)
    unlucky = [json.dumps({**GOOD, "metric_value": 0.25}).encode()]
    first, second, third = checked_together(Memory(), [lines_of(["good"]), unlucky, lines_of(["good"])], [CONFIG] * 3)
    assert (first, third) == ({}, {})
    assert isinstance(second, LaterError)
