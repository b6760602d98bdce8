"""Bytes → a tree of nodes with positions: the strict part of YAML that SLO files are written in.

The tree is built from parser events, never by `yaml.compose`, which crashes the process on deep nesting.
Scalars keep their text: YAML 1.1 would read `10:30` as 630, `012` as 10 and `no` as false.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import yaml

from voice_slo.diagnostics import MAX_PROBLEMS, Problem, shown

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000

Kind = Literal["text", "number", "boolean", "null"]

_NOT_PRINTABLE = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BOOLEAN_LOOKALIKE = re.compile(r"true|false|yes|no|on|off|y|n", re.IGNORECASE)
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_NUMBER = re.compile(
    r"[-+]?(?:\.?\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|0x[\da-fA-F_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
"""What any YAML 1.1 or 1.2 reader takes for a number. Text that looks so has to be quoted."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """`kind` is what the text is, not what a field wants; only plain scalars are ever other than text."""

    text: str
    kind: Kind
    plain: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys are unique and text."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """Stands where something was already reported, so that it is not reported twice."""

    line: int
    column: int


Node = Scalar | Sequence | Mapping | Invalid


@dataclass(frozen=True, slots=True)
class Source:
    """A file's tree, or `root` None where the first problem hides all that follows it."""

    path: str
    root: Node | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Documents:
    """The trees of a file that may hold several documents; none where the first problem hides all that follows it."""

    path: str
    roots: tuple[Node, ...]
    problems: tuple[Problem, ...]


class _Events(Protocol):
    """The part of a PyYAML loader that is used here. Events are untyped in PyYAML's stubs."""

    def get_event(self) -> Any: ...
    def dispose(self) -> None: ...


