"""What the person who saved a CSV file is told of lines that cannot be taken apart (contract section 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from processing.ingest.readers.csv.record_scanner import Damage
from processing.ingest.readers.dialect import Dialect
from processing.ingest.readers.text_encoding import guess_encoding

# Excel may have saved it as a row, with a delimiter for each column.
_SEPARATOR: Final = re.compile(rb'"?sep=(\\t|[^\r\n"A-Za-z0-9])"?(?:\1|[ \t])*', re.IGNORECASE)
_LONGEST: Final = 64
_QUOTING: Final = "quote the whole field, and write a quote inside it twice"


def separator_line(head: bytes) -> bytes | None:
    """The delimiter that a first line `sep=;` names, as Excel reads and writes it; None for any other line."""
    line = head.partition(b"\n")[0].rstrip(b"\r")
    found = _SEPARATOR.fullmatch(line) if len(line) <= _LONGEST else None
    if found is None or not found[1].isascii():
        return None
    return b"\t" if found[1] == rb"\t" else found[1]


def hints_for(dialect: Dialect, fields: int) -> Mapping[Damage, str]:
    """What is written beside a broken record."""
    named = "as csv.columns of the config does" if dialect.columns else "as the header does"
    count = f"write {fields} fields, {named}, and quote fields that hold a delimiter"
    if not dialect.quote:
        count = f"write {fields} fields, {named}; the config says that nothing is quoted"
    return {Damage.QUOTING: _quoting(dialect), Damage.ENCODING: _encoding(dialect), Damage.FIELD_COUNT: count}


def special_hints(dialect: Dialect, kinds: Sequence[int], raws: Sequence[bytes], hints: Mapping[Damage, str]) -> list[str]:
    """The hint for each broken record, which says more where the record shows what it is."""
    # What the first of them shows holds for the others of a block: they were written by one program.
    encoding = next((raw for kind, raw in zip(kinds, raws, strict=True) if kind == Damage.ENCODING), None)
    guess = "" if encoding is None or dialect.encoding is not None else _guessed(encoding)
    found = []
    for kind, raw in zip(kinds, raws, strict=True):
        hint = hints[Damage(kind)]
        if kind == Damage.QUOTING:
            hint += _looks_of_quotes(dialect, raw)
        elif kind == Damage.ENCODING:
            hint += guess
        found.append(hint)
    return found


def _looks_of_quotes(dialect: Dialect, raw: bytes) -> str:
    if not dialect.escape and b"\\" + dialect.quote in raw:
        return (
            "; quotes stand behind backslashes here, as Spark, Redshift and MySQL write them: "
            "have the operator set csv.escape to \\ in the config"
        )
    if re.search(rb"(?:^|%s)[ \t]+%s" % (re.escape(dialect.delimiter), re.escape(dialect.quote)), raw):
        return "; a space stands before the quote: write none between the delimiter and the quoted field"
    return "; where quotes are characters like others, have the operator set csv.quote to none in the config"


def _guessed(raw: bytes) -> str:
    name = guess_encoding(raw)
    return "" if name is None else f"; it looks like {name}: set csv.encoding to {name.lower()}"


def unreadable_header(raw: bytes, damage: Damage, dialect: Dialect) -> str:
    """Why a first line is no header."""
    if damage is Damage.ENCODING:
        guess = "" if dialect.encoding is not None else _guessed(raw)
        return f"the first line is not a CSV header: {_encoding(dialect)}{guess}"
    if raw.lstrip().startswith((b"{", b"[")):
        return "the first line is not a CSV header, it looks like JSON: name the file .ndjson, with one object on each line"
    quote, delimiter = dialect.quote.decode(), dialect.delimiter.decode()
    if re.search(rb"%s[ \t]+%s" % (re.escape(dialect.delimiter), re.escape(dialect.quote)), raw):
        return (
            f"the first line is not a CSV header: a space stands before a quote ({delimiter} {quote}...): "
            "write no space between the delimiter and the quoted field"
        )
    return f"the first line is not a CSV header: {_quoting(dialect)}"


def _quoting(dialect: Dialect) -> str:
    hint = _QUOTING
    if dialect.quote != b'"':
        hint = f"quote the whole field with {dialect.quote.decode()}, as the config says, and write one inside it twice"
    if dialect.escape:
        return f"{hint}, or behind {dialect.escape.decode()}"
    return hint


def _encoding(dialect: Dialect) -> str:
    if dialect.encoding is not None:
        return f"the bytes are no {dialect.encoding}, which csv.encoding of the config names: save the file so, or as UTF-8"
    return "save the file as UTF-8 (in Excel: CSV UTF-8), or have the operator name its encoding as csv.encoding in the config"
