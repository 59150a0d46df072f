"""What earlier days hand on: only by those that are published, and before the day (contract sections 4 and 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.readiness.inherited import (
    bits_of,
    digest_of,
    inherited_by,
    inherited_by_each,
    shown_ratios,
    sum_of_keys,
)
from processing.domain.stream_state import DayRecord, Published, StreamState

D1 = date(2026, 11, 16)
D2, D3 = D1 + timedelta(days=1), D1 + timedelta(days=2)
ONE, TWO = f"{1:016x}{2:016x}", f"{2**64 - 1:016x}{5:016x}"


def day(ratios: int = 0, hands_on: str = "") -> DayRecord:
    return DayRecord(published=Published(seq=1, manifest="m", files=1, rows=1, superseded=0, ratios=ratios, hands_on=hands_on))


METRICS = StreamState(
    customer="acme",
    dataset=Dataset.METRICS,
    ratio_names=("z", "a", "m"),
    days={D1: day(0b001), D2: day(0b110), D3: DayRecord()},
)
EXPOSURES = StreamState(customer="acme", dataset=Dataset.EXPOSURES, days={D1: day(hands_on=ONE), D2: day(hands_on=TWO)})


def test_a_metric_is_a_ratio_on_every_day_after_one_that_showed_it() -> None:
    assert inherited_by(METRICS, D1).ratios == ()
    assert inherited_by(METRICS, D2).ratios == ("z",)
    assert inherited_by(METRICS, D3).ratios == ("a", "m", "z")
    unpublished = replace(METRICS, days={D1: DayRecord(), D2: day(0b110)})
    assert inherited_by(unpublished, D3).ratios == ("a", "m")
    assert [each for each, _ in inherited_by_each(unpublished)] == [D2]


@pytest.mark.parametrize("state", [METRICS, EXPOSURES, replace(METRICS, dataset=Dataset.EVENTS)])
def test_each_published_day_is_compared_with_what_it_would_be_given_alone(state: StreamState) -> None:
    each = list(inherited_by_each(replace(state, days=dict(sorted(state.days.items(), reverse=True)))))
    assert each == [(day, inherited_by(state, day).digest) for day in (D1, D2)]


def test_what_is_handed_on_is_told_by_what_the_dataset_hands_on() -> None:
    assert inherited_by(METRICS, D3).digest == digest_of(["a", "m", "z"])
    assert inherited_by(EXPOSURES, D2).digest == ONE
    assert inherited_by(EXPOSURES, D3).digest == f"{0:016x}{7:016x}"
    assert inherited_by(replace(METRICS, dataset=Dataset.EVENTS), D3).digest == ""


def test_sums_of_keys_have_no_order_and_wrap_at_64_bits() -> None:
    assert sum_of_keys([]) == "0" * 32
    assert sum_of_keys(["", ONE, ""]) == ONE
    half = f"{2**63:016x}{2**63 - 1:016x}"
    assert sum_of_keys([half]) == half
    assert sum_of_keys([half, half]) == f"{0:016x}{2**64 - 2:016x}"
    assert sum_of_keys([ONE, TWO]) == sum_of_keys([TWO, ONE]) == f"{0:016x}{7:016x}"


@pytest.mark.parametrize("places", [[], [0], [7], [8], [9, 0], [63, 64, 1], [1000]])
def test_bits_of_places_are_the_powers_of_two(places: list[int]) -> None:
    assert bits_of(places) == sum(2**place for place in places)


def test_names_of_ratios_keep_their_places() -> None:
    assert shown_ratios(METRICS, ["m", "new"]) == (("z", "a", "m", "new"), 0b1100)
    assert shown_ratios(METRICS, []) == (("z", "a", "m"), 0)


def test_a_digest_is_of_the_set_and_has_32_digits() -> None:
    assert digest_of(["b", "a"]) == digest_of(["a", "b"])
    assert digest_of(["a"]) != digest_of(["b"])
    assert len(digest_of([])) == 32
