"""Timer: finds the streams with a day to do and puts one message a stream on the work queue."""

from __future__ import annotations

import azure.functions as func

from processing.wiring import app

blueprint = func.Blueprint()


@blueprint.function_name("daytimer")
@blueprint.timer_trigger(arg_name="timer", schedule="%DAY_TIMER_SCHEDULE%")
def day_timer(timer: func.TimerRequest) -> None:
    """May run twice at once or late: it dispatches, and the work itself is fenced."""
    from processing.jobs.days.advance_days import advance_days

    advance_days(app())
