"""Rows divided by a key: all come back, those of one key together, and memory and disk hold what they must (performance)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from processing.publication import shuffle
from processing.publication.key_filter import KeyFilter
from processing.publication.shuffle import Shuffle


def frame(keys: range, *, text: str = "") -> pl.DataFrame:
    return pl.DataFrame({"key": [str(key) for key in keys], "text": text})


def rows_on_disk(folder: Path) -> int:
    return sum(pl.read_ipc(file).height for file in folder.rglob("*.arrow"))


@pytest.mark.parametrize("in_memory", [1, 7, 10**6])
@pytest.mark.parametrize("buckets", [2, 16])
def test_all_rows_come_back_and_those_of_one_key_in_one_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int, buckets: int
) -> None:
    monkeypatch.setattr(shuffle, "_ROWS_IN_MEMORY", in_memory)
    divided = Shuffle(tmp_path, ["key"], buckets=buckets)
    for start in range(0, 100, 10):
        divided.add(frame(range(start, start + 20)))
    found = [bucket().get_column("key").to_list() for bucket in divided.buckets()]
    assert sorted(key for keys in found for key in keys) == sorted(
        str(key) for start in range(0, 100, 10) for key in range(start, start + 20)
    )
    assert sum(len(set(keys)) for keys in found) == 110
    assert len(found) == (1 if in_memory == 10**6 else buckets)
    assert rows_on_disk(tmp_path) == 0


def test_rows_are_spilled_once_their_text_outgrows_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "_BYTES_IN_MEMORY", 10_000)
    divided = Shuffle(tmp_path, ["key"])
    divided.add(frame(range(9), text="x" * 1_000))
    assert rows_on_disk(tmp_path) == 0
    divided.add(frame(range(9), text="x" * 1_000))
    assert rows_on_disk(tmp_path) == 18


def test_rows_that_can_be_reduced_in_memory_never_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "_ROWS_IN_MEMORY", 100)
    divided = Shuffle(tmp_path, ["key"], reduce=lambda rows: rows.unique())
    for _ in range(50):
        divided.add(frame(range(40)))
    assert rows_on_disk(tmp_path) == 0
    (bucket,) = divided.buckets()
    assert bucket().height == 40


def test_the_disk_holds_about_twice_what_the_rows_reduce_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "_ROWS_IN_MEMORY", 500)
    divided = Shuffle(tmp_path, ["key"], reduce=lambda rows: rows.unique())
    most = 0
    for number in range(60):
        divided.add(frame(range(number % 4 * 500, number % 4 * 500 + 600)))
        most = max(most, rows_on_disk(tmp_path))
    assert 2_100 <= most <= 2 * 2_100 + 600
    assert sum(bucket().height for bucket in divided.buckets()) == 2_100


def test_a_filter_knows_every_key_it_was_given_and_hardly_any_other() -> None:
    known = KeyFilter(["key"])
    known.add(frame(range(20_000)))
    known.add(frame(range(20_000, 30_000)))
    assert known.known(frame(range(30_000))).height == 30_000
    assert known.known(frame(range(30_000, 60_000))).height < 30
    assert known.known(frame(range(0))).height == 0


def test_a_bucket_of_very_many_rows_that_agree_is_squeezed_and_no_other_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle, "_ROWS_IN_MEMORY", 500)
    monkeypatch.setattr(shuffle, "_ROWS_OF_A_BUCKET", 2_000)
    squeezed = []

    def last_of_each(rows: pl.LazyFrame) -> pl.LazyFrame:
        squeezed.append(rows.select(pl.len()).collect().item())
        return rows.unique(subset="key", keep="last", maintain_order=True)

    divided = Shuffle(tmp_path, ["key"], buckets=4, squeeze=last_of_each)
    largest = 0
    for number in range(20):
        divided.add(frame(range(100 * number, 100 * number + 100)))
        divided.add(pl.DataFrame({"key": ["same"] * 900, "text": str(number)}))
        largest = max(largest, rows_on_disk(tmp_path))
    assert divided.rows == 20 * 1_000
    assert largest < 20 * 100 + 2 * 2_000 + 1_000
    assert squeezed
    assert max(squeezed) < 2 * 2_000 + 1_000
    found = pl.concat([bucket() for bucket in divided.buckets()])
    assert found.filter(pl.col("key") != "same").height == 20 * 100
    assert found.filter(pl.col("key") == "same").get_column("text")[-1] == "19"
