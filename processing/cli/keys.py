"""Commands for the keys of the HTTP doors: make one, list them, revoke one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from processing.cli.output import out
from processing.domain.api_keys import Scope
from processing.domain.errors import OperatorError
from processing.domain.printable import printable

if TYPE_CHECKING:
    from processing.domain.api_keys import ApiKey
    from processing.stored.context import JobContext


def scopes_of(text: str) -> tuple[Scope, ...]:
    """Scopes as they are written, with commas; OperatorError for any other text."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in list(Scope)]
    if wrong or not names:
        raise OperatorError(f"there is no scope {(wrong or [text])[0][:64]!r}: name some of {', '.join(Scope)}")
    return tuple(map(Scope, names))


def key_create(
    customer: str,
    *,
    scope: Annotated[
        str, typer.Option(help="What it is for, with commas: log (rows), mark (days), check (files), read (status).")
    ],
    name: Annotated[str, typer.Option(help="What you call it, such as the job that uses it.")] = "",
) -> None:
    """Make a key for the HTTP doors and print it, once."""
    from processing.cli.arguments import known_customer
    from processing.stored.keys import create_key

    context = _app()
    text, key = create_key(context, known_customer(context, customer), scopes_of(scope), name)
    sys.stdout.write(f"{text}\n")
    sys.stderr.write(f"this is key {key.id}, shown only now: hand it over on a safe way, it is kept nowhere\n")


def key_list(customer: str) -> None:
    """Print the keys of a customer: id, scopes, name, when made, last used and revoked. No key itself is kept."""
    from processing.cli.arguments import known_customer
    from processing.stored.keys import list_keys

    context = _app()
    for key in list_keys(context, known_customer(context, customer)):
        out().line(_told(key), wrap=False)


def key_revoke(customer: str, key: Annotated[str, typer.Argument(help="Its id, as key list prints it.")]) -> None:
    """Have a key open nothing any more, within a minute."""
    from processing.cli.arguments import known_customer
    from processing.stored.keys import revoke_key

    context = _app()
    revoked = revoke_key(context, known_customer(context, customer), key)
    out().line(f"{revoked.id} opens nothing any more after a minute at the latest")


def _told(key: ApiKey) -> str:
    used = "never used" if key.last_used is None else f"last used {key.last_used}"
    state = "" if key.revoked is None else f", revoked {key.revoked:%Y-%m-%d %H:%M}"
    name = f" ({printable(key.name)})" if key.name else ""
    return f"{key.id} {','.join(key.scopes)}{name}: made {key.created:%Y-%m-%d}, {used}{state}"


def _app() -> JobContext:
    from processing.settings import load_settings
    from processing.wiring import build_app

    return build_app(load_settings())
