"""Records of NDJSON with their errors as the first key (contract section 5)."""

from __future__ import annotations

import json
import re
from typing import Final

from processing.ingest.fixes.fix_file import Masks
from processing.ingest.fixes.text_fixes import TextRecords
from processing.ingest.readers.upload_form import ERRORS
from processing.ingest.shown_rows import as_json

_OPENS: Final = re.compile(rb"[ \t\r]*\{")
_EARLIER: Final = re.compile(rb'[ \t]*"%s"[ \t]*:[ \t]*"(?:[^"\\]|\\.)*+"[ \t]*(?:,[ \t]*)?' % ERRORS.encode())
_BLANKS: Final = b" \t\r\n"


class NdjsonRecords(TextRecords):
    """The text of a record stays as it was written; of a fix file that was not fixed, the earlier errors go.

    A line that does not begin as an object does has no place for a key, and stays as it is.
    """

    def __init__(self, masks: Masks | None = None) -> None:
        self._masks = masks

    @property
    def opening(self) -> bytes:
        """Nothing."""
        return b""

    def line(self, raw: bytes, words: str) -> bytes | None:
        """The record with its errors."""
        if self._masks is not None:
            row = self._masks.masked(raw.decode())
            if row is None:
                return None
            return as_json({ERRORS: words} | {name: value for name, value in row.items() if name != ERRORS}).encode() + b"\n"
        opens = _OPENS.match(raw)
        if not raw.endswith(b"\n"):
            raw += b"\n"
        if opens is None:
            return raw
        rest = raw[opens.end() :]
        earlier = _EARLIER.match(rest)
        if earlier is not None:
            rest = rest[earlier.end() :]
        is_last = rest.lstrip(_BLANKS).startswith(b"}")
        key = f'"{ERRORS}": {json.dumps(words, ensure_ascii=False)}{"" if is_last else ", "}'
        return opens[0] + key.encode("utf-8", "backslashreplace") + rest
