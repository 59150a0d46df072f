"""The pages that are printed from code are the ones that the code prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from processing.local.environment import PROJECT
from processing.tables.contract_page import write_docs


@pytest.mark.parametrize("name", ["files.md", "schemas/metrics.json", "schemas/events.json", "schemas/exposures.json"])
def test_the_contract_for_customers_is_the_schemas(name: str, tmp_path: Path) -> None:
    """`make docs` prints them anew."""
    write_docs(tmp_path)
    assert (PROJECT / "docs" / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8")
