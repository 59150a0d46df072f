"""Blobs under a key of the customer's own, which the emulator does not have: the service's answers are put in its mouth."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from processing.domain.errors import OperatorError
from processing.ports import CUSTOMERS_KEY
from processing.storage.azure_blob import AzureBlobStore
from tests.support.door_process import service_address
from tests.support.faults import impatient
from tests.support.proxy import Moment, Proxy, Reaction, Reply, Request

REFUSAL = Reply(status=409, headers={"x-ms-error-code": "BlobUsesCustomerSpecifiedEncryption"})
KEY = "<CustomerProvidedKeySha256>qUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I=</CustomerProvidedKeySha256>"
BLOB = """<Blob><Name{encoded}>{name}</Name><Properties><Last-Modified>Sun, 01 Mar 2026 12:00:00 GMT</Last-Modified>
<Etag>{etag}</Etag><Content-Length>7</Content-Length><BlobType>BlockBlob</BlobType>{key}</Properties></Blob>"""


@pytest.fixture
def box(azure_store: AzureBlobStore, monkeypatch: pytest.MonkeyPatch, azurite: str) -> str:
    monkeypatch.setenv("AzureWebJobsStorage", azurite)
    container = f"box-{uuid4().hex}"
    azure_store.create_container(container)
    return container


def refuse_heads(request: Request, moment: Moment) -> bool | Reaction:
    return REFUSAL if request.method == "HEAD" and moment is Moment.BEFORE else False


def page(*blobs: tuple[str, str, str, str], marker: str = "") -> Reply:
    listed = "".join(BLOB.format(name=name, encoded=encoded, etag=etag, key=key) for name, encoded, etag, key in blobs)
    text = f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>{listed}</Blobs><NextMarker>{marker}</NextMarker>'
    headers = {"Content-Type": "application/xml"}
    return Reply(status=200, headers=headers, body=f"\ufeff{text}</EnumerationResults>".encode())


@pytest.fixture
def keyless(azurite: str, box: str) -> Iterator[AzureBlobStore]:
    """A store to which every blob is one that a key is missing for."""
    with Proxy(upstream=service_address(azurite, "Blob"), hook=refuse_heads) as proxy:
        store = impatient(proxy.through(azurite)).drop
        assert isinstance(store, AzureBlobStore)
        yield store


def test_what_a_look_is_refused_for_want_of_a_key_is_taken_from_a_listing(
    azure_store: AzureBlobStore, keyless: AzureBlobStore, box: str
) -> None:
    etag = azure_store.put(box, "secret", b"1234567")
    azure_store.put(box, "secret.csv", b"of another name")
    info = keyless.head(box, "secret")
    assert info is not None
    assert (info.name, info.etag, info.size, info.unreadable) == ("secret", etag, 7, CUSTOMERS_KEY)


def test_what_is_gone_when_it_is_listed_is_gone(keyless: AzureBlobStore, azure_store: AzureBlobStore, box: str) -> None:
    azure_store.put(box, "secret.csv", b"of another name")
    assert keyless.head(box, "secret") is None


def test_a_listing_tells_of_every_page_which_blobs_are_under_a_key(azurite: str, box: str) -> None:
    first = page(("metrics/a.csv", "", "0x1", KEY), ("metrics/b.csv", "", "0x2", ""), marker="more")
    second = page(("metrics/%ef%bf%be.csv", ' Encoded="true"', "0x3", KEY), ("metrics/d&amp;e.csv", "", "0x4", KEY))

    def answer(request: Request, moment: Moment) -> bool | Reaction:
        if "comp=list" not in request.query or moment is not Moment.BEFORE:
            return False
        return second if "marker=more" in request.query else first

    with Proxy(upstream=service_address(azurite, "Blob"), hook=answer) as proxy:
        found = list(impatient(proxy.through(azurite)).drop.list_blobs(box, "metrics/"))
    assert {info.name: info.unreadable for info in found} == {
        "metrics/a.csv": CUSTOMERS_KEY,
        "metrics/b.csv": None,
        "metrics/\ufffe.csv": CUSTOMERS_KEY,
        "metrics/d&e.csv": CUSTOMERS_KEY,
    }


def test_other_conflicts_are_errors_as_ever(azurite: str, box: str) -> None:
    def refuse(request: Request, moment: Moment) -> bool | Reaction:
        return Reply(status=409, headers={"x-ms-error-code": "BlobImmutableDueToPolicy"}) if request.method == "HEAD" else False

    with Proxy(upstream=service_address(azurite, "Blob"), hook=refuse) as proxy, pytest.raises(OperatorError, match="409"):
        impatient(proxy.through(azurite)).drop.head(box, "a")
