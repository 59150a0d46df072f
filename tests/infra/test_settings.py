"""What the program and the host read is what the Bicep files set, and the reverse."""

from __future__ import annotations

import json
import re

import pytest

from processing.domain import blob_names
from processing.domain.blob_names import LAKE_CONTAINERS
from processing.domain.queue_messages import DROP_EVENTS, QUEUES
from processing.local.environment import PROJECT
from processing.settings import Settings
from tests.support.bicep import INFRA, MAIN, parsed

APP = INFRA / "modules" / "app.bicep"
DOORS = "".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "functions").glob("*.py")))

NEVER_SET = {
    "DROP_STORAGE": "a connection string holds a key",
    "LAKE_STORAGE": "a connection string holds a key",
    "RESULTS_STORAGE": "a connection string holds a key",
    "AzureWebJobsStorage": "a connection string holds a key",
    "DROPZONE_OPERATOR_AUTHORITY": "its default is the one of Azure's public cloud",
    "DROPZONE_SCRATCH": "the system's temporary place is the instance's only disk",
}
READ_BY_THE_HOST = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
}
REFUSED_BY_THE_PLAN = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_TIME_ZONE",
}


def program_settings() -> dict[str, str]:
    """The parameter of main.bicep that each setting of the program is given by."""
    values = parsed(MAIN)["variables"]["programSettings"]["value"]
    return {
        name: value if isinstance(value, str) else value["function"]["parameters"]["value_to_convert"]
        for name, value in values.items()
    }


def set_by_bicep() -> set[str]:
    return set(program_settings()) | set(parsed(APP)["variables"]["platformSettings"]["value"])


def read_by_the_program() -> set[str]:
    return {str(field.validation_alias) for field in Settings.model_fields.values()} | set(re.findall(r"%(\w+)%", DOORS))


def test_every_setting_that_is_read_is_set_and_no_other() -> None:
    assert set_by_bicep() == (read_by_the_program() - set(NEVER_SET)) | READ_BY_THE_HOST
    assert not set_by_bicep() & (set(NEVER_SET) | REFUSED_BY_THE_PLAN)


def test_the_connections_of_the_doors_are_opened_by_identity() -> None:
    connections = set(re.findall(r'connection="(\w+)"', DOORS))
    assert connections
    for name in connections:
        assert {f"{name}__credential", f"{name}__clientId", f"{name}__queueServiceUri"} <= set_by_bicep()


@pytest.mark.parametrize("name", sorted(program_settings()))
def test_an_installation_starts_with_the_defaults_of_the_program(name: str) -> None:
    default = parsed(MAIN)["parameters"][program_settings()[name]]["default"]
    example = json.loads((PROJECT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    known = {str(field.validation_alias): field.default for field in Settings.model_fields.values()} | {
        timer: example[timer] for timer in re.findall(r"%(\w+)%", DOORS)
    }
    assert default == known[name]


def test_every_queue_is_made_with_a_poison_queue_beside_it() -> None:
    made = parsed(MAIN)["modules"]["host"]["config"]["params"]["queues"]
    queues = {*QUEUES, *re.findall(r'queue_name="([\w-]+)"', DOORS)}
    assert sorted(made) == sorted([*queues, *(f"{queue}-poison" for queue in queues)])


def test_every_container_is_made_under_the_name_that_the_program_uses() -> None:
    assert sorted(parsed(MAIN)["modules"]["lake"]["config"]["params"]["containers"]) == sorted(LAKE_CONTAINERS)
    customer = (INFRA / "modules" / "customer.bicep").read_text(encoding="utf-8")
    containers = (blob_names.drop_container, blob_names.receipts_container, blob_names.results_container)
    assert sorted(re.findall(r"name: '(\w+-\$\{customer\})'", customer)) == sorted(each("${customer}") for each in containers)


def test_events_of_drop_containers_alone_go_to_the_queue_that_is_read() -> None:
    events = parsed(MAIN)["modules"]["subscriptionToUploads"]["config"]["params"]
    assert events["queueName"] == DROP_EVENTS
    text = (INFRA / "modules" / "upload_events.bicep").read_text(encoding="utf-8")
    prefix = re.search(r"subjectBeginsWith: '/blobServices/default/containers/([\w-]+)'", text)
    assert prefix is not None
    assert blob_names.drop_container("acme") == f"{prefix[1]}acme"
    assert not blob_names.receipts_container("acme").startswith(prefix[1])


def test_the_command_line_gets_its_addresses_from_the_deployment() -> None:
    """`azd env get-values` prints outputs under the names that the program reads."""
    outputs = set(parsed(MAIN)["outputs"])
    accounts = {f"{name}_STORAGE__blobServiceUri" for name in ("DROP", "LAKE", "RESULTS")}
    assert accounts | {"AzureWebJobsStorage__queueServiceUri"} <= outputs
    assert {name for name in outputs if "__" in name or name.startswith("DROPZONE_")} <= read_by_the_program()
