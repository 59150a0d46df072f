"""How a customer's CSV is written, where that differs from the standard (contract sections 3 and 9)."""

from __future__ import annotations

import codecs
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.config_base import Name, Part, Unique, section

_MOST_SKIPPED: Final = 1_000
_NO_QUOTES: Final = ("", "none", "false")
# Codecs that are no encoding of text files: their text has meanings of its own, or is not kept as it is.
_NOT_OF_FILES: Final = frozenset({"idna", "punycode", "undefined", "utf-7", "unicode_escape", "raw_unicode_escape"})
_PROBE: Final = "unit_id,1;\t|'\"\r\n"


def _valid_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        data = _PROBE.encode(name)
        is_text = found.name not in _NOT_OF_FILES and data.decode(name) == _PROBE
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ValueError("write the name of an encoding, such as windows-1252, iso-8859-2, shift_jis or utf-16-le")
    # Whatever is no Unicode must write ASCII as ASCII, or lines do not end where they seem to.
    if not found.name.startswith("utf-") and data != _PROBE.encode("ascii"):
        raise ValueError("only encodings are read that write ASCII as it is, such as windows-1252")
    return name


def _no_quote(value: object) -> object:
    """No quoting at all may be written in several ways."""
    if value is False or (isinstance(value, str) and value.lower() in _NO_QUOTES):
        return ""
    return value


class CsvDialect(Part):
    """How the customer's CSV is written, where it differs from the standard."""

    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        json_schema_extra=section(3),
        description="what stands between fields: one ASCII character; by default a comma, and a tab in .tsv files",
    )
    quote: Annotated[str, BeforeValidator(_no_quote)] = Field(
        default='"',
        max_length=1,
        json_schema_extra=section(3),
        description="what fields are quoted with: one ASCII character; `none` where a quote is a character like others",
    )
    escape: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        json_schema_extra=section(3),
        description=(
            "what takes the meaning from a quote, a delimiter, a newline or itself, mostly \\; "
            "by default nothing does, and quotes are doubled"
        ),
    )
    encoding: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_valid_encoding)] | None = Field(
        default=None,
        json_schema_extra=section(3),
        description="the encoding of files that have no byte order mark, such as windows-1252; by default UTF-8",
    )
    decimal: Literal[".", ","] = Field(
        default=".",
        json_schema_extra=section(3),
        description=(
            "what stands before the fraction of a number in text, in every format and in expressions; with a comma, a point "
            "means thousands and is none, but in JSON, where numbers have one"
        ),
    )
    columns: Annotated[tuple[Name, ...], Field(max_length=1_024), Unique] = Field(
        default=(),
        json_schema_extra=section(3),
        description="the names of the columns, in their order, of files without a header",
    )
    skip_lines: int = Field(
        default=0,
        ge=0,
        le=_MOST_SKIPPED,
        json_schema_extra=section(3),
        description="how many lines stand before the header, such as a title",
    )
    null_values: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=32), Unique] = Field(
        default=(),
        json_schema_extra=section(3),
        description="texts that stand for no value, besides an empty field; for example NULL or \\N",
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        marks = (("delimiter", self.delimiter), ("quote", self.quote or None), ("escape", self.escape))
        for what, mark in marks:
            # Letters, digits and the like occur in every value; ends of lines end records.
            if mark is not None and (not mark.isascii() or mark.isalnum() or mark in "\r\n\0"):
                raise ValueError(f"the {what} must be an ASCII mark that is no letter, digit or end of line")
        if self.quote == (self.delimiter or ","):
            raise ValueError("delimiter and quote must differ")
        if self.escape == (self.delimiter or ","):
            raise ValueError("delimiter and escape must differ")
        return self
