"""How many instances an installation may want, and how many of them a region gives a subscription."""

from __future__ import annotations

import re
from typing import Final

import pytest

from processing.local.environment import PROJECT
from tests.doors.test_indexing import FUNCTIONS
from tests.support.bicep import INFRA, MAIN, parsed

APP: Final = (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8")
GUIDE: Final = (PROJECT / "docs" / "operators" / "deploy.md").read_text(encoding="utf-8")
QUOTA_MEGABYTES: Final = 512_000
"""Of Flex Consumption, for each subscription and region, unless more was asked for."""
TIMERS: Final = sum(trigger == "timerTrigger" for trigger in FUNCTIONS.values())
GROUPS: Final = len(FUNCTIONS) - TIMERS
"""Each function is scaled by itself, and those of HTTP together, of which there is one."""


def fits() -> int:
    """Instances that the quota has room for."""
    memory = re.search(r"instanceMemoryMB: (\d+)", APP)
    assert memory is not None
    return QUOTA_MEGABYTES // int(memory[1])


def wanted(most: int) -> int:
    """Instances of an installation in which everything is busy."""
    return GROUPS * most + TIMERS


def test_an_installation_with_the_default_fits_into_what_a_region_gives() -> None:
    default = int(parsed(MAIN)["parameters"]["maximumInstanceCount"]["default"])
    assert wanted(default) <= fits() < wanted(default + 1)
    assert f"{fits()} instances of 4,096 MB" in GUIDE


@pytest.mark.parametrize(("count", "most"), re.findall(r"^\| (\d) \| (\d+) \|$", GUIDE, re.MULTILINE))
def test_as_many_installations_fit_as_the_guide_says(count: str, most: str) -> None:
    assert int(count) * wanted(int(most)) <= fits() < int(count) * wanted(int(most) + 1)


def test_instances_for_http_are_kept_only_when_they_are_asked_for() -> None:
    assert parsed(MAIN)["parameters"]["httpAlwaysReady"]["default"] == 0
    assert re.search(
        r"alwaysReady: httpAlwaysReady == 0 \? \[\] : \[\s+\{\s+name: 'http'\s+instanceCount: httpAlwaysReady", APP
    )


def test_an_operator_chooses_what_an_update_does_to_running_work_and_the_guide_promises_nothing_of_it() -> None:
    strategies = parsed(MAIN)["parameters"]["updateStrategy"]["decorators"]
    allowed = next(each["argument"] for each in strategies if each["type"] == "allowed")
    page = (PROJECT / "docs" / "operators" / "upgrade.md").read_text(encoding="utf-8")
    assert set(allowed) == {"RollingUpdate", "Recreate"}
    for strategy in allowed:
        assert f"`updateStrategy` {strategy}" in page or f"With {strategy}" in page
    assert "preview" in page
    assert "The update is rolling" not in page
