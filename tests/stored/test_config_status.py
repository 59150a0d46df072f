"""A config that is not in force is told: a broken one, and one under a name that nobody reads (contract section 6)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from processing.cli.main import main
from processing.domain import blob_names
from processing.stored.customers import add_customer
from processing.views.status import status
from tests.support.memory import Memory


@pytest.mark.parametrize(
    "name",
    ["acme.yaml", "acme.yml", "customers/acme.yml", "customers/Acme.yaml", "customers/acme.yaml ", "customers/else.yaml"],
)
def test_status_names_a_config_that_nobody_reads(name: str) -> None:
    world = Memory()
    world.config("gap_policy: infer\n")
    world.lake.put(blob_names.CONFIG_CONTAINER, name, b"gap_policy: wait\n")
    assert status(world.context, ["acme"]).misplaced_configs == (name,)


def test_status_tells_what_is_wrong_with_a_broken_config_and_of_whom() -> None:
    world = Memory()
    add_customer(world.context, "other")
    world.config("max_rejected_fraction: many\n")
    found = {each.customer: each.broken_config for each in status(world.context, ["acme", "other"]).customers}
    assert found["other"] is None
    assert "max_rejected_fraction" in str(found["acme"])


@pytest.mark.parametrize(("name", "told"), [("acme.yaml", "customers/<customer>.yaml"), ("acme.yml", "customers/acme.yaml")])
def test_a_check_says_under_which_name_a_config_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    (tmp_path / name).write_text("gap_policy: infer\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["dropzone", "config", "check", str(tmp_path / name)])
    assert main() == (0 if name.endswith(".yaml") else 1)
    said = capsys.readouterr()
    assert told in " ".join((said.out + said.err).split())
