"""Timer: puts uploads that no event announced on the same queue."""

from __future__ import annotations

import azure.functions as func

from processing.jobs.uploads.sweep import sweep
from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def sweep_uploads(timer: func.TimerRequest) -> None:
    """May run twice at once or not at all: it announces, and answering is safe to repeat."""
    sweep(app())
