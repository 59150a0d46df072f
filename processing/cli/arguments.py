"""What a person may name on the command line, and the sentence that says why it cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.days import parse_day
from processing.domain.errors import OperatorError
from processing.domain.streams import Stream

if TYPE_CHECKING:
    from processing.stored.context import JobContext

_FIRST: Final = date(2000, 1, 1)
_AHEAD: Final = timedelta(days=366)
_SHOWN: Final = 64


def stream_dataset(text: str) -> Dataset:
    """The dataset of a stream; OperatorError for any other text."""
    if text in DATA_DATASETS:
        return Dataset(text)
    names = ", ".join(DATA_DATASETS)
    if text == Dataset.SIGNALS:
        raise OperatorError(f"signals is no stream, it holds the markers of all: name one of {names}")
    raise OperatorError(f"there is no dataset {text[:_SHOWN]!r}: name one of {names}")


def day_of(text: str) -> date:
    """A day as it is written; OperatorError for any other text."""
    day = parse_day(text)
    if day is None:
        raise OperatorError(f"{text[:_SHOWN]!r} is no day: write it as YYYY-MM-DD")
    return day


def instant(text: str) -> datetime:
    """A time in UTC, a day standing for its begin; OperatorError for any other text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text[:_SHOWN]!r} is no time: write it as 2026-11-18 or 2026-11-18T09:30:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def any_dataset(text: str) -> Dataset:
    """The same, or that of results, whose days follow those of the others."""
    return Dataset.EXPERIMENTS if text == Dataset.EXPERIMENTS else stream_dataset(text)


Day = Annotated[date, typer.Argument(metavar="DAY", parser=day_of, help="The day, YYYY-MM-DD.")]
StreamDataset = Annotated[
    Dataset, typer.Argument(metavar="DATASET", parser=stream_dataset, help="metrics, events or exposures.")
]
AnyDataset = Annotated[
    Dataset, typer.Argument(metavar="DATASET", parser=any_dataset, help="metrics, events, exposures or experiments.")
]
AnyStream = Annotated[
    Dataset | None,
    typer.Option("--dataset", metavar="DATASET", parser=any_dataset, help="One stream; all when none is named."),
]
OneStream = Annotated[
    Dataset | None,
    typer.Option("--dataset", metavar="DATASET", parser=stream_dataset, help="One stream; all when none is named."),
]
Since = Annotated[
    datetime | None,
    typer.Option("--since", metavar="TIME", parser=instant, help="Only uploads received at this time (UTC) or later."),
]


def expect_past(context: JobContext, day: date) -> None:
    """OperatorError for a day of which there cannot be rows by now."""
    _expect_between(context, day, ahead=timedelta(days=1))


def expect_near(context: JobContext, day: date) -> None:
    """OperatorError for a day with which no stream can be meant to begin."""
    _expect_between(context, day, ahead=_AHEAD)


def expect_over(context: JobContext, since: datetime) -> None:
    """OperatorError for a time at which nothing can have been received."""
    if since.date() < _FIRST or since > context.drop.service_time():
        raise OperatorError(f"nothing was received at {since:%Y-%m-%d %H:%M} UTC: name a time since {_FIRST} that is over")


def known_customer(context: JobContext, customer: str) -> str:
    """A customer that was added; OperatorError for any other text."""
    from processing.stored.customers import expect_customer

    expect_customer(context, customer)
    return customer


def known_stream(context: JobContext, customer: str, dataset: Dataset) -> Stream:
    """A stream that has begun, or has an upload that may begin it; OperatorError for any other."""
    from processing.stored.streams import is_known, streams_of

    known_customer(context, customer)
    stream = Stream(customer, dataset)
    if dataset is Dataset.EXPERIMENTS:
        if not is_known(context, stream):
            raise OperatorError(f"{customer} has no results yet: its config names no experiment, or no exposures are published")
        return stream
    if stream not in {stored.state.stream for stored in streams_of(context, customer)}:
        raise OperatorError(f"{customer} has no {dataset} yet: nothing was uploaded to {dataset}/ that could be taken")
    return stream


def _expect_between(context: JobContext, day: date, *, ahead: timedelta) -> None:
    last = context.zone.day_of(context.drop.service_time()) + ahead
    if not _FIRST <= day <= last:
        raise OperatorError(f"{day} cannot be meant: name a day from {_FIRST} to {last}")
