"""What the first bytes of a file are when they are no text that is read, in words for whoever saved it (contract section 3)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TAR_MARK: Final = slice(257, 262)
_BEGINNING: Final = 64
_TABS_AND_ENDS: Final = frozenset(b"\t\n\r\x0c\x1a\x1b")
_SPACE: Final = 0x20
_UTF16_SHARE: Final = 0.3
"""Of every second byte, so many NULs make text of two bytes a character."""
_SAVE_AS_CSV: Final = "save it as CSV UTF-8 (in Excel: File, Save As, CSV UTF-8) and upload that"
_EXPORT: Final = "export the rows as CSV, NDJSON or Parquet and upload that"
_UNPACK: Final = "unpack it and upload the files in it, each by itself, plain or as .gz or .zst"
_RECOMPRESS: Final = "compress the file with gzip or zstd instead, or upload it plain"
_AS_IT_IS: Final = "upload the file inside as it is, or compressed once"
_DOWNLOADED: Final = "whatever wrote it was given this in place of the data; get the file anew and upload it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFormat:
    """A format that is not read."""

    what: str
    """What it is, with its article."""
    remedy: str
    """What to do, as a clause."""

    def __str__(self) -> str:
        return f"this is {self.what}: {self.remedy}"


def foreign_format(head: bytes) -> ForeignFormat | None:
    """What a file is that begins so, where it is none that is read; more of its bytes tell more, 512 nearly all."""
    for is_it, what, remedy in _KNOWN:
        if is_it(head):
            return ForeignFormat(what=what, remedy=remedy)
    return None


def unmarked_utf16(head: bytes) -> str | None:
    """The encoding of text of two bytes a character that no byte order mark tells; None for anything else."""
    pairs = len(head) // 2
    if not pairs:
        return None
    for name, nulls in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        others = head[::2] if name.endswith("le") else head[1::2]
        if nulls.count(0) > _UTF16_SHARE * pairs and others.count(0) < _UTF16_SHARE * pairs:
            return name
    return None


def is_binary(head: bytes) -> bool:
    """Whether bytes hold what no text does."""
    return any(byte < _SPACE and byte not in _TABS_AND_ENDS and byte != 1 for byte in head[:512])


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _zip_with(*names: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and any(name in head for name in names)


def _marked(mark: bytes) -> Callable[[bytes], bool]:
    """A mark of letters alone, which text may begin with too: control characters follow it."""
    return lambda head: head.startswith(mark) and is_binary(head[len(mark) : _BEGINNING])


def _markup(*marks: bytes) -> Callable[[bytes], bool]:
    def is_it(head: bytes) -> bool:
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        return text.startswith(b"<") and (text.startswith(marks) or any(b"\n" not in mark and mark in text for mark in marks))

    return is_it


def _is_xml(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith((b"<?xml", b"<!")) or (text[:1] == b"<" and text[1:2].isalpha() and b">" in text)


def _is_zlib(head: bytes) -> bool:
    if not head.startswith((b"x\x01", b"x^", b"x\x9c", b"x\xda")):
        return False
    try:
        zlib.decompressobj().decompress(head, 1)
    except zlib.error:
        return False
    return is_binary(head) or not head.isascii()


_KNOWN: Final[tuple[tuple[Callable[[bytes], bool], str, str], ...]] = (
    (
        _zip_with(b"xl/", b"[Content_Types].xml", b"docProps/"),
        "an Excel workbook (.xlsx, which is a ZIP archive)",
        _SAVE_AS_CSV,
    ),
    (_zip_with(b"opendocument.spreadsheet"), "an OpenDocument spreadsheet (.ods)", _SAVE_AS_CSV),
    (_begins(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), "a ZIP archive", _UNPACK),
    (_begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Excel workbook (.xls, or one with a password)", _SAVE_AS_CSV),
    (_markup(b"excel.sheet", b"urn:schemas-microsoft-com:office:spreadsheet"), "an Excel workbook (XML)", _SAVE_AS_CSV),
    (
        _markup(b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<table", b"<script", b"<meta", b"<center"),
        "an HTML page, such as that of a login or an error",
        _DOWNLOADED,
    ),
    (_is_xml, "XML, such as an error message", _DOWNLOADED),
    (_begins(b"%PDF-"), "a PDF document", _EXPORT),
    (_begins(b"{\\rtf"), "a rich text document (RTF)", _SAVE_AS_CSV),
    (_begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "an image", _EXPORT),
    (_begins(b"Obj\x01"), "an Avro file", _EXPORT),
    (_begins(b"ARROW1", b"FEA1"), "an Arrow file (Feather)", "write it as Parquet, CSV or NDJSON and upload that"),
    (_begins(b"\xff\xff\xff\xff"), "a stream of Arrow", "write it as Parquet, CSV or NDJSON and upload that"),
    (_marked(b"ORC"), "an ORC file", "write it as Parquet, CSV or NDJSON and upload that"),
    (_marked(b"SEQ"), "a Hadoop sequence file", _EXPORT),
    (_marked(b"RCF"), "an RCFile of Hive", _EXPORT),
    (_begins(b"\x89HDF"), "an HDF5 file", _EXPORT),
    (_begins(b"SQLite format 3\0"), "a SQLite database", _EXPORT),
    (_begins(b"$FL2", b"$FL3"), "an SPSS file", _EXPORT),
    (_begins(b"<stata_dta>"), "a Stata file", _EXPORT),
    (_begins(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickle of Python", _EXPORT),
    (
        _begins(b"BZh1", b"BZh2", b"BZh3", b"BZh4", b"BZh5", b"BZh6", b"BZh7", b"BZh8", b"BZh9"),
        "compressed with bzip2",
        _RECOMPRESS,
    ),
    (_begins(b"\xfd7zXZ\0"), "compressed with xz", _RECOMPRESS),
    (_begins(b"\x04\x22\x4d\x18"), "compressed with LZ4", _RECOMPRESS),
    (_begins(b"\xff\x06\x00\x00sNaPpY"), "compressed with Snappy", _RECOMPRESS),
    (_begins(b"\x1f\x9d", b"\x1f\xa0"), "compressed with compress (.Z)", _RECOMPRESS),
    (_begins(b"\x89LZO"), "compressed with LZO", _RECOMPRESS),
    (_begins(b"LZIP\x01"), "compressed with lzip", _RECOMPRESS),
    (_is_zlib, "compressed with zlib (deflate), which is not gzip", _RECOMPRESS),
    (_begins(b"7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", _UNPACK),
    (_begins(b"Rar!\x1a\x07"), "a RAR archive", _UNPACK),
    (lambda head: head[_TAR_MARK] == b"ustar", "a tar archive", _UNPACK),
    (_begins(b"-----BEGIN PGP", b"age-encryption.org"), "encrypted", "decrypt it and upload that"),
    (_begins(b"\x1f\x8b", b"\x28\xb5\x2f\xfd"), "compressed more than once", _AS_IT_IS),
    (_begins(b"PAR1"), "a Parquet file that is compressed once more", "do not compress it, upload it as it is"),
    (lambda head: bool(head) and not head.strip(b"\0"), "nothing but zero bytes", "the upload was cut off: write it again"),
)
"""The first that fits counts."""
