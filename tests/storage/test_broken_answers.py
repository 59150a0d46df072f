"""An answer that breaks off is asked for again, and is nobody's fault but the network's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from processing.domain.errors import LaterError
from tests.support.door_process import service_address
from tests.support.faults import FAULTS, FaultPlan, impatient
from tests.support.proxy import Proxy


@pytest.fixture(autouse=True)
def storage(azurite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of this process speak of the emulator, as long as the test lasts."""
    for name in ("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"):
        monkeypatch.setenv(name, azurite)


@pytest.mark.parametrize("fault", ["reset", "body broken off", "500"])
def test_the_time_is_had_although_the_first_answer_broke(azurite: str, fault: str) -> None:
    plan = FaultPlan(fault=FAULTS[fault], number=1)
    with Proxy(upstream=service_address(azurite, "Blob"), hook=plan) as proxy:
        now = impatient(proxy.through(azurite)).drop.service_time()
    assert len(plan.struck) == 1
    direct = impatient(azurite).drop.service_time()
    assert timedelta() <= direct - now < timedelta(minutes=1)


@pytest.mark.parametrize("fault", ["reset", "body broken off"])
def test_a_listing_that_always_breaks_off_is_tried_later(azurite: str, fault: str) -> None:
    plan = FaultPlan(fault=FAULTS[fault], number=1, times=100)
    with Proxy(upstream=service_address(azurite, "Blob"), hook=plan) as proxy:
        store = impatient(proxy.through(azurite)).drop
        with pytest.raises(LaterError):
            list(store.list_blobs("state"))
