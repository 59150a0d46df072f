"""Alerts of what Azure alone does: what their sections name is in the Bicep files, and what needs no Azure is tried.

Nobody here is Azure: a deployment, a role, a topic and the platform's counts are held against the files that make them, and
the `az` commands against the options that they have.
"""

from __future__ import annotations

import re

import pytest

from processing.domain.errors import OperatorError
from processing.storage.azure_errors import storage_errors
from processing.storage.connections import Connection
from tests.runbook.operations import Operator
from tests.runbook.page import Section, here, section, tries
from tests.support.bicep import INFRA
from tests.support.installation import metrics_csv

DAY = here("2026-11-18")
BICEP = "\n".join(path.read_text(encoding="utf-8") for path in [INFRA / "main.bicep", *sorted((INFRA / "modules").glob("*"))])
ROLES = {
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
}
"""Azure's own ids of the roles that the page names."""


def names_what_is_there(each: Section) -> None:
    """Every setting that a section names is one of the Bicep files, and every role is given by the file that it names."""
    for span in each.spans:
        if re.fullmatch(r"[a-z]+[A-Z]\w+|operators|readers|dead-letters", span):
            assert re.search(rf"\b{span}\b", BICEP), span
    text = " ".join(each.markdown.split())
    for role in re.findall(r"Storage (?:Blob|Queue|Table) Data (?:Contributor|Owner|Message Sender)", text):
        (path,) = re.findall(r"`infra/(modules/\w+\.bicep)`", text)
        assert ROLES[role] in (INFRA / path).read_text(encoding="utf-8"), role


def refuses(connection_string: str) -> None:
    """The account refuses whoever comes with another key."""
    key = re.search(r"AccountKey=([^;]+)", connection_string)
    assert key is not None
    stranger = Connection(connection_string=connection_string.replace(key[1], "c3RyYW5nZXI="))
    with pytest.raises(OperatorError, match="no permission"), storage_errors("list containers"):
        next(iter(stranger.blob_service().list_containers()), None)


@tries("events-deadletteredcount")
@tries("events-droppedeventcount")
@tries("events-deliveryattemptfailcount")
@pytest.mark.parametrize("kind", ["deadlettered", "droppedevent", "deliveryattemptfail"])
def test_an_upload_whose_event_was_not_delivered_is_found_by_the_sweep(operator: Operator, kind: str) -> None:
    each = section(f"events-{kind}count")
    operator.installation.upload("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    operator.installation.upload(f"signals/{DAY}", b"")
    if each.az:
        found = operator.look(each)
        assert kind != "deliveryattemptfail" or "drop-events" in found, "the queue exists"
    operator.host_runs()
    assert operator.installation.receipt("metrics/a.csv")["status"] == "accepted"
    assert operator.installation.day(DAY)["state"] == "processed"
    names_what_is_there(each)


@tries("refused-drop")
@tries("refused-lake")
@tries("refused-host")
@tries("refused-results")
@pytest.mark.parametrize("account", ["drop", "lake", "host", "results"])
def test_an_account_that_refuses_a_stranger_goes_on_for_everybody_else(operator: Operator, account: str) -> None:
    refuses(operator.installation.connection_string)
    names_what_is_there(section(f"refused-{account}"))
    assert "storage-refuses-app" in section(f"refused-{account}").links
    operator.arrive("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    assert operator.installation.receipt("metrics/a.csv")["status"] == "accepted"


@tries("log-cap-reached")
def test_without_logs_status_tells_where_things_stand(operator: Operator) -> None:
    operator.installation.upload("metrics/a.csv", metrics_csv(DAY, {"u": 1}))
    operator.time_passes(hours=1)
    names_what_is_there(operator.section)
    assert "1 upload not read yet: metrics/a.csv" in operator.status()
    operator.sweep()
    assert "not read yet" not in operator.status()


@pytest.mark.parametrize(
    "name", ["storage-refuses-app", "upload-without-receipt", "message-waiting", "day-waiting", "heartbeat-missing"]
)
def test_settings_and_roles_that_other_sections_name_are_those_of_the_bicep_files(name: str) -> None:
    names_what_is_there(section(name))
