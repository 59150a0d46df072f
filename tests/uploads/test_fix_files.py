"""A fix file is stored beside the receipt, and completes the upload under a name of its own (contract section 5)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import OperatorError
from processing.jobs.uploads.check_file import REJECTED, CheckRequest, check_file
from processing.local.environment import PROJECT
from schemas.customer_config import CustomerConfig
from tests.support.memory import HEADER, Memory

DAY = date(2026, 11, 18)
GOOD = f"{HEADER}u,user_id,{DAY},m,1,,\n"
BAD = f"{GOOD}v,user_id,{DAY},m,two,,\n"
RECEIPTS = blob_names.receipts_container("acme")


def fixes(world: Memory, name: str) -> bytes:
    found = world.drop.get(RECEIPTS, world.receipt(name)["fix_blob"])
    assert found is not None
    return found[0]


@pytest.fixture
def world() -> Memory:
    return Memory()


def test_what_is_fixed_joins_what_was_accepted(world: Memory) -> None:
    world.upload("metrics/a.csv", BAD.encode())
    name = world.receipt("metrics/a.csv")["fix_blob"]
    assert re.fullmatch(r"metrics/a\.csv\.[0-9a-f]{32}\.rejected\.csv", name)
    world.upload("metrics/a-fixed.csv", fixes(world, "metrics/a.csv").replace(b",two,", b",2,"))
    receipt = world.receipt("metrics/a-fixed.csv")
    assert (receipt["status"], receipt["warnings"], receipt["fix_blob"]) == ("accepted", [], None)
    world.upload(f"signals/{DAY}")
    world.settle()
    assert world.values(DAY) == {"u": 1, "v": 2}


def test_the_example_of_the_customers_page_is_true(world: Memory) -> None:
    page = (PROJECT / "docs" / "customers" / "receipts.md").read_text(encoding="utf-8")
    upload, fix_file, fixed = (block.encode() for block in re.findall(r"```csv\n(.+?)```", page, re.DOTALL))
    world.upload("metrics/day.csv", upload)
    assert fixes(world, "metrics/day.csv") == fix_file
    world.upload("metrics/day-fixed.csv", fixed)
    world.upload(f"signals/{DAY}")
    world.settle()
    assert world.receipt("metrics/day-fixed.csv")["status"] == "accepted"
    assert world.values(DAY) == {"u1": 12.5, "u2": 3, "u3": 7}


def test_a_refused_file_has_none(world: Memory) -> None:
    world.upload("metrics/a.csv", (HEADER + f"v,user_id,{DAY},m,two,,\n").encode())
    receipt = world.receipt("metrics/a.csv")
    assert (receipt["status"], receipt["fix_blob"], receipt["fix_left_out"]) == ("rejected", None, 0)
    assert receipt["rejected_blob"] is not None
    assert not any(info.name.endswith(".rejected.csv") for info in world.drop.list_blobs(RECEIPTS))


def test_finished_dates_have_one_too(world: Memory) -> None:
    world.upload("metrics/a.csv", GOOD.encode())
    world.upload("signals/done.csv", b"finished_date\n2026-11-17\n18.11.2026\n")
    assert world.receipt("signals/done.csv")["marks"] == ["metrics/2026-11-17"]
    assert fixes(world, "signals/done.csv").splitlines()[1].endswith(b",18.11.2026")
    world.upload("signals/done-fixed.csv", fixes(world, "signals/done.csv").replace(b"18.11.2026", b"2026-11-18"))
    assert world.receipt("signals/done-fixed.csv")["marks"] == ["metrics/2026-11-18"]


def checked(path: Path, out: Path) -> str | None:
    return check_file(CheckRequest(path=path, dataset=Dataset.METRICS, config=CustomerConfig(), program="", out=out)).fix_blob


def test_a_check_writes_it_into_its_folder_and_removes_an_earlier_one(tmp_path: Path) -> None:
    path, out = tmp_path / "a.csv", tmp_path / "out"
    path.write_text(BAD)
    assert checked(path, out) == "rejected.csv"
    fixed = tmp_path / "fixed.csv"
    fixed.write_text((out / "rejected.csv").read_text().replace(",two,", ",2,"))
    assert checked(fixed, out) is None
    assert not (out / "rejected.csv").exists()
    assert not (out / REJECTED).exists()


def test_a_check_never_writes_over_the_file_that_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    path.write_text(BAD)
    with pytest.raises(OperatorError, match="where the check writes"):
        checked(path, tmp_path)
    assert path.read_text() == BAD
