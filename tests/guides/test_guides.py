"""Each page's commands, from its first line to its last in one shell, against a subscription as its reader has it.

Nobody here is Azure. What is held: the options are those of the Azure CLI, each name was made by a line before it or by the
deployment, every variable is set, and no line makes a second installation beside the one that is there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from processing.local.environment import PROJECT
from tests.guides.azure import empty, with_installation
from tests.guides.stand_in import PROGRAMS

GUIDE = PROJECT / "docs" / "operators"
ELSEWHERE = "northeurope"
"""Where the installation is that was there before; no page says this region."""
KNOWN_TO_THE_READER = {
    "<owner>/<repository>": "acme/dropzone",
    "<topic>": "topic-of-defender",
    "<VERSION>": "01D64EB9886F00C4",
}
"""What stands for something that only the reader knows."""
FILES = {
    **dict.fromkeys(("revenue.csv", "acme.yaml", "export/a.csv", "history/2026-03-01.csv.gz"), ""),
    "prices.json": '{"as_of": "2026-11-01", "prices": {"log_gb": 2.5}}',
}
"""What the reader has in the folder."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell in a folder of the project, with the stand-in in the place of the programs."""

    folder: Path

    def run(self, script: str, world: dict[str, Any], **environment: str) -> tuple[int, str, dict[str, Any]]:
        """Its exit code, what went wrong, and what is in the subscription afterwards."""
        known = self.folder / "azure.json"
        known.write_text(json.dumps(world), encoding="utf-8")
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", script],  # noqa: S607 - whichever bash there is
            cwd=self.folder,
            env={"PATH": path, "STAND_IN": str(known), "PYTHONPATH": str(PROJECT), "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr, json.loads(known.read_text(encoding="utf-8"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "bin").mkdir()
    (tmp_path / "infra").symlink_to(PROJECT / "infra")
    for name in PROGRAMS:
        program = tmp_path / "bin" / name
        program.write_text(f"#!{sys.executable} -S\nfrom tests.guides.stand_in import main\nraise SystemExit(main())\n")
        program.chmod(0o755)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(tmp_path / "bin")
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Shell(tmp_path)


def blocks(page: Path) -> list[str]:
    """What the page says to run, block by block, with what its reader knows in its place."""
    text = page.read_text(encoding="utf-8")
    for name, value in KNOWN_TO_THE_READER.items():
        text = text.replace(name, value)
    found = re.findall(r"^ *```console\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert not [each for each in found if re.search(r"<[A-Za-z][\w /]*>", each)], "that is no command"
    return found


SESSION = blocks(GUIDE / "README.md")[0]
"""The lines with which every page is begun."""
PAGES = [page for page in sorted(GUIDE.glob("*.md")) if page.name not in ("README.md", "deploy.md") and blocks(page)]


@pytest.mark.parametrize("page", [*PAGES, PROJECT / "SECURITY.md"], ids=lambda page: page.name)
def test_the_commands_of_a_page_run_on_an_installation_that_is_there(shell: Shell, page: Path) -> None:
    code, errors, after = shell.run(SESSION + "".join(blocks(page)), with_installation("prod", ELSEWHERE))
    assert code == 0, errors
    assert after["installations"] == {"prod": ELSEWHERE}
    assert set(after["deployments"]) == {"dropzone-prod"}


@pytest.mark.parametrize("tool", ["az", "azd"])
def test_deploying_by_the_guide_makes_one_installation_with_its_code(shell: Shell, tool: str) -> None:
    """Blocks of the other tool are left out, and so is taking it down again."""
    other = r"^azd " if tool == "az" else r"^(az deployment sub|az group delete)"
    kept = [each for each in blocks(GUIDE / "deploy.md") if not re.search(other, each, re.MULTILINE)]
    *before, last = kept
    assert re.search(r"^(az group delete|azd down)", last)
    code, errors, after = shell.run("".join(before), empty())
    assert code == 0, errors
    assert after["installations"] == {"prod": "westeurope"}
    assert after["code"] == ["dz-app-prod"]
    code, errors, after = shell.run("".join(kept), empty())
    assert code == 0, errors
    assert after["installations"] == {}


@pytest.mark.parametrize("job", ["preview", "deploy"])
def test_the_workflow_of_github_runs_on_an_installation_that_is_there(shell: Shell, job: str) -> None:
    steps = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"][job]["steps"]
    (shell.folder / "dist").mkdir()
    (shell.folder / "dist" / "app.zip").touch()
    world = with_installation("prod", ELSEWHERE) | {"signed_in": True}
    script = "\n".join(step["run"] for step in steps if "run" in step)
    code, errors, after = shell.run(script, world, AZURE_ENV_NAME="prod", AZURE_LOCATION=ELSEWHERE)
    assert code == 0, errors
    assert after["installations"] == {"prod": ELSEWHERE}
    assert after["code"] == (["dz-app-prod"] if job == "deploy" else [])


CREATE = "az deployment sub create --template-file infra/main.bicep --parameters infra/main.bicepparam "


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{CREATE} --name dropzone-prod --location {ELSEWHERE}", "AZURE_ENV_NAME does not exist"),
        (f"export AZURE_ENV_NAME=prod AZURE_LOCATION=x\n{CREATE} --name dropzone-prod --location westeurope", "InvalidDep"),
        ("az functionapp restart --resource-group rg-dropzone-dev --name dz-app-prod", "rg-dropzone-dev: is not there"),
        ("az functionapp restart --resource-group rg-dropzone-prod --name dz-app-dev", "ResourceNotFound"),
        ("az functionapp restart --resource-group rg-dropzone-prod --name <APP_NAME>", ""),
        ("az functionapp restart --resource-group rg-dropzone-prod", "are required: --name"),
        ("az functionapp restart --resource-groups rg-dropzone-prod --name dz-app-prod", "unrecognized arguments"),
        ("az functionapp renew --name a", "not among the commands"),
        ("az storage blob list --account-name $DROP --auth-mode login --container-name drop-acme", "unbound variable"),
        ("az storage blob list --account-name '' --auth-mode login --container-name drop-acme", "is empty"),
        ("az storage blob list --account-name dzlakeprod --auth-mode login --container-name drop-acme", "ContainerNotFound"),
        ("az storage blob list --account-name dzdropprod --container-name drop-acme", "KeyBasedAuthentication"),
        ("az storage queue list --account-name dzhostprod --auth-mode keys", "is not one of key, login"),
        ('eval "$(python3 infra/addresses.py dev)"; echo $APP_NAME', "dropzone-dev is not a deployment"),
        ("dropzone status", "no storage account"),
    ],
)
def test_a_line_that_azure_would_refuse_is_refused(shell: Shell, line: str, reason: str) -> None:
    world = with_installation("prod", ELSEWHERE) | {"signed_in": True}
    code, errors, after = shell.run(line, world)
    assert code != 0
    assert reason in errors
    assert after == world


def test_nothing_is_asked_of_azure_by_who_is_not_signed_in(shell: Shell) -> None:
    code, errors, _ = shell.run("az functionapp list --resource-group rg-dropzone-prod", with_installation("prod", ELSEWHERE))
    assert (code, "az login" in errors) == (1, True)
