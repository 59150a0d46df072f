"""The console's own files, at addresses with a hash of their content: a browser keeps each for ever, and never an old one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from processing.web.console.addresses import PREFIX
from processing.web.problems import Refused

_TYPES: Final = {"console.css": "text/css", "refresh.js": "text/javascript"}
_HASH: Final = 16


def static_address(name: str) -> str:
    """Where a file is."""
    return f"{PREFIX}/static/{_hashes()[name]}/{name}"


def static_file(request: Request) -> Response:
    """A file by its hash and name."""
    name = request.path_params["name"]
    if _hashes().get(name) != request.path_params["hash"]:
        raise Refused(HTTPStatus.NOT_FOUND, "there is no such file")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_contents()[name], media_type=_TYPES[name], headers=headers)


@cache
def _contents() -> Mapping[str, bytes]:
    return {name: (files(__package__) / "static" / name).read_bytes() for name in _TYPES}


@cache
def _hashes() -> Mapping[str, str]:
    return {name: hashlib.sha256(data).hexdigest()[:_HASH] for name, data in _contents().items()}
