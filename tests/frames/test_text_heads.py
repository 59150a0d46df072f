"""Texts are found by how they begin and how long they are, wherever the engine keeps the rest of them."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from processing.frames.text_heads import Kinds, TextHeads

TEXTS = st.lists(st.none() | st.text(max_size=3) | st.text(min_size=10, max_size=80) | st.sampled_from(["null", "7", "{}"]))
NULL, NUMBER = Kinds.of(["null", "Äpfel"]), Kinds.beginning(*b"0123456789")


def may_be(text: str, kinds: Kinds) -> bool:
    data = text.encode()
    return bool(data) and bool(kinds.flags[min(len(data), 63), data[0]])


@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(0, 5))
def test_every_text_of_a_kind_is_found(chunks: list[list[str | None]], start: int) -> None:
    texts = pl.concat([pl.Series(chunk, dtype=pl.String) for chunk in chunks], rechunk=False).slice(start)
    heads = TextHeads(texts)
    for kinds in (NULL, NUMBER, NULL | NUMBER):
        wanted = [place for place, text in enumerate(texts) if text is not None and may_be(text, kinds)]
        found = [place for place in heads.places(kinds) if texts[place] is not None]
        assert found == wanted
        assert heads.any(kinds) or not wanted


def test_what_is_none_of_a_kind_is_seen_without_a_look_at_each() -> None:
    heads = TextHeads(pl.Series(["user-1", "nully", "", "x" * 1_000]))
    assert not heads.any(NULL | NUMBER)
    assert heads.places(NULL | NUMBER).is_empty()
