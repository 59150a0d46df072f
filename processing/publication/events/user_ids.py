"""The ids that an event's `user` names: userID, and each entry of customIDs (contract section 4).

Numbers are taken as their text, in the same way as numbers of NDJSON: without exponent or needless zeros.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import polars as pl

from processing.frames.json_objects import CUSTOM_IDS, USER_ID

USER: Final = "__user"
"""UInt32: a user's number instead of its text, which may be long and would be repeated for each of its ids."""
USER_ID_TYPE: Final = "user_id"
"""The id type of userID."""
_SCHEMA: Final = {USER: pl.UInt32, "is_user_id": pl.Boolean, "id_type": pl.String, "unit_id": pl.String}
_PAIR: Final = r'"[^"\\]*":"[^"\\]*"'
_PLAIN: Final = rf'^\{{(?:"{USER_ID}":"[^"\\]*",?)?(?:"{CUSTOM_IDS}":\{{{_PAIR}(?:,{_PAIR})*\}})?\}}$'
"""A userID, custom ids, or both, all of them text without escapes; of valid JSON."""
_BEGIN: Final = f'{{"{USER_ID}":'
_BETWEEN: Final = '":"'


def numbered_users(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The rows with USER, null where they have no `user`, and the different users by their numbers."""
    texts = rows.get_column("user")
    users = texts.drop_nulls().unique()
    return rows.with_columns(texts.cast(pl.Enum(users)).to_physical().cast(pl.UInt32).alias(USER)), users


def find_ids(users: pl.Series) -> pl.DataFrame:
    """The ids of different users, given as the compact JSON text that ingest stages.

    One row for each different id: USER (its place), `is_user_id` (Boolean, whether it is the userID), `id_type` and `unit_id`
    (String). An empty id, and one that is neither text nor a number, names nobody. The memory is in proportion to the text.
    """
    texts = users.alias("user").to_frame().with_row_index(USER)
    # Most users are plain; only the rest costs a parser.
    is_plain = texts.get_column("user").str.contains(_PLAIN)
    others = texts.filter(~is_plain)
    parsed = [(number, *each) for number, text in others.iter_rows() for each in _ids(text)]
    ids = pl.concat([_plain_ids(texts.filter(is_plain)), pl.DataFrame(parsed, schema=_SCHEMA, orient="row")])
    # A userID may stand among the custom ids once more; it comes first.
    may_be_twice = ids.select((~pl.col("is_user_id") & (pl.col("id_type") == USER_ID_TYPE)).any()).item()
    return ids.unique((USER, "id_type", "unit_id"), keep="first", maintain_order=True) if may_be_twice else ids


def _plain_ids(texts: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("user").str.starts_with(_BEGIN)
    pairs = texts.select(USER, first.alias("is_user_id"), pl.col("user").str.extract_all(_PAIR).alias("pair"))
    pair = pl.col("pair").str.split_exact(_BETWEEN, 1)
    return (
        pairs.explode("pair")
        .select(
            USER,
            # The userID stands first.
            pl.col("is_user_id") & pl.col(USER).is_first_distinct(),
            pair.struct.field("field_0").str.strip_prefix('"').alias("id_type"),
            pair.struct.field("field_1").str.strip_suffix('"').alias("unit_id"),
        )
        .filter(pl.col("unit_id") != "")
        .with_columns(id_type=pl.when("is_user_id").then(pl.lit(USER_ID_TYPE)).otherwise("id_type"))
        .select(list(_SCHEMA))
    )


def _ids(text: str) -> Iterator[tuple[bool, str, str]]:
    user: dict[str, Any] = json.loads(text)
    if (found := id_text(user.get(USER_ID))) is not None:
        yield True, USER_ID_TYPE, found
    custom = user.get(CUSTOM_IDS)
    for kind, each in custom.items() if isinstance(custom, dict) else ():
        if (found := id_text(each)) is not None:
            yield False, kind, found


def id_text(value: object) -> str | None:
    """The text of an id; None where it names nobody."""
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
