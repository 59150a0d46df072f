"""What holds where nobody says otherwise: the numbers of the contract, wherever the program has them."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.readiness.observation import Observation, ReadinessPolicy
from processing.domain.stream_state import DayChange, DayRecord, DayStatus, Published, StreamState
from processing.settings import Settings
from schemas.customer_config import CustomerConfig
from tests.support.instants import EPOCH


def test_readiness_by_itself_is_as_the_contract_says() -> None:
    assert ReadinessPolicy() == ReadinessPolicy(
        settle=timedelta(seconds=60),
        first_day_wait=timedelta(hours=1),
        first_day_window=28,
        first_day=None,
        infer_gaps=False,
        wait_for_refused=False,
        hold_late=False,
        late_threshold=0.01,
        late_window_days=14,
        compare_every=timedelta(hours=1),
        reconcile_every=timedelta(days=7),
        marker_margin=timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settle_seconds", 60),
        ("first_day_wait_seconds", 3_600),
        ("first_day_window_days", 28),
        ("attempt_seconds", 20 * 60),
        ("files_at_a_time", 8),
        ("small_file_bytes", 8 * 2**20),
        ("compare_seconds", 3_600),
        ("remember_seconds", 60),
        ("reconcile_days", 7),
        ("marker_margin_seconds", 3_600),
        ("keep_uploads_days", 30),
        ("keep_rejected_days", 30),
        ("keep_receipts_days", 400),
        ("keep_staged_days", 60),
        ("keep_delta_days", 30),
        ("day_zone", "PST"),
    ],
)
def test_a_setting_that_nobody_gives_is_that_of_the_contract(name: str, value: object) -> None:
    assert Settings.model_fields[name].default == value


def test_a_config_that_says_nothing_is_that_of_the_contract() -> None:
    config = CustomerConfig()
    assert (config.late_threshold, config.late_window_days, config.max_rejected_fraction) == (0.01, 14, 0.10)
    assert (config.gap_policy, config.late_policy, config.on_refused) == ("wait", "reprocess", "publish")
    assert (config.first_day, config.first_day_window_days) == (None, 28)


def test_a_stream_begins_with_nothing() -> None:
    state, record = StreamState(customer="acme", dataset=Dataset.METRICS), DayRecord()
    assert (state.revision, state.epoch, state.seq, state.own_markers) == (0, 0, 0, False)
    assert (record.revision, record.round, record.expected_count, record.tries, record.failures) == (0, 0, 0, 0, 0)
    assert not record.late_marker
    published = Published(seq=1, manifest="m", files=0, rows=0, superseded=0)
    assert (published.rows_in, published.ratios, published.overflowed) == (0, 0, 0)
    change = DayChange(inputs="", carried="")
    assert (change.joined, change.left) == (0, 0)
    defaults = {each.name: each.default for each in fields(DayStatus)}
    assert (defaults["late_marker"], defaults["tries"], defaults["overflowed"]) == (False, 0, 0)
    seen = Observation(now=EPOCH, markers=())
    assert (seen.own_markers, seen.has_unread_markers, seen.parts) == (False, False, None)
