"""Manifests: what a JSON marker says of the files that belong to its day (contract section 4, signals)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from processing.domain.blob_names import DataFile, is_addressable, is_listable, kind_of_upload
from processing.domain.datasets import Dataset
from processing.domain.stream_state import ExpectedFile

LARGEST: Final = 16 << 20
"""Bytes of a manifest."""
_MD5_HEX: Final = re.compile(r"[0-9a-fA-F]{32}")
_SHOWN: Final = 64
MOST_FILES: Final = 10_000
"""Files of a manifest (contract section 4)."""


class ManifestRefusedError(ValueError):
    """The customer fixes the marker; the message says how."""


def parse_manifest(name: str, data: bytes) -> tuple[ExpectedFile, ...]:
    """The files that a marker names; none when it is a plain marker.

    JSON without `files`, and text that is no JSON in a marker that is not called `.json`, is a plain marker. Raises
    ManifestRefusedError for a marker that means to be a manifest and cannot be read as one.
    """
    if not data.strip():
        return ()
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        if name.endswith(".json"):
            raise ManifestRefusedError("the marker is not readable JSON: fix it, or leave it empty") from error
        return ()
    if not isinstance(document, dict) or "files" not in document:
        return ()
    files = document["files"]
    if not isinstance(files, list):
        raise ManifestRefusedError('"files" must be a list of objects such as {"name": "metrics/a.csv", "rows": 1200}')
    if len(files) > MOST_FILES:
        raise ManifestRefusedError(
            f"the manifest names {len(files):,} files, more than {MOST_FILES:,}: upload fewer and larger ones"
        )
    expected = [_expected(each) for each in files]
    names = [each.name for each in expected]
    if len(set(names)) < len(names):
        raise ManifestRefusedError("the manifest names a file twice")
    return tuple(expected)


def of_stream(files: tuple[ExpectedFile, ...], dataset: Dataset) -> tuple[ExpectedFile, ...]:
    """The files that a stream must have taken in before its day is whole."""
    folders = folders_of(dataset)
    return tuple(each for each in files if each.name.startswith(folders))


def folders_of(dataset: Dataset) -> tuple[str, ...]:
    """The folders whose uploads may hold rows of a stream: exposures come in Segment's shape among events too."""
    return ("exposures/", "events/") if dataset is Dataset.EXPOSURES else (f"{dataset}/",)


def _expected(entry: Any) -> ExpectedFile:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise ManifestRefusedError('each of "files" must be an object with the "name" of an upload')
    if not isinstance(kind_of_upload(name), DataFile):
        raise ManifestRefusedError(
            f"{name[:_SHOWN]!r} is no name of a data file: write it from the container's root, such as metrics/a.csv"
        )
    if not (is_addressable(name) and is_listable(name)):
        raise ManifestRefusedError(f"{name[:_SHOWN]!a} is no name that an upload can have: write it as it was uploaded")
    rows = entry.get("rows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise ManifestRefusedError(f'"rows" of {name[:_SHOWN]!r} must be a whole number')
    return ExpectedFile(name=name, rows=rows, md5=_md5(name, entry.get("md5")))


def _md5(name: str, value: Any) -> str | None:
    """In hexadecimal, or in base64 as Content-MD5 is written."""
    if value is None:
        return None
    if isinstance(value, str):
        if _MD5_HEX.fullmatch(value):
            return value.lower()
        try:
            digest = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            digest = b""
        if len(digest) == 16:  # noqa: PLR2004 - the length of every MD5
            return digest.hex()
    raise ManifestRefusedError(f'"md5" of {name[:_SHOWN]!r} must be 32 hexadecimal digits, or base64 of 16 bytes')
