"""The workflow for GitHub fits the project: its targets exist, its variables are explained, and it holds no secret."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import yaml

from processing.local.environment import PROJECT

WORKFLOW = PROJECT / ".github" / "workflows" / "ci.yml"
TEXT = WORKFLOW.read_text(encoding="utf-8")
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["jobs"]
STEPS = [(job, step) for job, content in JOBS.items() for step in content["steps"]]


def section(heading: str) -> str:
    page = (PROJECT / "docs" / "operators" / "deploy.md").read_text(encoding="utf-8")
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_a_job_waits_only_for_jobs_that_are_there() -> None:
    for content in JOBS.values():
        needs = content.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(JOBS)


def test_every_make_target_that_is_called_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    called = {target for _, step in STEPS for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert {"lint", "test", "package"} <= called
    for target in called:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_path_that_is_named_exists() -> None:
    for path in re.findall(r"\b((?:infra|docs|tests)/[\w./]+)", TEXT):
        assert (PROJECT / path).exists(), path


def test_every_variable_and_environment_is_explained_and_every_one_explained_is_read() -> None:
    page = section("From GitHub")
    assert set(re.findall(r"\bvars\.(\w+)", TEXT)) == set(re.findall(r"^\| `(AZURE_\w+)` \|", page, re.MULTILINE))
    for environment in {content["environment"] for content in JOBS.values() if "environment" in content}:
        assert f"`{environment}`" in page
        assert f":environment:{environment}" in page


def test_there_is_no_secret() -> None:
    assert "secrets." not in TEXT
    assert not re.search(r"client-secret|creds:|password|AZURE_CREDENTIALS", TEXT, re.IGNORECASE)


def test_only_jobs_with_an_environment_sign_in_and_only_they_may() -> None:
    """A federated credential names an environment, and an environment can ask for approval."""
    signing_in = {job for job, step in STEPS if step.get("uses", "").startswith("azure/login@")}
    assert signing_in == {job for job, content in JOBS.items() if content.get("permissions", {}).get("id-token") == "write"}
    assert signing_in == {job for job, content in JOBS.items() if "environment" in content}


def identities() -> dict[str, str]:
    """The variable that names the identity of each job that signs in."""
    return {job: step["with"]["client-id"] for job, step in STEPS if step.get("uses", "").startswith("azure/login@")}


def commands() -> list[str]:
    """The commands that the page gives, a line each."""
    blocks = re.findall(r"^```console\n(.*?)^```", section("From GitHub"), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def after(option: str, command: str) -> Any:
    """The JSON behind an option, as the shell would hand it over."""
    words = shlex.split(command)
    return json.loads(words[words.index(option) + 1])


def test_preview_and_deployment_are_two_identities_and_only_production_has_the_one_that_deploys() -> None:
    assert identities() == {
        "preview": "${{ vars.AZURE_PREVIEW_CLIENT_ID }}",
        "deploy": "${{ vars.AZURE_DEPLOY_CLIENT_ID }}",
    }
    assert {job: JOBS[job]["environment"] for job in identities()} == {"preview": "preview", "deploy": "production"}
    writing = {job for job, step in STEPS if re.search(r"\baz (deployment sub create|functionapp deployment)\b", str(step))}
    assert writing == {"deploy"}


def test_each_identity_is_trusted_in_its_own_environment_alone() -> None:
    """One credential each: by the second of another environment, what asks nobody could act as what deploys."""
    trusted = [line for line in commands() if "federated-credential create" in line]
    subjects = {line.partition('--id "$')[2].partition('"')[0]: after("--parameters", line)["subject"] for line in trusted}
    assert len(trusted) == len(subjects) == 2
    for job, name in identities().items():
        environment = JOBS[job]["environment"]
        assert subjects[name.removeprefix("${{ vars.").removesuffix(" }}")].endswith(f":environment:{environment}")


def test_the_identity_that_nobody_approves_may_write_nothing() -> None:
    (line,) = [line for line in commands() if "role definition create" in line]
    role = after("--role-definition", line)
    assert set(role["Actions"]) == {
        "*/read",
        "Microsoft.Resources/deployments/validate/action",
        "Microsoft.Resources/deployments/whatIf/action",
    }
    assert not role["DataActions"]
    principals = dict(re.findall(r'^(\w+)="\$\(az ad sp create --id "\$(\w+)"', "\n".join(commands()), re.MULTILINE))
    given = [shlex.split(line) for line in commands() if "role assignment create" in line]
    roles = {
        principals[words[words.index("--assignee-object-id") + 1].removeprefix("$")]: words[words.index("--role") + 1]
        for words in given
    }
    assert roles == {"AZURE_PREVIEW_CLIENT_ID": role["Name"], "AZURE_DEPLOY_CLIENT_ID": "Owner"}
    (preview,) = [step["run"] for job, step in STEPS if job == "preview" and "run" in step]
    assert "--validation-level ProviderNoRbac" in preview


def test_what_is_deployed_was_previewed_before_and_checked() -> None:
    assert "what-if" in str(JOBS["preview"]["steps"])
    assert JOBS["deploy"]["needs"] == "preview"
    assert set(JOBS["preview"]["needs"]) == {"check", "package"}
    assert "refs/heads/main" in JOBS["preview"]["if"]


@pytest.mark.parametrize("action", sorted({step["uses"] for _, step in STEPS if "uses" in step}))
def test_every_action_is_pinned_to_a_major_version_or_a_commit(action: str) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|[0-9a-f]{40})", action)


def test_the_package_that_is_deployed_is_the_one_that_was_kept() -> None:
    kept = next(step["with"] for _, step in STEPS if step.get("uses", "").startswith("actions/upload-artifact@"))
    fetched = next(step["with"] for _, step in STEPS if step.get("uses", "").startswith("actions/download-artifact@"))
    assert kept["name"] == fetched["name"]
    assert kept["path"] == f"{fetched['path']}/app.zip"
    assert f"--src {kept['path']}" in TEXT
