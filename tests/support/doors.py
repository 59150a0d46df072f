"""Opens doors of the app as the Functions host does: the registered function, with what its trigger delivers.

`python -m tests.support.doors NAME BODY` opens one door in a process of its own, which can be killed.
"""

from __future__ import annotations

import sys
import threading

import azure.functions as func
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest

from processing.local.host.doors import QUEUE, doors_of

_lock = threading.Lock()


def open_door(name: str, body: str = "") -> None:
    """Call the function `name` of the app with a message, or with a timer's tick."""
    # Nothing runs by itself here: any time will do.
    settings = dict.fromkeys(("SWEEP_SCHEDULE", "DAY_TIMER_SCHEDULE", "HOUSEKEEPING_SCHEDULE"), "0 */5 * * * *")
    with _lock:  # an app can be asked for its functions only once
        door = next(door for door in doors_of(_app(), settings) if door.name == name)
    door.call(QueueMessage(id="1", body=body.encode(), dequeue_count=1) if door.kind == QUEUE else TimerRequest())


def _app() -> func.FunctionApp:
    import function_app  # noqa: PLC0415 - a process that opens no door should not need one

    return function_app.app


if __name__ == "__main__":
    open_door(*sys.argv[1:])
