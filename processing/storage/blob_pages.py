"""The pages of a listing, taken from the service's XML without the SDK's models, which take ten times as long to make.

The request and its retries are the SDK's own pipeline; what its answer says is read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, ParseError, fromstring

from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import ContentDecodePolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.storage.blob import ContainerClient

from processing.ports import ARCHIVED, CUSTOMERS_KEY, BlobInfo, BlobKind
from processing.storage.blob_metadata import decoded

KINDS: Final = {"BlockBlob": BlobKind.BLOCK, "AppendBlob": BlobKind.APPEND, "PageBlob": BlobKind.PAGE}
ARCHIVE: Final = "Archive"
_DIRECTORY: Final = "directory"
"""An entry of an account with a hierarchical namespace that is no blob; a flat account says nothing of this kind."""
_ERRORS: Final[dict[int, type[HttpResponseError]]] = {
    HTTPStatus.UNAUTHORIZED: ClientAuthenticationError,
    HTTPStatus.NOT_FOUND: ResourceNotFoundError,
    HTTPStatus.CONFLICT: ResourceExistsError,
}


def blobs_below(
    container: ContainerClient, prefix: str, *, start: str = "", metadata: bool, page: int | None = None
) -> Iterator[BlobInfo]:
    """The blobs of all pages, in the service's order; azure.core's own errors, DecodeError for a page that is no XML."""
    # Answers about copies cost nothing for blobs that were not copied.
    query = {"restype": "container", "comp": "list", "include": "copy,metadata" if metadata else "copy"}
    if page is not None:
        query["maxresults"] = str(page)
    if prefix:
        query["prefix"] = prefix
    if start:
        query["startFrom"] = start
    marker: str | None = ""
    while marker is not None:
        listed = _page(container, query | ({"marker": marker} if marker else {}))
        for blob in listed.iter("Blob"):
            if blob.findtext("Properties/ResourceType") != _DIRECTORY:
                yield _info(blob)
            blob.clear()
        marker = listed.findtext("NextMarker") or None


def _page(container: ContainerClient, query: dict[str, str]) -> Element:
    headers = {"Accept": "application/xml", "x-ms-version": container.api_version}
    # The request takes parameters as they are to be sent.
    params = {name: quote(value, safe=",") for name, value in query.items()}
    request = HttpRequest("GET", container.url, params=params, headers=headers)
    # Public, it would be `send_request`, which other clients of the SDK have: the same policies sign, retry and trace.
    done = container._pipeline.run(request, stream=False)  # noqa: SLF001
    answer: HttpResponse = done.http_response
    if answer.status_code != HTTPStatus.OK:
        error = _ERRORS.get(answer.status_code, HttpResponseError)(response=answer)
        error.error_code = answer.headers.get("x-ms-error-code")  # type: ignore[attr-defined]
        raise error
    parsed = done.context.get(ContentDecodePolicy.CONTEXT_NAME)
    return parsed if isinstance(parsed, Element) else _parsed(answer)


def _parsed(answer: HttpResponse) -> Element:
    try:
        return fromstring(answer.read())  # noqa: S314 - the service's own answer, not a customer's document
    except ParseError as error:
        raise DecodeError("a page of the listing is no XML", response=answer) from error


def _info(blob: Element) -> BlobInfo:
    told = blob.find("Properties")
    properties: dict[str, str | None] = {} if told is None else {each.tag: each.text for each in told}
    found = blob.find("Metadata")
    metadata: dict[str, str | None] = {} if found is None else {each.tag: each.text for each in found}
    return BlobInfo(
        name=_name(blob.find("Name")),
        etag=(properties["Etag"] or "").strip('"'),
        size=int(properties["Content-Length"] or 0),
        last_modified=_instant(properties["Last-Modified"] or ""),
        kind=KINDS.get(properties.get("BlobType") or "", BlobKind.BLOCK),
        content_type=properties.get("Content-Type") or "",
        metadata=decoded(metadata) if metadata else {},
        copy_pending=properties.get("CopyStatus") == "pending",
        unreadable=_unreadable(properties),
    )


def _name(found: Element | None) -> str:
    text = "" if found is None or found.text is None else found.text
    # What XML cannot carry comes percent-encoded.
    return unquote(text) if found is not None and found.get("Encoded") == "true" else text


def _unreadable(properties: dict[str, Any]) -> str | None:
    if properties.get("CustomerProvidedKeySha256"):
        return CUSTOMERS_KEY
    return ARCHIVED if properties.get("AccessTier") == ARCHIVE else None


@lru_cache(maxsize=4_096)
def _instant(text: str) -> datetime:
    """An HTTP date; many blobs of a page have the same."""
    return parsedate_to_datetime(text).astimezone(UTC)
