"""Names of blobs as the metadata of other blobs carries them: headers hold ASCII alone, and 8 KB of it."""

from __future__ import annotations

import base64
import binascii


def to_metadata(name: str) -> str:
    """A name of up to 1,024 characters in at most 5,464 of base64."""
    return base64.urlsafe_b64encode(name.encode("utf-8", "surrogatepass")).decode("ascii")


def from_metadata(text: str | None) -> str | None:
    """The inverse; None for what is none of ours."""
    try:
        return base64.urlsafe_b64decode(text or "").decode("utf-8", "surrogatepass") or None
    except (binascii.Error, UnicodeDecodeError):
        return None
