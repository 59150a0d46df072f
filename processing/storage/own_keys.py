"""Finds in a page of a listing the blobs that are encrypted with a key of the customer's own, which the SDK does not tell."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

from azure.core.rest import HttpResponse

_SIGN: Final = "CustomerProvidedKeySha256"


def under_own_keys(answer: HttpResponse) -> set[str]:
    """Names of the blobs in this page that are under such a key; none for what is no page."""
    data = answer.content
    # Hardly ever there, so that a page is read a second time only where it is.
    if f"<{_SIGN}>".encode() not in data:
        return set()
    # The service's own answer, not a customer's document.
    found = fromstring(data).iter("Blob")  # noqa: S314
    return {_name(blob) for blob in found if blob.findtext(f"Properties/{_SIGN}")}


def _name(blob: Element) -> str:
    name = blob.find("Name")
    if name is None or name.text is None:
        return ""
    return unquote(name.text) if name.get("Encoded") == "true" else name.text
