"""Takes out of Linux libraries what only their makers need: symbols for debuggers, and libraries that nothing is called from.

The files are changed in place and keep their layout. What the loader reads stays as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGIC: Final = b"\x7fELF\x02\x01"
"""64 bits, little end first."""
_ALLOCATED: Final = 2
_DYNAMIC: Final = 6
_NOTHING_IN_FILE: Final = (0, 8)
_NEEDED: Final = 1
_ENTRY: Final = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int


def blank_symbols(path: Path) -> int:
    """Write zeros over every section that is not loaded, which the loader never reads; returns how many bytes."""
    data = bytearray(path.read_bytes())
    blanked = 0
    for section in _sections(data, but_names=True):
        if not section.flags & _ALLOCATED and section.kind not in _NOTHING_IN_FILE:
            data[section.offset : section.offset + section.size] = bytes(section.size)
            blanked += section.size
    if blanked:
        _replace(path, data)
    return blanked


def needed(path: Path) -> list[str]:
    """The libraries that the loader brings along with this one."""
    return [name for _, name in _needed(path.read_bytes())]


def unneed(path: Path, names: Collection[str]) -> None:
    """Have the loader not bring these along; right only where this one calls nothing of them."""
    data = bytearray(path.read_bytes())
    gone = {offset for offset, name in _needed(data) if name in names}
    if not gone:
        return
    for section in _sections(data):
        if section.kind == _DYNAMIC:
            offsets = range(section.offset, section.offset + section.size, _ENTRY.size)
            kept = b"".join(data[offset : offset + _ENTRY.size] for offset in offsets if offset not in gone)
            # What is left over at the end is zeros, which end the list.
            data[section.offset : section.offset + section.size] = kept.ljust(section.size, b"\0")
    _replace(path, data)


def _replace(path: Path, data: bytearray) -> None:
    # Never in place: an installer may have linked the file to a cache, from which other programs have it in use.
    path.unlink()
    path.write_bytes(data)


def _needed(data: bytes | bytearray) -> Iterator[tuple[int, str]]:
    sections = list(_sections(data))
    for section in sections:
        if section.kind != _DYNAMIC:
            continue
        names = sections[section.link].offset
        for offset in range(section.offset, section.offset + section.size, _ENTRY.size):
            tag, value = _ENTRY.unpack_from(data, offset)
            if tag == _NEEDED:
                yield offset, data[names + value : data.index(b"\0", names + value)].decode()


def _sections(data: bytes | bytearray, *, but_names: bool = False) -> Iterator[_Section]:
    if not data.startswith(_MAGIC):
        return
    (start,) = struct.unpack_from("<Q", data, 0x28)
    width, count, names = struct.unpack_from("<HHH", data, 0x3A)
    for number in range(count):
        if but_names and number == names:
            continue
        _, kind, flags, _, offset, size, link, *_ = struct.unpack_from("<IIQQQQIIQQ", data, start + number * width)
        yield _Section(kind=kind, flags=flags, offset=offset, size=size, link=link)
