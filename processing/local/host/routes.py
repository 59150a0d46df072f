"""Translates the route templates of Azure Functions (`items/{id:int?}`, `{*path}`) to rules for werkzeug to match.

Constraints are kept of numbers and lengths alone: a function that wants more of its path looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from werkzeug.routing import BaseConverter

from processing.domain.errors import OperatorError
from processing.local.host.doors import Door

_PARAMETER: Final = re.compile(
    r"\{(?P<all>\*?)(?P<name>[A-Za-z_]\w*)"
    r"(?::(?:(?P<int>int)|(?P<length>length|minlength|maxlength)\((?P<characters>\d+)\)))?(?P<optional>\??)\}",
    re.ASCII,
)


class _Int(BaseConverter):
    """Digits that reach the function as the text that they were (`007`), as in Azure."""

    regex = r"-?\d{1,10}"


CONVERTERS: Final[Mapping[str, type[BaseConverter]]] = {"int": _Int}


def rules_of(door: Door, prefix: str) -> tuple[str, ...]:
    """The rules of an HTTP function: two when the last segment may be left out."""
    route = f"{prefix}/{door.trigger.get('route') or door.name}".strip("/")
    head, _, last = route.rpartition("/")
    final = _PARAMETER.fullmatch(last)
    if re.search(r"[{}<>|*?]", _PARAMETER.sub("", route)):
        raise OperatorError(f"function {door.name}: the local host cannot read its route {route!r}")
    if "?}" in head or "{*" in head or (final is None and ("?}" in last or "{*" in last)):
        raise OperatorError(f"function {door.name}: only the last segment of the route {route!r} may be optional")
    rule = "/" + _PARAMETER.sub(_parameter, route)
    return ("/" + _PARAMETER.sub(_parameter, head), rule) if final and (final["optional"] or final["all"]) else (rule,)


def _parameter(match: re.Match[str]) -> str:
    if match["all"]:
        return f"<path:{match['name']}>"
    if match["length"]:
        return f"<string({match['length']}={match['characters']}):{match['name']}>"
    return f"<{match['int'] or 'default'}:{match['name']}>"
