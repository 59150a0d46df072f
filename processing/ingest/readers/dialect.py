"""How the CSV of one upload is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How CSV is written."""

    delimiter: bytes = b","
    """One byte."""
    quote: bytes = b'"'
    """One byte; none where a quote is a character like others."""
    escape: bytes = b""
    """One byte that takes the meaning from the one behind it; none where quotes are doubled."""
    null_values: tuple[str, ...] = ()
    """Texts that stand for no value, besides an empty field."""
    columns: tuple[str, ...] = ()
    """The names of the columns of a file without a header."""
    skip_lines: int = 0
    """Lines before the header."""
    encoding: str | None = None
    """What it was written in before it became UTF-8, where a config says so."""

    def has_quotes(self, data: bytes) -> bool:
        """Whether anything in the data may be quoted."""
        return bool(self.quote) and self.quote in data

    def field(self, text: str) -> bytes:
        """A text as a field; where nothing can be quoted, with blanks in the place of what would end it."""
        data = text.encode("utf-8", "backslashreplace")
        if self.quote:
            escaped = data.replace(self.escape, 2 * self.escape) if self.escape else data
            return self.quote + escaped.replace(self.quote, 2 * self.quote) + self.quote
        for mark in (self.delimiter, b"\n", b"\r", self.escape):
            data = data.replace(mark, b" ") if mark else data
        return data

    @property
    def blanks(self) -> bytes:
        """What lines are made of that hold nothing."""
        return self.delimiter + b" \t\r"
