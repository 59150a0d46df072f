"""What makes a deployment fail at its first run, or at the first after something was made anew, though every file is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processing.local.environment import PROJECT
from tests.support.bicep import FILES, INFRA, MAIN, parsed

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def config(resource: dict[str, Any]) -> dict[str, Any]:
    """What a resource is set to, through its condition or loop."""
    found = resource["config"]
    while "config" in found:
        found = found["config"]
    return dict(found)


def assignments() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for path in FILES:
        for name, resource in parsed(path).get("resources", {}).items():
            if resource["type"] == ASSIGNMENT:
                yield path, name, config(resource)


def plain(value: Any) -> str:
    """`drop.id` of the parser's form of it, or the word that it is."""
    if isinstance(value, dict) and value["operator"]["type"] == "property_accessor":
        operands = value["operator"]["operands"]
        return f"{plain(operands['operand_1'])}.{operands['operand_2']}"
    return str(value)


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, name, _ in assignments()], ids=lambda each: getattr(each, "stem", each)
)
def test_a_role_assignment_is_named_by_where_who_and_which_role(path: Path, name: str) -> None:
    """An assignment cannot be changed to another principal: where one was made anew, the name must be another as well."""
    each = next(found for file, called, found in assignments() if (file, called) == (path, name))
    given = each["name"]["function"]
    assert given["type"] == "guid"
    where, who, which = map(plain, given["parameters"].values())
    properties = each["properties"]
    assert (where, who, which) == (
        f"{each['scope']}.id",
        plain(properties["principalId"]),
        plain(properties["roleDefinitionId"]),
    )
    # A name must be known when the deployment of the file begins: who it is comes in from outside, as a parameter.
    outside = set(parsed(path)["parameters"])
    loops = dict(re.findall(r"\[for (\w+) in (?:union\()?(\w+)", path.read_text(encoding="utf-8")))
    owner = who.partition(".")[0]
    assert loops.get(owner, owner) in outside


def test_the_private_endpoints_of_an_account_are_made_one_after_another() -> None:
    """Two at once make the second fail, by a lock on the account."""
    endpoints = {
        (path.name, name): [each for each in resource["decorators"] if each["type"] == "batchSize"]
        for path in FILES
        for name, resource in parsed(path).get("resources", {}).items()
        if resource["type"].startswith("Microsoft.Network/privateEndpoints") and "loop_type" in resource["config"]
    }
    assert endpoints
    assert all([each["argument"] for each in found] == [1] for found in endpoints.values()), endpoints
    assert not [
        name
        for name, module in parsed(MAIN)["modules"].items()
        if "private_endpoints" in str(module["detail"]["path"]) and "loop_type" in module["config"]
    ], "nor by a loop of modules"


def test_the_subscription_to_uploads_waits_for_the_roles_of_its_topic() -> None:
    resources = parsed(INFRA / "modules" / "upload_events.bicep")["resources"]
    given = {name for name, resource in resources.items() if resource["type"] == ASSIGNMENT}
    assert given
    assert set(map(plain, resources["uploads"]["config"]["dependsOn"])) == given


def test_the_app_waits_for_its_roles_and_for_the_way_to_its_storage() -> None:
    assert set(map(plain, parsed(MAIN)["modules"]["app"]["config"]["dependsOn"])) == {"roles", "resultsRoles", "endpoints"}


def test_every_provider_that_the_files_need_is_registered_by_the_guide() -> None:
    page = (PROJECT / "docs" / "operators" / "deploy.md").read_text(encoding="utf-8")
    loop = re.search(r"for name in ([\w ]+); do az provider register", page)
    assert loop is not None
    used = {
        str(resource["type"]).partition("/")[0] for path in FILES for resource in parsed(path).get("resources", {}).values()
    } - {"Microsoft.Authorization", "Microsoft.Resources"}
    delegated = set(re.findall(r"serviceName: '(Microsoft\.\w+)/", "".join(path.read_text() for path in FILES)))
    assert {f"Microsoft.{name}" for name in loop[1].split()} == used | delegated


def test_an_installation_has_no_name_that_somebody_did_not_choose() -> None:
    """With a default, whoever forgets to say which makes a second and empty one beside the first."""
    text = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
    for name in ("environmentName", "location"):
        assert re.search(rf"^param {name} = readEnvironmentVariable\('\w+'\)$", text, re.MULTILINE)
        assert parsed(MAIN)["parameters"][name]["default"] is None
