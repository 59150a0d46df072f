"""What the environment asks of long tests is understood, or refused with what to write."""

from __future__ import annotations

import pytest

from tests.support.soak import Soak


def test_without_a_soak_a_sample_is_tried() -> None:
    for environment in ({}, {"DROPZONE_SOAK": "", "DROPZONE_PART": ""}):
        soak = Soak.parse(environment)
        assert soak.times is None
        assert soak.examples(30) == 30
        assert soak.chosen(range(10), 3) == [0, 3, 6]


def test_a_soak_has_so_many_times_the_examples_and_everything_else() -> None:
    soak = Soak.parse({"DROPZONE_SOAK": "50"})
    assert soak.examples(30) == 1500
    assert soak.chosen(range(10), 3) == range(10)


def test_the_parts_of_a_soak_are_all_of_it() -> None:
    parts = [Soak.parse({"DROPZONE_SOAK": "1", "DROPZONE_PART": f"{part}/8"}) for part in range(1, 9)]
    assert [each for part in parts for each in part.chosen(range(21), 3)] == list(range(21))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DROPZONE_SOAK": "2/8"}, "DROPZONE_SOAK is '2/8': write how many times"),
        ({"DROPZONE_SOAK": "0"}, "DROPZONE_SOAK is '0'"),
        ({"DROPZONE_SOAK": "yes"}, "DROPZONE_SOAK is 'yes'"),
        ({"DROPZONE_PART": "2/8"}, "set DROPZONE_SOAK too"),
        ({"DROPZONE_SOAK": "1", "DROPZONE_PART": "9/8"}, "DROPZONE_PART is '9/8': write which part"),
        ({"DROPZONE_SOAK": "1", "DROPZONE_PART": "0/8"}, "DROPZONE_PART is '0/8'"),
        ({"DROPZONE_SOAK": "1", "DROPZONE_PART": "2"}, "DROPZONE_PART is '2'"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Soak.parse(environment)
