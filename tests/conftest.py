"""What all tests share: the emulator, one for each worker and gone with it, and how property tests are run and tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from processing.local.azurite.process import running_or_new
from tests.support.soak import IS_SOAK, times

_TOLD = "told at the end"
"""A property of a test: lines about how much of its subject it went through."""

settings.register_profile(
    "any machine",
    # Time tells of the machine, and what earlier runs found tells of them: neither may decide whether a test passes.
    # A soak tries new examples; else the same ones are tried until the test changes, so that what fails came with a change.
    deadline=None,
    database=None,
    derandomize=not IS_SOAK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    max_examples=times(100),
    print_blob=True,
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A soak takes as long as it takes."""
    if IS_SOAK:
        for item in items:
            item.add_marker(pytest.mark.timeout(0), append=False)


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of Azurite: the one that DROPZONE_AZURITE names, else one of our own."""
    with running_or_new() as connection_string:
        yield connection_string


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests told, wherever they ran."""
    reports = [report for found in terminalreporter.stats.values() for report in found if getattr(report, "when", "") == "call"]
    told = [lines for report in reports for name, lines in getattr(report, "user_properties", ()) if name == _TOLD]
    if told:
        terminalreporter.section("what was gone through")
    for lines in told:
        terminalreporter.write_line("\n".join(lines))
