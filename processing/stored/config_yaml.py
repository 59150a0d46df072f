"""YAML as plain Python, with bounds: mappings, lists and text, and nothing else that YAML can do.

Scalars stay the text that was written (`no`, `12:30` and `1e3` mean themselves); whoever knows the keys gives them their
types. Refused are keys that stand twice, anchors, tags, several documents, and nesting that no config has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

LARGEST: Final = 256 * 1024
"""Bytes."""
_DEEPEST: Final = 16
_PLAIN_TAGS: Final = (None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")))
"""None is a value without a tag."""
_HALF_A_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_NULLS: Final = ("", "~", "null")

Path = tuple[str | int, ...]
Tree = str | list["Tree"] | dict[str, "Tree"] | None


class YamlRefused(ValueError):
    """The text is no YAML, or more than a config may be; the message says what and on which line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML document."""

    tree: Tree
    lines: dict[Path, int]
    """The line on which the value at each path begins, from 1."""


def read_yaml(data: bytes) -> Document:
    """Parse one document; YamlRefused for anything else."""
    if len(data) > LARGEST:
        raise YamlRefused(f"the file has {len(data):,} bytes, more than {LARGEST:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlRefused("the file is not UTF-8") from error
    try:
        return _Builder(yaml.parse(text, Loader=yaml.BaseLoader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlRefused(f"{_line(mark)}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise YamlRefused("the file holds a character that YAML does not take") from error
    except (ValueError, OverflowError) as error:
        # Escapes such as "\\Uffffffff" name no character.
        raise YamlRefused(str(error) if isinstance(error, YamlRefused) else "the file holds a broken escape") from error


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds a document of the parser's events, one at a time, so that nothing is built beyond the bounds."""

    events: Iterator[yaml.Event]
    lines: dict[Path, int] = field(default_factory=dict)

    def document(self) -> Document:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                tree = self._value(next(self.events), ())
                break
        else:
            return Document(tree=None, lines={})
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                raise YamlRefused(f"{_line(event.start_mark)}but found another document")
        return Document(tree=tree, lines=self.lines)

    def _value(self, event: Any, path: Path) -> Tree:
        _expect_plain(event, len(path))
        self.lines[path] = event.start_mark.line + 1
        match event:
            case yaml.ScalarEvent():
                text = _text(event)
                return None if event.style is None and text in _NULLS else text
            case yaml.SequenceStartEvent():
                return [self._value(each, (*path, index)) for index, each in enumerate(self._until(yaml.SequenceEndEvent))]
            case _:
                return self._mapping(path)

    def _mapping(self, path: Path) -> Tree:
        found: dict[str, Tree] = {}
        for key in self._until(yaml.MappingEndEvent):
            _expect_plain(key, len(path) + 1)
            if not isinstance(key, yaml.ScalarEvent):
                raise YamlRefused(f"{_line(key.start_mark)}a key must be text")
            name = _text(key)
            if name in found:
                raise YamlRefused(f"{_line(key.start_mark)}the key {name[:64]!r} stands twice")
            found[name] = self._value(next(self.events), (*path, name))
        return found

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        """What begins in a collection: what is nested in it is taken by whoever is given its beginning."""
        for event in self.events:
            if isinstance(event, end):
                return
            yield event


def _expect_plain(event: Any, depth: int) -> None:
    """`event` begins a value or a key, or is an alias."""
    if event.anchor is not None:
        raise YamlRefused(f"{_line(event.start_mark)}anchors and aliases are not taken")
    if depth >= _DEEPEST:
        raise YamlRefused(f"{_line(event.start_mark)}the file is nested more than {_DEEPEST} levels deep")
    if event.tag not in _PLAIN_TAGS:
        raise YamlRefused(f"{_line(event.start_mark)}tags such as {event.tag[:64]} are not taken")


def _text(event: yaml.ScalarEvent) -> str:
    text = str(event.value)
    if _HALF_A_CHARACTER.search(text):
        raise YamlRefused(f"{_line(event.start_mark)}the file holds half a character, which no UTF-8 text can")
    return text


def _line(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}: "
