"""The ids that an event's `user` names: userID, and each entry of customIDs (contract section 4).

Numbers are taken as their text, in the same way as numbers of NDJSON: without exponent or needless zeros.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import polars as pl

from processing.tables.json_objects import CUSTOM_IDS, USER_ID

USER_ID_TYPE: Final = "user_id"
"""The id type of userID."""
_SCHEMA: Final = {"user": pl.String, "is_user_id": pl.Boolean, "id_type": pl.String, "unit_id": pl.String}
_PLAIN: Final = r'^\{"userID":"([^"\\]+)"(?:,"customIDs":\{"([^"\\]+)":"([^"\\]+)"\})?\}$'


def find_ids(users: pl.Series) -> pl.DataFrame:
    """The ids of each different user, given as the compact JSON text that ingest stages.

    One row for each id: `user` (String, the text), `is_user_id` (Boolean, whether it is the userID), `id_type` and
    `unit_id` (String). An empty id, and one that is neither text nor a number, names nobody.
    """
    texts = users.drop_nulls().unique().alias("user").to_frame()
    # Most users are a plain id, with another or without; only the rest costs a parser.
    fields = texts.with_columns(
        pl.col("user").str.extract_groups(_PLAIN).struct.rename_fields(["one", "type", "other"]).struct.unnest()
    )
    plain = fields.filter(pl.col("one").is_not_null())
    parsed = [row for text in fields.filter(pl.col("one").is_null()).get_column("user") for row in _ids(text)]
    return pl.concat(
        [
            plain.select("user", is_user_id=pl.lit(True), id_type=pl.lit(USER_ID_TYPE), unit_id="one"),
            plain.filter(pl.col("other").is_not_null()).select(
                "user", is_user_id=pl.lit(False), id_type="type", unit_id="other"
            ),
            pl.DataFrame(parsed, schema=_SCHEMA, orient="row"),
        ]
    )


def _ids(text: str) -> Iterator[tuple[str, bool, str, str]]:
    user: dict[str, Any] = json.loads(text)
    if (found := _id(user.get(USER_ID))) is not None:
        yield text, True, USER_ID_TYPE, found
    custom = user.get(CUSTOM_IDS)
    for kind, each in custom.items() if isinstance(custom, dict) else ():
        if (found := _id(each)) is not None:
            yield text, False, kind, found


def _id(value: object) -> str | None:
    match value:
        case bool():
            return None
        case int():
            return str(value)
        case float():
            digits = format(Decimal(repr(value)), "f")
            return digits.rstrip("0").rstrip(".") if "." in digits else digits
        case str():
            return value or None
    return None
