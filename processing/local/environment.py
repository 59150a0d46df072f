"""The settings of a local run: the environment, then `local.settings.json`, then values that suit trying things out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from processing.domain.errors import OperatorError

PROJECT: Final = Path(__file__).resolve().parents[2]
"""Where `function_app.py`, `host.json` and `package.json` lie."""

_HOST: Final = "AzureWebJobsStorage"
_CONNECTIONS: Final = (_HOST, "DROP_STORAGE", "LAKE_STORAGE", "RESULTS_STORAGE")
# In production a marker settles for a minute and a first day waits for an hour; nobody waits so long for a first try.
_QUICK: Final = {
    "SWEEP_SCHEDULE": "*/15 * * * * *",
    "DAY_TIMER_SCHEDULE": "*/3 * * * * *",
    "HOUSEKEEPING_SCHEDULE": "0 30 9 * * *",
    "DROPZONE_SETTLE_SECONDS": "3",
    "DROPZONE_FIRST_DAY_WAIT_SECONDS": "5",
    "DROPZONE_COMPARE_SECONDS": "10",
    "DROPZONE_REMEMBER_SECONDS": "0",
}


def names_storage() -> bool:
    """Whether the environment says which storage to use."""
    return bool(os.environ.get(_HOST) or os.environ.get(f"{_HOST}__queueServiceUri"))


def local_settings(connection_string: str | None = None) -> dict[str, str]:
    """Settings for the functions on this machine; with a connection string, all accounts are that emulator."""
    emulator = dict.fromkeys(_CONNECTIONS, connection_string) if connection_string else {}
    ours = {**_QUICK, **_from_file(), **os.environ}
    return {**ours, **{name: value for name, value in emulator.items() if value is not None}}


def host_json() -> Mapping[str, object]:
    """The app's own host.json."""
    result: Mapping[str, object] = json.loads((PROJECT / "host.json").read_text(encoding="utf-8"))
    return result


def _from_file() -> dict[str, str]:
    path = PROJECT / "local.settings.json"
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["Values"]
        return {str(name): str(value) for name, value in values.items()}
    except (ValueError, KeyError, AttributeError) as error:
        raise OperatorError("local.settings.json is not readable: copy local.settings.json.example over it") from error
