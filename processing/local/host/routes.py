"""Translates the route templates of Azure Functions (`items/{id:int?}`, `{*path}`) to werkzeug's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from werkzeug.routing import BaseConverter

from processing.domain.errors import OperatorError
from processing.local.host.doors import Door

_PARAMETER = re.compile(
    r"\{(?P<all>\*?)(?P<name>[A-Za-z_]\w*)(?::(?P<constraint>[a-z]+)(?:\((?P<argument>\d+)\))?)?(?P<optional>\??)\}", re.ASCII
)
_LENGTHS: Final = ("length", "minlength", "maxlength")


def _converter(regex: str) -> type[BaseConverter]:
    return type("_Constraint", (BaseConverter,), {"regex": regex})


CONVERTERS: Final[Mapping[str, type[BaseConverter]]] = {
    "alpha": _converter("[A-Za-z]+"),
    "bool": _converter("(?i:true|false)"),
    "decimal": _converter(r"-?\d+(?:\.\d+)?"),
    "double": _converter(r"-?\d+(?:\.\d+)?"),
    "float": _converter(r"-?\d+(?:\.\d+)?"),
    "guid": _converter("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "int": _converter(r"-?\d{1,10}"),
    "long": _converter(r"-?\d{1,19}"),
}
"""The constraints by name; every parameter reaches the function as the text that it was."""


def rules_of(door: Door, prefix: str) -> tuple[str, ...]:
    """The werkzeug rules of an HTTP function: two when the last segment may be left out."""
    route = f"{prefix}/{door.trigger.get('route') or door.name}".strip("/")
    *head, last = [_segment(door, segment) for segment in route.split("/")]
    whole, without_last = "/" + "/".join([*head, last]), "/" + "/".join(head)
    final = _PARAMETER.fullmatch(route.rpartition("/")[2])
    if final and (final["optional"] or final["all"]):
        return (without_last, whole)
    if "?}" in route or "{*" in route:
        raise OperatorError(f"function {door.name}: only the last segment of the route {route!r} may be optional")
    return (whole,)


def _segment(door: Door, segment: str) -> str:
    literals = _PARAMETER.sub("", segment)
    if re.search(r"[{}<>|*?]", literals):
        raise OperatorError(f"function {door.name}: the local host cannot read {segment!r} in its route")
    return _PARAMETER.sub(lambda match: _parameter(door, match), segment)


def _parameter(door: Door, match: re.Match[str]) -> str:
    name, constraint, argument = match["name"], match["constraint"], match["argument"]
    if match["all"]:
        return f"<path:{name}>"
    if constraint is None:
        return f"<{name}>"
    if constraint in _LENGTHS and argument:
        return f"<string({constraint}={argument}):{name}>"
    if constraint in CONVERTERS and not argument:
        return f"<{constraint}:{name}>"
    raise OperatorError(f"function {door.name}: the local host does not know the constraint of {match[0]} in its route")
