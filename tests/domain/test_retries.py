"""When something that failed is tried again: the numbers of the protocol."""

from __future__ import annotations

from datetime import timedelta

import pytest

from processing.domain.retries import DAY_OF_REST, MOST_DEATHS, REST_OF_PARTS, wait_after


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (11, 60), (10**9, 60)]
)
def test_a_wait_is_a_minute_and_doubles_to_an_hour(failures: int, minutes: int) -> None:
    assert wait_after(failures) == timedelta(minutes=minutes)


def test_three_deaths_are_enough_and_a_day_that_had_them_rests_for_a_day() -> None:
    assert MOST_DEATHS == 3
    assert timedelta(hours=24) == DAY_OF_REST


def test_a_part_is_kept_for_twenty_four_hours_which_is_longer_than_any_attempt() -> None:
    assert timedelta(hours=24) == REST_OF_PARTS
