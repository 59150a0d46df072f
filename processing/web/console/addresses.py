"""Addresses of the console's pages. Names that customers chose stand behind `?` alone, where no browser resolves them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

PREFIX: Final = "/console"
HOME: Final = f"{PREFIX}/"
SIGN_IN: Final = f"{PREFIX}/sign-in"


def address(path: str, **parameters: object) -> str:
    """The address of a page below the console's; parameters that are None are left out."""
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    return f"{PREFIX}/{path}" + (f"?{urlencode(given, errors='replace')}" if given else "")
