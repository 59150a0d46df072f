"""How a page is made: templates in which every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from processing.domain.printable import printable
from processing.web.console.addresses import HOME, SIGN_IN, address
from processing.web.console.figures import LONGEST_NAME, show_figure, show_name, show_size, show_span, show_time
from processing.web.console.static import static_address

NAVIGATION: Final = (
    (HOME, "Days"),
    (address("files"), "Files"),
    (address("log-stream"), "Log stream"),
    (address("metrics"), "Metrics"),
    (address("experiments"), "Experiments"),
    (address("missing"), "Why is my number missing?"),
)
"""Address and name of the pages that every page leads to."""


def render(template: str, *, status: HTTPStatus = HTTPStatus.OK, customer: str | None = None, **values: Any) -> Response:
    """A page; `customer` is who sees it, None for somebody who has not signed in."""
    text = _environment().get_template(template).render(customer=customer, **values)
    return Response(
        text.encode("utf-8", "replace"), status_code=status.value, media_type="text/html", headers={"Cache-Control": "no-store"}
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("processing.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _FILTERS
    environment.globals |= {
        "navigation": NAVIGATION,
        "home": HOME,
        "sign_in": SIGN_IN,
        "address": address,
        "static": static_address,
    }
    return environment


_FILTERS: Final[Mapping[str, Any]] = {
    "name": show_name,
    # Where no markup may stand, such as in a title.
    "plain": lambda text: printable(str(text), most=LONGEST_NAME),
    "time": show_time,
    "ago": show_span,
    "figure": show_figure,
    "size": show_size,
    "value": lambda value: show_figure(value) if isinstance(value, int | float) else show_name("-" if value is None else value),
    "word": lambda text: str(text).replace("_", " "),
}
