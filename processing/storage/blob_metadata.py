"""Carries any text in the metadata of a blob, where headers allow ASCII only."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote


def encoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """Values as percent-encoded ASCII."""
    return {key: quote(value) for key, value in metadata.items()}


def decoded(metadata: Mapping[str, str | None]) -> dict[str, str]:
    """The inverse of `encoded`; metadata that others wrote is taken as well as it goes.

    Some tools capitalise the keys, and a listing gives nothing at all for an empty value.
    """
    return {key.lower(): unquote(value or "") for key, value in metadata.items()}
