"""What whoever has a `cw` signature for a drop container can do besides uploading, and what each comes to (SECURITY.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobLeaseClient,
    BlobServiceClient,
    ContainerClient,
    StandardBlobTier,
    generate_container_sas,
)

from processing.domain import blob_names
from processing.jobs.housekeeping.deletion import delete_each
from tests.support.installation import Installation, metrics_csv

DAY = "2026-11-18"
NAME = "metrics/a.csv"


@pytest.fixture
def stolen(installation: Installation) -> ContainerClient:
    """The drop container as the signature opens it."""
    owner = BlobServiceClient.from_connection_string(installation.connection_string)
    signature = generate_container_sas(
        account_name=str(owner.account_name),
        container_name=installation.drop,
        account_key=owner.credential.account_key,
        permission="cw",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return ContainerClient.from_container_url(f"{owner.url}{installation.drop}?{signature}")


@pytest.fixture
def blob(stolen: ContainerClient, installation: Installation) -> BlobClient:
    """An upload that was answered, as the signature opens it."""
    installation.deliver(installation.upload(NAME, metrics_csv(DAY, {"u1": 1})))
    return stolen.get_blob_client(NAME)


def delete(installation: Installation) -> int:
    """Delete the upload as housekeeping does when its time has come."""
    store = installation.context.drop
    blobs = list(store.list_blobs(installation.drop, NAME))
    return delete_each(store, installation.drop, blobs, customer=installation.customer, step="uploads")


def test_it_reads_lists_and_deletes_nothing(blob: BlobClient, stolen: ContainerClient, installation: Installation) -> None:
    receipts = stolen.url.replace(installation.drop, blob_names.receipts_container(installation.customer))
    for attempt in (
        blob.download_blob,
        blob.get_blob_properties,
        blob.delete_blob,
        lambda: list(stolen.list_blobs()),
        stolen.delete_container,
        lambda: ContainerClient.from_container_url(receipts).upload_blob("x", b""),
    ):
        with pytest.raises(HttpResponseError) as refused:
            attempt()
        assert refused.value.status_code == 403


def test_a_lease_without_end_keeps_the_upload_from_the_customer_and_not_from_housekeeping(
    blob: BlobClient, installation: Installation
) -> None:
    lease = BlobLeaseClient(blob)
    lease.acquire(lease_duration=-1)
    with pytest.raises(HttpResponseError):
        installation.upload(NAME, metrics_csv(DAY, {"u1": 2}))
    assert installation.receipt(NAME)["status"] == "accepted"
    assert delete(installation) == 1


def test_a_leased_upload_is_answered(blob: BlobClient, installation: Installation) -> None:
    data = metrics_csv(DAY, {"u1": 3})
    etag = str(blob.upload_blob(data, overwrite=True)["etag"]).strip('"')
    BlobLeaseClient(blob).acquire(lease_duration=-1)
    installation.deliver(installation.event(NAME, etag, len(data)))
    assert (installation.receipt(NAME)["etag"], installation.receipt(NAME)["status"]) == (etag, "accepted")


def test_snapshots_go_with_their_upload(blob: BlobClient, installation: Installation) -> None:
    for _ in range(3):
        blob.create_snapshot()
    assert delete(installation) == 1
    owner = BlobServiceClient.from_connection_string(installation.connection_string).get_container_client(installation.drop)
    assert not list(owner.list_blobs(name_starts_with=NAME, include=["snapshots"]))


def test_other_metadata_make_a_version_of_the_same_bytes_that_changes_no_row(
    blob: BlobClient, installation: Installation
) -> None:
    before = installation.receipt(NAME)
    etag = str(blob.set_blob_metadata({"hdi_isfolder": "true"})["etag"]).strip('"')
    installation.deliver(installation.event(NAME, etag))
    after = installation.receipt(NAME)
    assert (after["etag"], after["status"], after["rows"]) == (etag, "accepted", before["rows"])
    assert after["in_force"]["attempt"] == before["in_force"]["attempt"]


def test_an_upload_that_is_put_into_the_archive_stays_answered_and_can_be_deleted(
    blob: BlobClient, installation: Installation
) -> None:
    blob.set_standard_blob_tier("Archive")
    assert installation.receipt(NAME)["status"] == "accepted"
    assert delete(installation) == 1


def test_a_new_upload_in_the_archive_is_refused(stolen: ContainerClient, installation: Installation) -> None:
    blob = stolen.get_blob_client("metrics/cold.csv")
    data = metrics_csv(DAY, {"u2": 1})
    etag = str(blob.upload_blob(data, overwrite=True, standard_blob_tier=StandardBlobTier.ARCHIVE)["etag"]).strip('"')
    installation.deliver(installation.event("metrics/cold.csv", etag, len(data)))
    assert installation.receipt("metrics/cold.csv")["status"] == "rejected"
