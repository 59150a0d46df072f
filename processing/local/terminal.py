"""What people read on a terminal: every text is printed as it is, but for what could play with the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from processing.domain.printable import printable


@dataclass(frozen=True, slots=True)
class Terminal:
    """Prints lines and tables; no text is read as markup, and no control character of it reaches the terminal."""

    console: Console

    def line(self, text: str = "", *, style: str = "", wrap: bool = True) -> None:
        """Print one line; `wrap` folds what is wider than the terminal."""
        self.console.print(_text(text, style), soft_wrap=not wrap)

    def table(self, table: PlainTable) -> None:
        """Print a table."""
        rich = Table(
            title=_text(table.title, "bold") if table.title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
        )
        for heading in table.headings:
            is_number = heading in table.numbers
            rich.add_column(_text(heading), justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
        for section in table.sections:
            rich.add_section()
            for row in section:
                rich.add_row(*map(_text, row))
        self.console.print(rich)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTable:
    """Cells below headings."""

    headings: Sequence[str]
    sections: Iterable[Iterable[Sequence[str]]]
    """Rows, with a line between each section and the next."""
    title: str = ""
    numbers: frozenset[str] = frozenset()
    """Headings of the columns that are aligned as numbers."""


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)
