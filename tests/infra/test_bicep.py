"""The Bicep files fit together, as far as can be seen without Azure and without its compiler."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from processing.local.environment import PROJECT
from tests.support.bicep import FILES, INFRA, MAIN, code, declared, given, module_path, parsed, used

ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_module = pytest.mark.parametrize("name", sorted(parsed(MAIN)["modules"]))


@each_file
def test_a_file_can_be_read_by_the_scanner(path: Path) -> None:
    """What its parser cannot read, checkov skips in silence."""
    tree = parsed(path)
    assert tree.get("resources") or tree.get("modules")


@each_module
def test_a_module_gets_what_it_asks_for_and_nothing_else(name: str) -> None:
    module = parsed(MAIN)["modules"][name]
    asked = parsed(module_path(module))["parameters"]
    # The parser has None for no default; what is optional has one.
    needed = {each for each, parameter in asked.items() if parameter["default"] is None}
    assert given(module) <= set(asked)
    assert needed <= given(module)


def test_every_module_file_is_used() -> None:
    assert {module_path(module) for module in parsed(MAIN)["modules"].values()} == set(FILES) - {MAIN}


def test_what_is_read_from_a_module_it_puts_out_and_nothing_is_put_out_in_vain() -> None:
    read = set(re.findall(r"\b(\w+)!?\.outputs\.(\w+)", code(MAIN)))
    modules = parsed(MAIN)["modules"]
    put_out = {(name, output) for name, module in modules.items() for output in parsed(module_path(module)).get("outputs", {})}
    assert read <= put_out
    # A file that serves several modules puts out what any of them is asked for.
    wanted = {(module_path(modules[name]), output) for name, output in read}
    assert {(module_path(modules[name]), output) for name, output in put_out} == wanted


@each_file
def test_every_name_that_is_read_is_declared_and_every_one_declared_is_read(path: Path) -> None:
    names = set(used(path))
    assert names <= declared(path)
    tree = parsed(path)
    assert {*tree.get("parameters", {}), *tree.get("variables", {})} <= names


@each_file
def test_every_parameter_says_what_it_is(path: Path) -> None:
    for name, parameter in parsed(path).get("parameters", {}).items():
        assert "description" in {each["type"] for each in parameter["decorators"]}, f"{path.name}: {name}"


def test_the_parameter_file_gives_what_main_needs() -> None:
    text = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
    assert text.startswith("using 'main.bicep'\n")
    names = set(re.findall(r"^param (\w+) =", text, re.MULTILINE))
    parameters = parsed(MAIN)["parameters"]
    assert names <= set(parameters)
    assert {name for name, parameter in parameters.items() if parameter["default"] is None} <= names


@pytest.mark.parametrize("path", sorted(INFRA.rglob("*.bicep*")), ids=lambda path: path.name)
def test_no_key_is_asked_for_and_nothing_secret_is_written_down(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"\blist(Keys|AccountSas|ServiceSas|Secrets)\b|AccountKey|SharedAccess|\bsig=|@secure|password\s*:", text, re.IGNORECASE
    )
    assert not re.search(r"'(?!Microsoft\.)[A-Za-z0-9+/]{40,}={0,2}'", text)


def test_storage_has_no_keys_and_no_public_blobs() -> None:
    text = (INFRA / "modules" / "storage_account.bicep").read_text(encoding="utf-8")
    for line in ("allowSharedKeyAccess: false", "allowBlobPublicAccess: false"):
        assert line in text
    assert sum(path.read_text(encoding="utf-8").count("storageAccounts@2025-06-01' = {") for path in FILES) == 1


def test_results_alone_have_directories_and_nothing_that_their_readers_endpoint_refuses() -> None:
    """Every promise about names and ETags of uploads was tested on a flat namespace, and receipts and state go by versions."""
    modules = parsed(MAIN)["modules"]
    accounts = {name: module for name, module in modules.items() if module_path(module).name == "storage_account.bicep"}
    assert {name for name in accounts if "isHierarchical" in given(accounts[name])} == {"results"}
    assert parsed(INFRA / "modules" / "storage_account.bicep")["parameters"]["isHierarchical"]["default"] is False
    assert "hasVersions" not in given(accounts["results"])
    text = (INFRA / "modules" / "storage_account.bicep").read_text(encoding="utf-8")
    assert "isHnsEnabled: isHierarchical\n" in text
    assert "isVersioningEnabled: isHierarchical ? null : hasVersions\n" in text
    assert re.search(r"deleteRetentionPolicy: isHierarchical \? \{\s+enabled: false\s+\}", text)


def test_the_app_and_the_readers_reach_results_by_both_endpoints_of_a_private_account() -> None:
    text = MAIN.read_text(encoding="utf-8")
    for service in ("blob", "dfs"):
        assert f"'${{results!.outputs.name}}-{service}'" in text
    services = (INFRA / "modules" / "private_endpoints.bicep").read_text(encoding="utf-8")
    assert set(re.findall(r"service: '(\w+)'", text)) == set(re.findall(r"^  '(\w+)'$", services, re.MULTILINE))


def test_roles_are_data_roles_of_azure() -> None:
    """An id with a wrong digit is found by nothing but a deployment."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r"^var \w+ = subscriptionResourceId\(.*$", text, re.MULTILINE):
            found = re.search(r"'([0-9a-f-]{36})'\)$", line)
            assert found is not None, line
            assert found[1] in ROLES, line


def assignments(module: str) -> set[tuple[str, str, str]]:
    """Of each role assignment of a module: on what, to whom, and the variable of its role."""
    text = (INFRA / "modules" / module).read_text(encoding="utf-8")
    found = re.findall(
        r"roleAssignments@[\d-]+' = .*?\n  scope: (\w+)\n.*?principalId: ([\w.]+)\n.*?roleDefinitionId: (\w+)", text, re.DOTALL
    )
    assert len(found) == text.count("Microsoft.Authorization/roleAssignments@")
    return set(found)


def test_who_can_sign_for_which_account_is_what_security_says() -> None:
    """A user delegation key is asked of an account: of the roles given here, those on blobs of a whole account allow it."""
    signing = {(scope, who) for scope, who, role in assignments("roles.bicep") if role.startswith("blob")}
    assert signing == {
        ("drop", "appPrincipalId"),
        ("lake", "appPrincipalId"),
        ("host", "appPrincipalId"),
        ("drop", "operator.id"),
        ("lake", "operator.id"),
    }
    assert {(scope, who) for scope, who, _ in assignments("results_roles.bicep")} == {
        ("results", "appPrincipalId"),
        ("results", "operator.id"),
    }
    assert {scope for scope, _, _ in assignments("customer.bicep")} == {"drop", "receipts", "results"}
    text = (INFRA / "modules" / "customer.bicep").read_text(encoding="utf-8")
    for container in ("drop", "receipts", "results"):
        assert f"resource {container} 'Microsoft.Storage/storageAccounts/blobServices/containers@" in text


def test_versions_of_uploads_and_receipts_go_when_retention_says() -> None:
    """The rules name the parameters that the program's own retention is set by."""
    config = parsed(MAIN)["modules"]["drop"]["config"]
    assert config["params"]["versionRules"] == [
        {"name": "upload-versions", "prefix": "drop-", "days": "keepUploadsDays"},
        {"name": "receipt-versions", "prefix": "receipts-", "days": "keepRejectedDays"},
    ]
    assert "blobRules" not in config["params"], "only the program knows which uploads are answered"


def test_every_suppressed_rule_has_its_reason() -> None:
    rules = re.findall(r"^  - (.*)$", (INFRA / ".checkov.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert rules
    for rule in rules:
        assert re.fullmatch(r"CKV2?_AZURE_\d+ # .{20,}", rule), rule


def test_azd_finds_the_app_and_the_package_is_for_its_python() -> None:
    app = (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8")
    azd, make = ((PROJECT / name).read_text(encoding="utf-8") for name in ("azure.yaml", "Makefile"))
    service = re.search(r"'azd-service-name': '(\w+)'", app)
    version = re.search(r"name: 'python'\n\s+version: '([\d.]+)'", app)
    assert service is not None
    assert version is not None
    assert f"services:\n  {service[1]}:\n" in azd
    assert f"deploy {service[1]} --from-package dist/app.zip" in azd
    assert f"--python-version {version[1]} --python-platform x86_64-manylinux" in make


def test_the_lock_of_the_scanner_has_hashes_and_no_address() -> None:
    text = (PROJECT / "requirements-infra.txt").read_text(encoding="utf-8")
    assert "\ncheckov==" in text
    assert "index-url" not in text
    for pin in re.split(r"\n(?=[a-z0-9])", text):
        if "==" in pin.partition("\n")[0]:
            assert "--hash=sha256:" in pin
