"""Structured logs: one canonical line a job, JSON for machines, colours on a terminal."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from processing.domain.printable import printable, printable_json

_QUIET = ("azure", "urllib3", "werkzeug", "msal")
_WORKER: Final = ("proxy_worker", "azure_functions_worker")
"""Modules of the worker's handlers: from Python 3.13 on, and before."""
_LONGEST: Final = 512
"""Characters of a value in a line; names of uploads may have 1,024, and receipts tell them whole."""


def configure_logs(style: Literal["json", "console"] = "json", level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every log, ours and the libraries', to `stream` (standard error unless given) in one style.

    In a worker of Azure Functions, where no stream is given, the worker's own handler has them: it tells the host the level and
    the invocation of each line, which the host could only guess of a line on standard error.

    The storage SDK writes two lines a request at INFO, so that libraries are heard from WARNING on. Tracebacks show
    code and no local values: those may hold a customer's data.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _short_values,
    ]
    last: list[Processor]
    if style == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_as_json)]
    else:
        last = [_printable_values, structlog.dev.ConsoleRenderer(exception_formatter=_plain_traceback)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    root = logging.getLogger()
    handlers = [] if stream else [each for each in root.handlers if type(each).__module__.startswith(_WORKER)]
    root.handlers = handlers or [logging.StreamHandler(stream or sys.stderr)]
    for handler in root.handlers:
        handler.setFormatter(formatter)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def no_logs() -> Iterator[None]:
    """Nobody logs inside: a command says itself what it has to say. Whoever has configured logs, before or inside, has them."""
    if structlog.is_configured():
        yield
        return
    structlog.configure(processors=[_drop], logger_factory=structlog.ReturnLoggerFactory())
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)  # or Python itself would write what libraries warn of
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.removeHandler(handler)


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _short_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Names and messages that customers wrote cannot fill the log."""
    return {key: printable(each, most=_LONGEST) if _is_long(each) else each for key, each in event.items()}


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > _LONGEST


def _printable_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Nor can they play with the terminal of whoever reads it."""
    return {key: printable(each) if isinstance(each, str) else each for key, each in event.items()}


def _as_json(event: object, **how: Any) -> str:
    # Letters of every script as they are: escaped, a name would be six times as long, and a log has its quota.
    return printable_json(json.dumps(event, ensure_ascii=False, **how))


def _plain_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    lines = io.StringIO()
    structlog.dev.plain_traceback(lines, exc_info)
    stream.write("\n".join(map(printable, lines.getvalue().splitlines())))
