"""What the stores know about names: which cannot be sent, and which content type they get."""

from __future__ import annotations

import re
from typing import Final

from processing.domain.errors import OperatorError

# HTTP clients and servers resolve these as if they were folders of a file system, which could lead out of the container.
# Storage takes a backslash for a slash.
_DOTS: Final = re.compile(r"(?:\A|[/\\])\.{1,2}(?:[/\\]|\Z)")


def refuse_unaddressable(container: str, name: str) -> None:
    """OperatorError for a name that no request could carry unchanged."""
    if not name or _DOTS.search(name) or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise OperatorError(f"a blob of {container} has a name that cannot be addressed: {ascii(name)[:200]}")


def content_type(name: str) -> str:
    """For those who open the blob by hand; nothing of ours reads it."""
    if name.endswith(".json"):
        return "application/json"
    return "application/x-ndjson" if name.endswith(".ndjson") else "application/octet-stream"
