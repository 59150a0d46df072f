"""YAML as plain Python, with bounds: mappings, lists and text, and nothing else that YAML can do.

Scalars stay the text that was written (`no`, `12:30` and `1e3` mean themselves); whoever knows the keys gives them their
types. Refused are keys that stand twice, anchors, tags, several documents, and nesting that no config has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.nodes import Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

LARGEST: Final = 256 * 1024
"""Bytes."""
_DEEPEST: Final = 16
_PLAIN_TAGS: Final = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
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
    lines: dict[Path, int] = {}
    try:
        root = _Composer(text).get_single_node()
        return Document(tree=None if root is None else _plain(root, (), lines), lines=lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlRefused(f"{_line(mark)}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise YamlRefused("the file holds a character that YAML does not take") from error
    except (ValueError, OverflowError) as error:
        # Escapes such as "\\Uffffffff" name no character.
        raise YamlRefused(str(error) if isinstance(error, YamlRefused) else "the file holds a broken escape") from error


class _Composer(Reader, Scanner, Parser, Composer, BaseResolver):
    """Builds nodes one event at a time, so that nothing is built beyond the bounds."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlRefused(f"{_line(event.start_mark)}anchors and aliases are not taken")
        if self._depth >= _DEEPEST:
            raise YamlRefused(f"{_line(event.start_mark)}the file is nested more than {_DEEPEST} levels deep")
        self._depth += 1
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _plain(node: Node, path: Path, lines: dict[Path, int]) -> Tree:
    lines[path] = node.start_mark.line + 1
    if node.tag not in _PLAIN_TAGS:
        raise YamlRefused(f"{_line(node.start_mark)}tags such as {node.tag[:64]} are not taken")
    if isinstance(node, ScalarNode):
        text = _text(node)
        return None if node.style is None and text in _NULLS else text
    if isinstance(node, SequenceNode):
        return [_plain(each, (*path, index), lines) for index, each in enumerate(node.value)]
    found: dict[str, Tree] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode) or key.tag not in _PLAIN_TAGS:
            raise YamlRefused(f"{_line(key.start_mark)}a key must be text")
        name = _text(key)
        if name in found:
            raise YamlRefused(f"{_line(key.start_mark)}the key {name[:64]!r} stands twice")
        found[name] = _plain(value, (*path, name), lines)
    return found


def _text(node: ScalarNode) -> str:
    text = str(node.value)
    if _HALF_A_CHARACTER.search(text):
        raise YamlRefused(f"{_line(node.start_mark)}the file holds half a character, which no UTF-8 text can")
    return text


def _line(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}: "