class _Stop(Exception):
    """The first problem that makes the rest of the file unreadable."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line, self.column, self.message = line, column, message

    def problem(self, path: str) -> Problem:
        return Problem(path, self.line, self.column, "", self.message)


class _TooManyProblems(_Stop):
    pass


def parse(path: str, data: bytes, *, pure: bool = False) -> Source:
    """The tree of one file with what is wrong in its YAML. Never raises; `pure` avoids the C parser."""
    roots, problems = _read(path, data, pure, most=1)
    return Source(path, roots[0] if roots else None, problems)


def parse_documents(path: str, data: bytes) -> Documents:
    """Like `parse`, for files that may hold several documents; the limits are those of one file."""
    return Documents(path, *_read(path, data, pure=False, most=MAX_NODES))


def _read(path: str, data: bytes, pure: bool, most: int) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    builder: _Builder | None = None
    try:
        text = _decode(data)
        builder = _Builder(path, _loader(text, pure))
        return tuple(builder.documents(most)), tuple(builder.problems)
    except _TooManyProblems as stop:
        assert builder is not None
        return (), (*builder.problems, stop.problem(path))
    except _Stop as stop:
        problem = stop.problem(path)
    except yaml.MarkedYAMLError as error:
        problem = _syntax_problem(path, text, error)
    except yaml.reader.ReaderError as error:
        problem = Problem(path, *_position(text, error.position), "", f"is not YAML: {error.reason}")
    finally:
        if builder is not None:
            builder.events.dispose()
    return (), (problem,)


def _loader(text: str, pure: bool) -> _Events:
    loader: Any = yaml.SafeLoader if pure or not yaml.__with_libyaml__ else yaml.CSafeLoader
    return loader(text)  # type: ignore[no-any-return]


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _Stop(1, 1, f"the file has {len(data)} bytes; at most {MAX_BYTES} (1 MiB) are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "replace")
        raise _Stop(*_position(good, len(good)), f"byte 0x{data[error.start]:02x} is not UTF-8") from None
    odd = _NOT_PRINTABLE.search(text)
    if odd:
        raise _Stop(*_position(text, odd.start()), f"the character U+{ord(odd[0]):04X} is not allowed")
    return text


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax_problem(path: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    if line <= len(lines) and lines[line - 1][column - 1 : column] == "\t":
        return Problem(path, line, column, "", "a tab cannot indent here; use spaces")
    what = ", ".join(part for part in (error.problem, error.context) if part)
    return Problem(path, line, column, "", f"is not YAML: {what}")


class _Builder:
    """Reads the events of a file into nodes; `problems` are those that leave the rest readable."""

    def __init__(self, path: str, events: _Events) -> None:
        self.path, self.events = path, events
        self.problems: list[Problem] = []
        self.count = 0
        self.keys: list[str] = []

    def documents(self, most: int) -> list[Node]:
        self.events.get_event()
        roots: list[Node] = []
        while not isinstance(start := self.events.get_event(), yaml.StreamEndEvent):
            if len(roots) == most:
                raise _Stop(*_at(start), "a second document begins; a file holds one")
            if start.version or start.tags:
                raise _Stop(*_at(start), "YAML directives are not allowed")
            roots.append(self.node(self.events.get_event(), 1))
            self.events.get_event()
        if not roots:
            raise _Stop(1, 1, "the file is empty")
        return roots

    def node(self, event: Any, depth: int) -> Node:
        line, column = _at(event)
        self.count += 1
        if self.count > MAX_NODES:
            raise _Stop(line, column, f"more than {MAX_NODES} values in one file")
        if depth > MAX_DEPTH:
            raise _Stop(line, column, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self.problem(line, column, f"aliases (*{shown(str(event.anchor))}) are not allowed; write the value out")
            return Invalid(line, column)
        if event.anchor is not None:
            self.problem(line, column, f"anchors (&{shown(event.anchor)}) are not allowed")
        node = self.content(event, line, column, depth)
        if event.tag is not None:
            self.problem(line, column, f"tags ({shown(event.tag)}) are not allowed")
            return Invalid(line, column)
        return node

    def content(self, event: Any, line: int, column: int, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self.items(depth)), line, column)
        return Mapping(tuple(self.entries(depth)), line, column)

    def scalar(self, event: Any, line: int, column: int) -> Node:
        text: str = event.value
        if event.style:
            return Scalar(text, "text", False, line, column)
        if _BOOLEAN_LOOKALIKE.fullmatch(text) and text not in ("true", "false"):
            meant = "true" if text.lower() in ("true", "yes", "on", "y") else "false"
            self.problem(line, column, f'{text} is ambiguous; write {meant}, or "{text}" for the text')
            return Invalid(line, column)
        return Scalar(text, _kind(text), True, line, column)

    def items(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := self.events.get_event(), yaml.SequenceEndEvent):
            self.keys.append(f"[{len(items)}]")
            items.append(self.node(event, depth + 1))
            self.keys.pop()
        return items

    def entries(self, depth: int) -> list[tuple[Scalar, Node]]:
        entries: list[tuple[Scalar, Node]] = []
        first: dict[str, int] = {}
        while not isinstance(event := self.events.get_event(), yaml.MappingEndEvent):
            key = self.key(self.node(event, depth + 1))
            self.keys.append("." + shown(key.text) if key else ".?")
            value = self.node(self.events.get_event(), depth + 1)
            if key and key.text in first:
                self.problem(key.line, key.column, f"duplicate key; the first is in line {first[key.text]}")
            elif key:
                first[key.text] = key.line
                entries.append((key, value))
            self.keys.pop()
        return entries

    def key(self, node: Node) -> Scalar | None:
        if isinstance(node, Scalar) and node.kind == "text":
            return node
        if isinstance(node, Scalar):
            self.problem(node.line, node.column, f'the key "{shown(node.text)}" is not text; put it in quotes')
        elif not isinstance(node, Invalid):
            self.problem(node.line, node.column, "a key has to be text")
        return None

    def problem(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.path, line, column, "".join(self.keys).removeprefix("."), message))
        if len(self.problems) == MAX_PROBLEMS:
            raise _TooManyProblems(line, column, f"{MAX_PROBLEMS} problems so far; the rest of the file is not checked")


def _kind(text: str) -> Kind:
    if text in ("true", "false"):
        return "boolean"
    if text in _NULL:
        return "null"
    return "number" if _NUMBER.fullmatch(text) else "text"


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
