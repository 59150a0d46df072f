"""What `select` and `where` of a config may say, printed from the allow-list."""

from __future__ import annotations

from typing import Final

from processing.cli.pages.markdown import table
from processing.ingest.expressions.allow_list import FORMS
from processing.ingest.expressions.compiler import DEEPEST, LONGEST, MOST_NODES
from processing.ingest.expressions.translation import LONGEST_PATTERN

_INTRODUCTION: Final = f"""# Expressions of a config

Printed from the allow-list by `make docs`; a change belongs there. `datasets.<name>.select` computes a contract column and
`datasets.<name>.where` keeps the rows of which it is true (contract section 9): one SQL expression over the upload's
columns, row by row. What is not on this page is refused when the config is loaded, with its place.

- A column is written as its name; in double quotes where it holds anything but letters, digits and `_`: `"Unit ID"`.
- A path leads into a column of JSON objects or arrays, or of Parquet structs or lists: `properties.plan`, `items[0].price`,
  `properties['a name']`; places count from 0. What it reaches is text as well: of a string its text, of a number, `true` and
  `false` what is written, of an object or array its JSON. What is not there has no value.
- Columns of text formats are text. Where a number is needed text is read as one; what does not fit gives no value, and
  never an error.
- At most {LONGEST:,} characters, {MOST_NODES} parts, {DEEPEST} levels; patterns at most {LONGEST_PATTERN} characters.

`amount`, `name` and `day` in the examples are columns of the upload.

"""


def expressions_page() -> str:
    """The page, Markdown."""
    rows = ([f"`{form.written}`", form.meaning, f"`{form.example}`"] for form in FORMS)
    return _INTRODUCTION + table(["form", "value", "example"], rows)
