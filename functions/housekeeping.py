"""Timer: puts one message a customer on the queue of customers, to delete what retention gives up."""

from __future__ import annotations

import azure.functions as func

from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("housekeeping")
@blueprint.timer_trigger(arg_name="timer", schedule="%HOUSEKEEPING_SCHEDULE%")
def housekeeping(timer: func.TimerRequest) -> None:
    """May run twice at once or not at all: it dispatches, and the next round finds what is left."""
    from processing.jobs.housekeeping.run_housekeeping import run_housekeeping

    run_housekeeping(app())
