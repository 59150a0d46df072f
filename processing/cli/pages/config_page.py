"""The keys of a customer's config, printed from its model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from processing.cli.pages.markdown import table
from schemas.customer_config import CustomerConfig

_INTRODUCTION: Final = """# The config of a customer

Printed from its model by `make docs`; a change belongs there. `customers/<customer>.yaml` in the container `config` of the
lake, YAML, every key optional; an absent file is a file without keys. `dropzone config check` tells what is wrong with one.
The last column is the section of the [contract](../design/contract.md) that the key belongs to.

"""
_UNITS: Final = {"string": "characters", "array": "entries", "object": "entries"}


def config_page() -> str:
    """The page, Markdown."""
    return _INTRODUCTION + table(["key", "type", "default", "meaning", "contract"], _keys(CustomerConfig.model_json_schema()))


def _keys(schema: Mapping[str, Any], path: str = "", definitions: Mapping[str, Any] | None = None) -> Iterator[Sequence[str]]:
    known = schema.get("$defs", {}) if definitions is None else definitions
    for name, found in schema["properties"].items():
        required = name in schema.get("required", ())
        default = "required" if required else _default(found.get("default"))
        yield f"`{path}{name}`", _type(found, known), default, found["description"], str(found["contract_section"])
        inner, suffix = _inner(found, known)
        if inner is not None:
            yield from _keys(inner, f"{path}{name}{suffix}.", known)


def _inner(found: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The model below a key, and how its keys continue the path."""
    for each, suffix in ((found, ""), (found.get("items", {}), "[]"), (found.get("additionalProperties", {}), ".<name>")):
        if isinstance(each, Mapping) and "$ref" in each:
            return known[each["$ref"].rpartition("/")[2]], suffix
    return None, ""


def _type(found: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "anyOf" in found:
        return " or ".join(_type(each, known) for each in found["anyOf"] if each.get("type") != "null")
    if "enum" in found:
        return " or ".join(f"`{each}`" for each in found["enum"])
    if "$ref" in found:
        return "keys"
    if found["type"] == "array":
        kind = f"list of {_type(found['items'], known)}"
    elif found["type"] == "object":
        # Bounds of the names stand as patterns.
        values = found.get("additionalProperties") or next(iter(found["patternProperties"].values()))
        kind = f"name to {_type(values, known)}"
    else:
        kind = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}[found["type"]]
        kind = {"date": "day", "date-time": "instant"}.get(found.get("format", ""), kind)
    bounds = _bounds(found)
    return f"{kind}, {bounds}" if bounds else kind


def _bounds(found: Mapping[str, Any]) -> str:
    low, high = (
        next(
            (found[key] for key in found if key in (side, f"{side[:3]}Length", f"{side[:3]}Items", f"{side[:3]}Properties")),
            None,
        )
        for side in ("minimum", "maximum")
    )
    unit = _UNITS.get(found["type"], "")
    if low == high == 1:
        return "one character"
    if low is None:
        return "" if high is None else f"at most {high:,} {unit}".strip()
    return (f"at least {low:,} {unit}" if high is None else f"{low:,} to {high:,} {unit}").strip()


def _default(value: object) -> str:
    return "" if value in (None, [], {}) or isinstance(value, dict) else f"`{json.dumps(value)}`"
