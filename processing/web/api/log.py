"""`POST /v1/log_*`: rows are checked as those of an upload, and answered once the journal has them (contract section 7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query

from processing.domain.api_keys import Scope
from processing.domain.datasets import Dataset
from processing.domain.receipts import MASKED
from processing.domain.request_claims import LONGEST_KEY
from processing.jobs.journal.append_once import (
    KeyedRows,
    KeyReusedError,
    RequestInHandError,
    answer_once,
    append_once,
    known_answer,
)
from processing.web.access import Caller, requires
from processing.web.api.models import LogEvents, LogExposures, Logged, LogMetrics
from processing.web.api.routes import accepts_json, common_responses
from processing.web.api.rows import Lines, Sending, lines_of
from processing.web.bodies import Body, read_body
from processing.web.limits import MOST_ROWS
from processing.web.masks import masks_in
from processing.web.problems import RETRY_SECONDS, FieldError, Refused, field_error
from schemas.customer_config import CustomerConfig

router = APIRouter(tags=["rows"])

_MOST_LINES = 2 * MOST_ROWS
Sender = Annotated[Caller, Depends(requires(Scope.LOG))]
SentBody = Annotated[Body, Depends(read_body)]
Partial = Annotated[
    bool, Query(description="keep the good rows of a request that has bad ones, and answer 200 with `failed_records`")
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="your own name for the request: sent again within a day it is answered as before, and kept once",
        min_length=1,
        max_length=LONGEST_KEY,
        pattern="^[\\x21-\\x7e]+$",
        examples=["7f1c2b9e-order-4711"],
    ),
]
_RESPONSES = common_responses(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@router.post(
    "/log_custom_metric", responses=_RESPONSES, openapi_extra=accepts_json(LogMetrics), response_model_exclude_unset=True
)
def log_custom_metric(caller: Sender, body: SentBody, *, partial: Partial = False, key: Key = None) -> Logged:
    """Send values of metrics."""
    return _answered(caller, Dataset.METRICS, body, partial=partial, key=key)


@router.post("/log_event", responses=_RESPONSES, openapi_extra=accepts_json(LogEvents), response_model_exclude_unset=True)
def log_event(caller: Sender, body: SentBody, *, partial: Partial = False, key: Key = None) -> Logged:
    """Send events, in our form or in Statsig's."""
    return _answered(caller, Dataset.EVENTS, body, partial=partial, key=key)


@router.post(
    "/log_custom_exposure", responses=_RESPONSES, openapi_extra=accepts_json(LogExposures), response_model_exclude_unset=True
)
def log_custom_exposure(caller: Sender, body: SentBody, *, partial: Partial = False, key: Key = None) -> Logged:
    """Send exposures, in our form or in Statsig's."""
    return _answered(caller, Dataset.EXPOSURES, body, partial=partial, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Once:
    """A request that its caller may send again."""

    key: str
    fingerprint: str


def _answered(caller: Caller, dataset: Dataset, body: Body, *, partial: bool, key: str | None) -> Logged:
    """The answer: that of the first time, for a request that comes again under its key."""
    if key is None:
        return _log(caller, dataset, body, partial=partial, once=None)
    asked = hashlib.sha256(f"{dataset} {partial} ".encode() + body.unpacked()).hexdigest()
    try:
        known = known_answer(caller.services.context, caller.customer, key, asked)
        if known is not None:
            return Logged.model_validate_json(known)
        return _log(caller, dataset, body, partial=partial, once=_Once(key=key, fingerprint=asked))
    except RequestInHandError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error), retry_after=RETRY_SECONDS) from None
    except KeyReusedError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from None


