"""Timer: puts one message a customer on the queue of customers, to look for uploads that no event announced."""

from __future__ import annotations

import azure.functions as func

from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def sweep_uploads(timer: func.TimerRequest) -> None:
    """May run twice at once or not at all: it dispatches, and what is announced is safe to repeat."""
    from processing.jobs.uploads.sweep import sweep

    sweep(app())
