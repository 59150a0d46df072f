"""The samples that speed is measured with are what they say: ingest finds exactly the counts that their maker knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.attacks import ATTACKS, Attack
from benchmarks.contestants.ours import request_for
from benchmarks.flaws import Damage
from benchmarks.samples import UPLOADED_AT, SampleSpec, sample
from benchmarks.worst import WORST, Worst, worst_file
from processing.domain.datasets import Dataset
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.readers.random_access import LocalFile
from schemas.customer_config import CustomerConfig

SPECS = [
    SampleSpec(rows=3_000),
    SampleSpec(rows=3_000, bad=0.05),
    SampleSpec(rows=3_000, bad=0.05, damage=Damage.VALUES),
    SampleSpec(rows=3_000, layout="csv.gz", bad=0.05, days=400),
    SampleSpec(rows=3_000, layout="parquet", bad=0.05),
    SampleSpec(rows=3_000, dataset="events", bad=0.05),
    SampleSpec(rows=3_000, dataset="events", layout="ndjson", bad=0.05),
    SampleSpec(rows=3_000, dataset="events", layout="parquet", bad=0.05),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.file_name)
def test_a_sample_ingests_with_exactly_the_counts_that_its_maker_knows(spec: SampleSpec, tmp_path: Path) -> None:
    made = sample(spec, tmp_path / "samples")
    request = IngestRequest(
        name=made.path.name,
        dataset=Dataset(spec.dataset),
        uploaded_at=UPLOADED_AT,
        config=CustomerConfig(max_rejected_fraction=1.0),
    )
    with LocalFile(made.path) as source:
        outcome = ingest_file(request, source, scratch=tmp_path, emit=lambda _dataset, _part: None)
    assert outcome.problem is None
    assert (outcome.rows.read, outcome.rows.accepted, outcome.rows.rejected) == (
        made.expected.read,
        made.expected.accepted,
        made.expected.rejected,
    )
    assert {day.isoformat(): count for day, count in outcome.days.items()} == made.expected.days
    assert {f"{rule.rule}:{rule.column or ''}": rule.count for rule in outcome.rules} == made.expected.rules
    assert (made.expected.rejected > 0) == (spec.bad > 0)


@pytest.mark.parametrize("worst", WORST, ids=lambda worst: worst.title)
def test_a_slow_file_ingests_with_exactly_the_counts_that_its_maker_knows(worst: Worst, tmp_path: Path) -> None:
    path = worst_file(worst, 1_130, tmp_path / "samples")
    request = IngestRequest(
        name=path.name,
        dataset=Dataset(worst.clean(1).dataset),
        uploaded_at=UPLOADED_AT,
        config=CustomerConfig(max_rejected_fraction=1.0),
    )
    with LocalFile(path) as source:
        outcome = ingest_file(request, source, scratch=tmp_path, emit=lambda _dataset, _part: None)
    assert outcome.problem is None
    assert (outcome.rows.read, outcome.rows.rejected) == (1_130, worst.rejected(1_130))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.title)
def test_an_attack_is_read_with_the_counts_that_its_maker_knows(attack: Attack, tmp_path: Path) -> None:
    request = request_for(attack.file(tmp_path / "samples"), attack.dataset)
    with LocalFile(attack.file(tmp_path / "samples")) as source:
        outcome = ingest_file(request, source, scratch=tmp_path, emit=lambda _dataset, _part: None)
    assert outcome.problem is None
    assert {"read": outcome.rows.read, "accepted": outcome.rows.accepted, "rejected": outcome.rows.rejected} == attack.right
    assert outcome.rejected is None or outcome.rejected.stat().st_size < 72 * 2**20


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = SampleSpec(rows=500, bad=0.1)
    first, second = (sample(spec, tmp_path / name).path.read_bytes() for name in ("one", "two"))
    assert first == second


def test_a_clean_sample_holds_the_rows_of_a_dirty_one_where_these_are_sound(tmp_path: Path) -> None:
    clean, dirty = (sample(SampleSpec(rows=500, bad=bad), tmp_path).path.read_bytes().splitlines() for bad in (0.0, 0.1))
    differing = sum(one != other for one, other in zip(clean, dirty, strict=True))
    assert 0 < differing < 100