def _log(caller: Caller, dataset: Dataset, body: Body, *, partial: bool, once: _Once | None) -> Logged:
    services = caller.services
    tree = body.json()
    config = services.config_of(caller.customer).config
    hides = bool(config.mask_values)
    rows, is_test = _rows(tree, dataset, hides=hides)
    services.fair_use.take_rows(caller.customer, len(rows), config.limits)
    sending = Sending(now=services.now(), zone=services.context.zone, user=_user(tree, hides=hides), is_test=is_test)
    found = lines_of(rows, dataset, sending)
    if len(found.lines) > _MOST_LINES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the users of these rows have too many ids: send fewer rows")
    bad = _bad_rows(caller, dataset, found, sending, config) if found.lines else []
    unreadable = [_masked(error) for error in found.errors] if hides else found.errors
    errors = sorted([*unreadable, *bad], key=lambda error: error.index or 0)
    if errors and not partial:
        count = len({error.index for error in errors})
        what = "1 row is" if count == 1 else f"{count:,} rows are"
        raise Refused(
            HTTPStatus.BAD_REQUEST, f"{what} not accepted, so that none was kept: fix them, or send partial=true", errors
        )
    refused = {error.index for error in errors}
    kept = [line for line, owner in zip(found.lines, found.owners, strict=True) if owner not in refused]
    # The columns of exposures have no mark for tests, so that nothing of these may stay.
    answer = Logged(success=True, failed_records=errors) if partial else Logged(success=True)
    is_kept = not (is_test and dataset is Dataset.EXPOSURES)
    return _kept(caller, dataset, b"".join(line + b"\n" for line in kept if is_kept), answer, once)


def _kept(caller: Caller, dataset: Dataset, rows: bytes, answer: Logged, once: _Once | None) -> Logged:
    """The answer once the rows are durable, of which there may be none."""
    services = caller.services
    if once is None:
        if rows:
            services.journal.append(caller.customer, dataset, rows)
        return answer
    request = KeyedRows(
        customer=caller.customer,
        dataset=dataset,
        rows=rows,
        key=once.key,
        fingerprint=once.fingerprint,
        answer=answer.model_dump_json(exclude_unset=True),
    )
    answered = append_once(services.context, services.journal, request) if rows else answer_once(services.context, request)
    return Logged.model_validate_json(answered)


def _rows(tree: Any, key: Dataset, *, hides: bool) -> tuple[list[Any], bool]:
    if not isinstance(tree, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, f'the body is no object: send {{"{key}": [...]}}')
    rows, is_test = tree.get(key), tree.get("isTest", False)
    if not isinstance(rows, list) or not rows:
        error = _of_body("write a list of rows here", key.value, rows, hides=hides)
        raise Refused(HTTPStatus.BAD_REQUEST, f'the body has no rows: send {{"{key}": [...]}}', [error])
    if not isinstance(is_test, bool):
        error = _of_body("true or false", "isTest", is_test, hides=hides)
        raise Refused(HTTPStatus.BAD_REQUEST, "isTest is true or false", [error])
    if len(rows) > MOST_ROWS:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{len(rows):,} rows are more than {MOST_ROWS:,}: send several requests"
        )
    return rows, is_test


def _user(tree: dict[str, Any], *, hides: bool) -> Any:
    user = tree.get("user")
    if user is not None and not isinstance(user, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "user is an object", [_of_body("an object", "user", user, hides=hides)])
    return user


def _of_body(message: str, field: str, value: Any, *, hides: bool) -> FieldError:
    """What is wrong with a body: where anything is masked, nobody knows what stands in a place that is not as it must be."""
    error = field_error(message, field=field, value=value)
    return _masked(error) if hides else error


def _masked(error: FieldError) -> FieldError:
    return error if error.value is None else error.model_copy(update={"value": MASKED})


def _bad_rows(caller: Caller, dataset: Dataset, found: Lines, sending: Sending, config: CustomerConfig) -> list[FieldError]:
    bad = caller.services.checks.check(caller.customer, dataset, found.lines, config=config, now=sending.now)
    masks = masks_in(config) if bad and config.mask_values else None
    errors: dict[tuple[Any, ...], FieldError] = {}
    for line, reasons in sorted(bad.items()):
        index = found.owners[line]
        for reason in reasons:
            name = found.names[index].get(reason.column, reason.column) if reason.column is not None else None
            error = field_error(reason.message, index=index, field=name, value=reason.value)
            if masks is not None and masks.hides_field(dataset, reason.column, name):
                error = _masked(error)
            errors[index, name, error.value, reason.message] = error
    return list(errors.values())
