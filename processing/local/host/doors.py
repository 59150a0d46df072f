"""Reads the functions of a FunctionApp as the host sees them: a name, a trigger and the code to call.

What this host could not run as Azure would is refused here, before anything starts, rather than left out in silence:
triggers other than timer, queue and HTTP, further bindings, parameters besides the trigger's, and `async` functions of
other triggers than HTTP.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import azure.functions as func

from processing.domain.errors import OperatorError

TIMER: Final = "timerTrigger"
QUEUE: Final = "queueTrigger"
HTTP: Final = "httpTrigger"

_SETTING = re.compile(r"%([^%]+)%")
# An app object gives its functions once: asked again it complains about names that are not unique.
_known: WeakKeyDictionary[func.FunctionApp, list[Any]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Door:
    """One function of the app; equal to itself alone."""

    name: str
    function: Callable[..., object]
    """The user's code."""
    trigger: Mapping[str, Any]
    """Its trigger as function.json would hold it, with settings filled in."""

    @property
    def kind(self) -> str:
        """The trigger's type: TIMER, QUEUE or HTTP."""
        return str(self.trigger["type"])

    def call(self, value: object) -> object:
        """Run the function on what its trigger delivers; one that is `async` gives a coroutine, for a loop to run."""
        return self.function(**{self.trigger["name"]: value})


def doors_of(app: func.FunctionApp, settings: Mapping[str, str]) -> tuple[Door, ...]:
    """Every function of the app; OperatorError for one that cannot run here."""
    if app not in _known:
        _known[app] = app.get_functions()
    doors = tuple(_door(function, settings) for function in _known[app])
    if not doors:
        raise OperatorError("the function app has no functions")
    return doors


def _door(function: Any, settings: Mapping[str, str]) -> Door:
    name = function.get_function_name()
    bindings = json.loads(function.get_function_json())["bindings"]
    triggers = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    kind = triggers[0]["type"] if triggers else "no trigger"
    if kind not in (TIMER, QUEUE, HTTP):
        raise OperatorError(f"function {name}: {kind} cannot run locally; timer, queue and HTTP triggers can")
    for binding in bindings:
        if binding is not triggers[0] and binding["type"] != "http":
            raise OperatorError(f"function {name}: the binding {binding['name']} ({binding['type']}) cannot run locally")
    code = function.get_user_function()
    if inspect.iscoroutinefunction(code) and kind != HTTP:
        raise OperatorError(f"function {name}: async functions of a {kind} cannot run locally; plain ones can")
    try:
        inspect.signature(code).bind(**{triggers[0]["name"]: None})
    except TypeError as error:
        raise OperatorError(
            f"function {name}: it must take {triggers[0]['name']} and nothing else to run locally: {error}"
        ) from error
    trigger = {key: _filled(name, key, value, settings) for key, value in triggers[0].items()}
    return Door(name=name, function=code, trigger=trigger)


def _filled(function: str, key: str, value: object, settings: Mapping[str, str]) -> object:
    def setting(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise OperatorError(f"function {function}: its {key} needs the setting {match[1]}, which is not set")
        return settings[match[1]]

    return _SETTING.sub(setting, value) if isinstance(value, str) else value
