"""Keys of the HTTP doors: how they are written, what they may open, and what is kept of them (contract section 7).

A key is `dz_<customer>_<43 characters>_<checksum>`: 256 random bits as unpadded base64url, and the CRC-32 of all that stands
before it in base 62. The checksum is no secret; it makes a typo known before anybody is asked.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

_PREFIX: Final = "dz"
_SECRET_BYTES: Final = 32
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM: Final = 6
"""Digits: 62 to the sixth is more than 2 to the 32nd."""
_KEY: Final = re.compile(
    r"(?P<signed>dz_(?P<customer>(?=[a-z0-9-]{3,50}_)[a-z0-9]+(?:-[a-z0-9]+)*)_[A-Za-z0-9_-]{43})_(?P<checksum>[0-9A-Za-z]{6})",
    re.ASCII,
)
LONGEST: Final = 128
"""Characters; no key has as many."""
_ID_CHARACTERS: Final = 12


class Scope(StrEnum):
    """What a key may be used for."""

    LOG = "log"
    """Send rows."""
    MARK = "mark"
    """Mark days as complete."""
    CHECK = "check"
    """Have a file checked, of which nothing is kept."""
    READ = "read"
    """See streams, days and files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of one key: never the key itself."""

    sha256: str
    """Of the key's text, 64 lower-case hexadecimal digits."""
    scopes: tuple[Scope, ...]
    name: str = ""
    """What the operator calls it."""
    created: datetime
    """By the storage service's clock."""
    revoked: datetime | None = None
    """When it was revoked; a key with this opens nothing."""
    last_used: date | None = None
    """The UTC day on which it was last used, by the host's clock; None before its first use."""

    @property
    def id(self) -> str:
        """By what it is called in lists and commands: the first digits of its hash."""
        return self.sha256[:_ID_CHARACTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """The keys of one customer, as they are stored."""

    keys: tuple[ApiKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """A key as it is written, whether or not anybody made it; printing it shows no part of its secret."""

    customer: str
    sha256: str


def new_key(customer: str) -> str:
    """A key that nobody can guess; it is shown once and kept nowhere."""
    signed = f"{_PREFIX}_{customer}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return f"{signed}_{_checksum(signed)}"


def parse_key(text: str) -> KeyText | None:
    """What a text says that has the form and the checksum of a key; None for any other."""
    match = _KEY.fullmatch(text) if len(text) <= LONGEST else None
    if match is None or _checksum(match["signed"]) != match["checksum"]:
        return None
    return KeyText(customer=match["customer"], sha256=hash_of(text))


def hash_of(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(signed: str) -> str:
    number, digits = zlib.crc32(signed.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
