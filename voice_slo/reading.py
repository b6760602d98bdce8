"""Nodes of an SLO file → typed values. A reader of a wrong node reports the problem and gives None."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from voice_slo import calendar_month, quantities, yaml_source
from voice_slo.diagnostics import MAX_PROBLEMS, Problem, VoiceSloError, nearest, shown, suggest
from voice_slo.quantities import QuantityError
from voice_slo.yaml_source import Invalid, Node, Scalar

T = TypeVar("T")
D = TypeVar("D")
W = TypeVar("W", bound=str)

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_TEXT = 200
LOCAL_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?"
ZONE = r"(Z|[+-]\d\d:\d\d)"
_TIMESTAMP = re.compile(f"{LOCAL_TIME}{ZONE}?", re.ASCII)


class TooManyProblems(VoiceSloError):
    """Ends the reading of a file; the report has the problems up to here."""


@dataclass(slots=True)
class Report:
    """The problems found so far in one file."""

    path: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) == MAX_PROBLEMS:
            text = f"{MAX_PROBLEMS} problems so far; the rest of the file is not checked"
            self.problems.append(Problem(self.path, problem.line, problem.column, "", text))
            raise TooManyProblems


@dataclass(frozen=True, slots=True)
class At:
    """A node and where it stands. What is said about an `Invalid` node is dropped: it was reported before."""

    node: Node
    field: str
    report: Report

    def error(self, message: str) -> None:
        self._say(message, "error")

    def warn(self, message: str) -> None:
        self._say(message, "warning")

    def child(self, node: Node, name: str) -> At:
        return At(node, f"{self.field}.{name}" if self.field else name, self.report)

    def _say(self, message: str, severity: Literal["error", "warning"]) -> None:
        if not isinstance(self.node, Invalid):
            problem = Problem(self.report.path, self.node.line, self.node.column, self.field, message, severity)
            self.report.add(problem)


def found(node: Node) -> str:
    """What stands there, for a message."""
    match node:
        case Scalar(text, "text"):
            return f'"{shown(text)}"'
        case Scalar(_, "null"):
            return "nothing"
        case Scalar(text):
            return shown(text)
        case yaml_source.Sequence():
            return "a list"
        case _:
            return "a mapping"


def pairs(at: At) -> list[tuple[At, At]] | None:
    """(key, value) of a mapping with free keys; both carry the field of the value."""
    if not isinstance(at.node, yaml_source.Mapping):
        at.error(f"has to be a mapping, found {found(at.node)}")
        return None
    return [(at.child(key, shown(key.text)), at.child(value, shown(key.text))) for key, value in at.node.entries]


def key_text(key: At) -> str:
    assert isinstance(key.node, Scalar)
    return key.node.text


def entries(at: At, allowed: Collection[str], required: Collection[str] = ()) -> dict[str, At]:
    """The values of a mapping with closed keys; unknown and missing keys are reported."""
    listed = pairs(at)
    if listed is None:
        return {}
    values: dict[str, At] = {}
    misspelt: set[str | None] = set()
    for key, value in listed:
        if key_text(key) in allowed:
            values[key_text(key)] = value
        else:
            key.error(f"unknown key; {suggest(key_text(key), allowed)}")
            misspelt.add(nearest(key_text(key), allowed))
    for name in required:
        if name not in values and name not in misspelt:
            at.error(f"{name} is missing")
    return values


def items(at: At, *, empty: bool = False) -> list[At] | None:
    """The items of a list."""
    if not isinstance(at.node, yaml_source.Sequence):
        at.error(f"has to be a list, found {found(at.node)}")
        return None
    if not at.node.items and not empty:
        at.error("is an empty list")
        return None
    return [At(item, f"{at.field}[{index}]", at.report) for index, item in enumerate(at.node.items)]


def zone(at: At) -> str | None:
    """The name of a time zone."""
    value = text(at)
    if value is None or calendar_month.is_zone(value):
        return value
    close = nearest(value, zoneinfo.available_timezones())
    hint = f"did you mean {close}?" if close else "write a name such as Europe/Berlin"
    at.error(f'"{shown(value)}" is not a time zone; {hint}')
    return None


def find(at: At, place: Iterable[str | int]) -> At | None:
    """What stands at a place below, by keys and indexes; None where nothing does."""
    for step in place:
        match at.node:
            case yaml_source.Mapping(entries=listed) if isinstance(step, str):
                inner = next((at.child(value, shown(key.text)) for key, value in listed if key.text == step), None)
            case yaml_source.Sequence(items=listed) if isinstance(step, int) and step < len(listed):
                inner = At(listed[step], f"{at.field}[{step}]", at.report)
            case _:
                inner = None
        if inner is None:
            return None
        at = inner
    return at


def every(at: At, read_one: Callable[[At], T | None], *, empty: bool = False) -> tuple[T, ...] | None:
    """The list with each item read; None as soon as one of them is wrong."""
    listed = items(at, empty=empty)
    if listed is None:
        return None
    values = [read_one(item) for item in listed]
    good = tuple(value for value in values if value is not None)
    return good if len(good) == len(values) else None


def distinct(at: At, read_one: Callable[[At], W | None], *, empty: bool = False) -> tuple[W, ...] | None:
    """A list of words of which none comes twice."""
    seen: set[str] = set()

    def once(item: At) -> W | None:
        value = read_one(item)
        if value is not None and value in seen:
            item.error(f"{shown(value)} is listed twice")
            return None
        seen.add(value or "")
        return value

    return every(at, once, empty=empty)


def read(values: Mapping[str, At], name: str, reader: Callable[[At], T | None], default: D) -> T | D:
    """The value of a key; the default where the key is absent or wrong (and reported)."""
    at = values.get(name)
    value = reader(at) if at is not None else None
    return default if value is None else value


def optional(values: Mapping[str, At], name: str, reader: Callable[[At], T]) -> T | None:
    """The value of a key; None where the key is absent or wrong (and reported)."""
    at = values.get(name)
    return None if at is None else reader(at)


def text(at: At) -> str | None:
    """One line of text, not empty."""
    node = at.node
    if not isinstance(node, Scalar) or node.kind != "text":
        quoting = f'; write "{shown(node.text)}"' if isinstance(node, Scalar) and node.kind != "null" else ""
        at.error(f"has to be text, found {found(node)}{quoting}")
        return None
    if not node.text.strip():
        at.error("is empty text")
    elif len(node.text) > LONGEST_TEXT:
        at.error(f"has {len(node.text)} characters, at most {LONGEST_TEXT} are allowed")
    elif node.text != node.text.strip() or not node.text.isprintable():
        at.error(f'"{shown(node.text)}" has to be one line without control characters or blanks around it')
    else:
        return node.text
    return None


def name(at: At) -> str | None:
    """The name of an agent or an SLO."""
    value = text(at)
    if value is None or NAME.fullmatch(value):
        return value
    at.error(f'"{shown(value)}" has to start with a-z and hold at most 63 of a-z, 0-9 and -')
    return None


def word(at: At) -> str | None:
    """A closed word such as a reason."""
    value = text(at)
    if value is None or WORD.fullmatch(value):
        return value
    at.error(f'"{shown(value)}" has to start with a-z and hold at most 63 of a-z, 0-9 and _')
    return None


def choice(words: Collection[W]) -> Callable[[At], W | None]:
    """A reader for one of `words`."""

    def chosen(at: At) -> W | None:
        node = at.node
        if not isinstance(node, Scalar) or node.kind != "text":
            at.error(f"has to be a word, found {found(node)}; {suggest('', words)}")
            return None
        for known in words:
            if known == node.text:
                return known
        at.error(f'unknown "{shown(node.text)}"; {suggest(node.text, words)}')
        return None

    return chosen


def boolean(at: At) -> bool | None:
    if isinstance(at.node, Scalar) and at.node.kind == "boolean":
        return at.node.text == "true"
    at.error(f"has to be true or false, found {found(at.node)}")
    return None


def integer(low: int, high: int) -> Callable[[At], int | None]:
    """A reader for whole numbers from `low` to `high`."""

    def whole(at: At) -> int | None:
        value = number(at)
        if value is not None and (value != int(value) or not low <= value <= high):
            at.error(f"{quantities.plain(value)} is not a whole number from {low} to {high}")
            return None
        return None if value is None else int(value)

    return whole


def number(at: At) -> Decimal | None:
    if isinstance(at.node, Scalar) and at.node.kind == "number":
        return _quantity(at, quantities.number)
    at.error(f"has to be a number, found {found(at.node)}")
    return None


def ratio(at: At) -> Decimal | None:
    return _quantity(at, quantities.ratio)


def duration(at: At) -> Decimal | None:
    return _quantity(at, quantities.duration)


def traffic(at: At) -> Decimal | None:
    """Events per second, above 0."""
    value = _quantity(at, quantities.traffic)
    if value == 0:
        at.error("has to be above 0; leave it out where the traffic is not known")
        return None
    return value


def seconds(low: int, high: int) -> Callable[[At], int | None]:
    """A reader for durations of whole seconds between two bounds."""

    def bounded(at: At) -> int | None:
        value = _quantity(at, quantities.whole_seconds)
        if value is not None and not low <= value <= high:
            span = f"{quantities.prometheus_duration(low)} to {quantities.prometheus_duration(high)}"
            at.error(f"{quantities.prometheus_duration(value)} is not within {span}")
            return None
        return value

    return bounded


def timestamp(at: At) -> datetime | None:
    """RFC 3339 with a zone, as UTC."""
    value = text(at)
    if value is None:
        return None
    match = _TIMESTAMP.fullmatch(value)
    if match and not match[1]:
        at.error(f"{value} has no zone; write {value}Z for UTC, or {value}+01:00")
        return None
    try:
        if match:
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    at.error(f'"{shown(value)}" is not a time such as 2026-11-02T10:00:00Z')
    return None


def url(at: At) -> str | None:
    """An absolute http(s) address."""
    value = text(at)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if good and " " not in value:
        return value
    at.error(f'"{shown(value)}" is not an absolute URL such as https://runbooks.example.com/')
    return None


def _quantity(at: At, parse: Callable[[str], T]) -> T | None:
    node = at.node
    if not isinstance(node, Scalar) or node.kind in ("boolean", "null"):
        at.error(f"has to be one value, found {found(node)}")
        return None
    try:
        return parse(node.text)
    except QuantityError as error:
        at.error(str(error))
        return None
