"""A file that is refused before all of it was read leaves nothing that counts: no rejected rows, no parts (contract 5)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from processing.domain.datasets import Dataset
from processing.ingest import spilled_file, staging
from processing.ingest.validation import reject_writer
from processing.jobs.uploads.check_file import REJECTED, CheckRequest, check_file
from schemas.customer_config import CustomerConfig
from tests.support.memory import HEADER, Memory

CONFIG = "max_rejected_fraction: 1.0\n"
GOOD, BAD = "u,user_id,2026-11-18,m,1,,\n", "u,user_id,2026-11-18,m,x,,\n"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject_writer, "_GROUP", 1_000)
    monkeypatch.setattr(spilled_file, "_LARGEST", 10_000)
    monkeypatch.setattr(staging, "_ROWS_IN_MEMORY", 1_000)


def truncated() -> bytes:
    """More than one block of rows, and noise that keeps the end from being unpacked before they are read."""
    rows = (GOOD + BAD) * 200_000 + os.urandom(400_000).hex()
    return gzip.compress((HEADER + rows).encode(), 1)[:-100_000]


def whole() -> bytes:
    return (HEADER + (GOOD + BAD) * 20_000).encode()


def test_what_was_spilled_of_it_is_given_up_with_its_counts() -> None:
    world = Memory()
    world.config(CONFIG)
    for name, data in (("metrics/cut.csv.gz", truncated()), ("metrics/whole.csv", whole())):
        world.upload(name, data)
    world.settle()
    cut, kept = world.receipt("metrics/cut.csv.gz"), world.receipt("metrics/whole.csv")
    assert (cut["status"], cut["error"]["code"]) == ("rejected", "damaged_archive")
    assert (cut["rows"]["read"], cut["rules"], cut["rejected_blob"], cut["in_force"]) == (0, [], None, None)
    receipts = {blob.name for blob in world.drop.list_blobs("receipts-acme")}
    assert [name for name in receipts if "cut" in name] == ["metrics/cut.csv.gz.receipt.json"]
    # Of one that is read to its end the pieces are a blob.
    assert kept["rejected_blob"] in receipts
    assert kept["rows"]["rejected"] == 20_000
    assert cut["fix_blob"] is None
    fixes = world.drop.get("receipts-acme", kept["fix_blob"])
    assert fixes is not None
    assert fixes[0].count(b"\n") == 20_001


def test_a_check_of_it_leaves_no_rows(tmp_path: Path) -> None:
    path, out = tmp_path / "a.csv.gz", tmp_path / "out"
    path.write_bytes(truncated())
    config = CustomerConfig(max_rejected_fraction=1.0)
    receipt = check_file(CheckRequest(path=path, dataset=Dataset.METRICS, config=config, program="", out=out))
    assert receipt.error is not None
    assert receipt.error.code == "damaged_archive"
    assert (receipt.rejected_blob, receipt.fix_blob) == (None, None)
    assert not (out / REJECTED).exists()
    assert list(out.glob("rejected.*")) == []
    assert list(out.rglob("*.parquet")) == []
