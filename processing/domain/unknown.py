"""What a newer program wrote into a document and this one does not know: it is kept, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

_Enum = TypeVar("_Enum", bound=StrEnum)
Unknown = Mapping[str, Any]
"""Keys of a stored document that this program does not know: a newer one wrote them, and they are written back."""


def foreign(cls: type[_Enum], value: object) -> _Enum | None:
    """A member for a word that only a newer program knows: equal to none of ours, and written back as it was read."""
    if not isinstance(value, str):
        return None
    member = str.__new__(cls, value)
    member._name_ = member._value_ = value
    return member
