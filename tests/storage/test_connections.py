"""How an account is named: a connection string of any common form, or addresses and an identity."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import polars as pl
import pytest

from processing.domain.errors import OperatorError
from processing.storage import emulator
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.connections import Connection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5==;EndpointSuffix=core.windows.net",
            {"account_name": "acct", "account_key": "a2V5==", "endpoint": "https://acct.blob.core.windows.net"},
        ),
        (
            "AccountName=acct;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:7/acct/;",
            {"account_name": "acct", "account_key": "a2V5", "endpoint": "http://127.0.0.1:7/acct", "allow_http": "true"},
        ),
        (
            "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=x%3D",
            {
                "account_name": "acct",
                "endpoint": "https://acct.blob.core.windows.net/",
                "sas_token": "sv=2024&sig=x%3D",
            },
        ),
        (
            "UseDevelopmentStorage=true",
            {
                "account_name": emulator.ACCOUNT,
                "account_key": emulator.KEY,
                "endpoint": emulator.BLOB_ENDPOINT,
                "allow_http": "true",
            },
        ),
    ],
    ids=["public", "emulator", "sas", "short"],
)
def test_delta_gets_the_account_of_the_connection_string(text: str, expected: dict[str, str]) -> None:
    assert Connection(connection_string=text).delta_options() == expected


def test_other_engines_read_the_emulator_with_the_same_options(connection: Connection) -> None:
    container = f"box-{uuid4().hex}"
    with connection.blob_service() as client:
        store = AzureBlobStore(client)
        store.create_container(container)
        store.put(container, "folder/a.csv", b"n\n1\n2\n")
        frame = pl.read_csv(f"az://{container}/folder/a.csv", storage_options=connection.delta_options())
    assert frame["n"].to_list() == [1, 2]


@pytest.mark.parametrize("use", [Connection.blob_service, Connection.queue_service, Connection.delta_options])
def test_an_unreadable_connection_string_is_not_repeated(use: Callable[[Connection], object]) -> None:
    connection = Connection(connection_string="AccountName=acct;key-without-its-name")
    with pytest.raises(OperatorError) as caught:
        use(connection)
    for said in (str(caught.value), repr(caught.value.__cause__), repr(connection)):
        assert "key-without" not in said


def test_a_connection_to_nowhere_names_the_setting() -> None:
    with pytest.raises(OperatorError, match="blobServiceUri"):
        Connection().blob_service()
    with pytest.raises(OperatorError, match="queueServiceUri"):
        Connection().queue_service()
    with pytest.raises(OperatorError, match="blobServiceUri"):
        Connection().delta_options()


def test_an_identity_needs_only_addresses() -> None:
    connection = Connection(
        blob_service_uri="https://acct.blob.core.windows.net/",
        queue_service_uri="https://acct.queue.core.windows.net/",
        client_id="c",
    )
    with connection.blob_service() as blobs, connection.queue_service() as queues:
        assert blobs.account_name == "acct"
        assert queues.account_name == "acct"
