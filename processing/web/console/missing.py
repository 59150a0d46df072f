"""Why is my number missing? Where a row is, by its metric or event, its unit and its day (contract section 12)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from processing.domain.datasets import Dataset
from processing.domain.days import parse_day
from processing.views.catalogue import DATASETS
from processing.views.log_rows import masked
from processing.views.trace import Outcome, Question, Trace, trace
from processing.web.console.addresses import address
from processing.web.console.masks import masks_of
from processing.web.console.pages import render
from processing.web.console.states import Look, look_of_day
from processing.web.console.visits import Visit
from processing.web.masks import Masks
from processing.web.problems import Refused

MISSING: Final = address("missing")
_LONGEST_NAME: Final = 127
_LONGEST_ID: Final = 512
OUTCOMES: Final = {
    Outcome.COUNTS: Look("\u25cf", "counts", "good", "it is in the published day"),
    Outcome.LEAVING: Look(
        "\u25b2",
        "counts until then",
        "wait",
        "it is in the published day until that is processed again: its file has another version in force, or was withdrawn",
    ),
    Outcome.NO_VALUE: Look(
        "\u25cb",
        "no value",
        "calm",
        "its metric is a ratio in the published day, and the row carries no ratio",
    ),
    Outcome.STAGED: Look("\u25d1", "staged", "wait", "it is in, and its day is not published yet"),
    Outcome.JOINED_LATER: Look(
        "\u25b2", "came later", "wait", "it came after the day was published: it counts once the day is processed again"
    ),
    Outcome.SUPERSEDED: Look(
        "\u25cb",
        "superseded",
        "calm",
        "another row counts in its place: a later one of the same unit, id type, metric and day, or the same event before it",
    ),
    Outcome.REPLACED: Look("\u25cb", "replaced", "calm", "another version of its file is in force, or the file was withdrawn"),
    Outcome.TEST: Look("\u25cb", "test", "calm", "test rows never enter results"),
}
"""What became of a row, and what that means."""


def show_missing(visit: Visit) -> Response:
    """The form, and the answer once it is filled in."""
    given = {name: visit.text(name) for name in ("dataset", "name", "unit_id", "id_type", "day")}
    asked = _question(given) if given["name"] or given["unit_id"] or given["day"] else None
    found = trace(visit.services.context, visit.customer, asked) if asked is not None else None
    masks = masks_of(visit)
    return render(
        "missing.html",
        customer=visit.customer,
        here=MISSING,
        given=given,
        datasets=DATASETS,
        asked=asked,
        found=found,
        rows=[] if found is None else [_row(each, masks) for each in found.rows],
        answer=_answer(found, asked) if found is not None and asked is not None else None,
        looks=list(OUTCOMES.values()),
        day_look=None if found is None or found.day is None else look_of_day(found.day.status.state),
        hides_ids=any(map(masks.hides, ("unit_id", "user", "metric_name", "event_name"))),
    )


def _question(given: dict[str, str | None]) -> Question:
    dataset, name, unit, day = (given[key] for key in ("dataset", "name", "unit_id", "day"))
    parsed = parse_day(day or "")
    if dataset not in (None, *DATASETS) or not name or not unit or parsed is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "name a metric or an event, an id, and a day as YYYY-MM-DD")
    if len(name) > _LONGEST_NAME or len(unit) > _LONGEST_ID:
        raise Refused(HTTPStatus.BAD_REQUEST, "no name and no id is as long")
    return Question(dataset=Dataset(dataset or Dataset.METRICS), name=name, unit_id=unit, day=parsed, id_type=given["id_type"])


def _row(traced: Any, masks: Masks) -> dict[str, Any]:
    return {**masked(traced.row, masks.columns[traced.row.dataset]), "traced": traced, "look": OUTCOMES[traced.outcome]}


def _answer(found: Trace, asked: Question) -> str:
    """The whole in a sentence, the most hopeful thing first."""
    here = [each for each in found.rows if each.day == asked.day]
    outcomes = {each.outcome for each in here}
    for outcome, answer in (
        (Outcome.COUNTS, "It is there: a row of it counts in the published day."),
        (
            Outcome.LEAVING,
            "It counts in the published day, and leaves it once the day is processed again: its file was replaced.",
        ),
        (Outcome.STAGED, "It is in, and waits for its day to be published."),
        (Outcome.JOINED_LATER, "It came after the day was published, and counts once the day is processed again."),
        (
            Outcome.NO_VALUE,
            "It is in the published day without a value: the metric is a ratio there, and the row is none.",
        ),
        (Outcome.TEST, "It is marked as a test, and test rows never enter results."),
        (Outcome.REPLACED, "It was in a version of its file that is not in force any more."),
    ):
        if outcome in outcomes:
            return answer
    if found.rows:
        days = ", ".join(sorted({each.day.isoformat() for each in found.rows}))
        return f"It is in, and belongs to another day: {days}."
    if found.uploads.rejected:
        return "It was rejected: the reasons stand below."
    if found.uploads.unanswered:
        return "It was not found, and some files are not read yet."
    if found.is_closed:
        return "The rows of this day are kept no longer: only its results are, in the table of its metric."
    if found.parts_left or found.uploads.left:
        return "It was not found in what was looked at, which is not everything."
    if found.uploads.refused:
        return "It was not found. Some files were refused whole, and nothing of them is in."
    return "It was not found: no file that came has such a row. Look at the spelling, the id type and the day."
