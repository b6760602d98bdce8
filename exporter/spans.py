"""Neutral spans, and the checks that make one encoding of OTLP give the same spans as the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from exporter.payload import InvalidPayload, Rejection

Scalar = str | bool | int | float
Attributes = Mapping[str, Scalar]

MAX_SPANS = 50_000
"""Of one request, wanted or not: a collector's largest batch is 8192 by default."""
MAX_ATTRIBUTES = 1_000
"""Of one span or resource; the SDKs stop at 128."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read of the spans of one scope.

    `attributes` and `resource` are kept when scalar; of `presence` only the fact that there is something, as True.
    """

    spans: frozenset[str]
    attributes: frozenset[str]
    presence: frozenset[str] = frozenset()
    resource: frozenset[str] = frozenset()


class Span(msgspec.Struct, frozen=True):
    """Ids in lower-case hex, `parent_id` empty at a root. Times are microseconds since the epoch.

    `position` counts the spans of the request from 0, also those that were not wanted.
    """

    position: int
    trace_id: str
    span_id: str
    parent_id: str
    scope: str
    name: str
    start_us: int
    end_us: int
    error: bool
    attributes: Attributes
    resource: Attributes


@dataclass(frozen=True, slots=True)
class Batch:
    """The wanted spans of one scope; `rejected` are those without an id or a time."""

    spans: tuple[Span, ...]
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Batches by scope name, and the number of spans whose scope is in no selection."""

    batches: Mapping[str, Batch]
    unknown_scope: int


class SpanRejected(Exception):
    """One span cannot be taken; the others can."""

    def __init__(self, field: str, error: str) -> None:
        super().__init__(error)
        self.field, self.error = field, error


class _Named(Protocol):
    @property
    def name(self) -> str | None: ...


_S = TypeVar("_S", bound=_Named)
_A = TypeVar("_A")


@dataclass(slots=True)
class Collector:
    """Sorts spans by scope while a request is walked."""

    selections: Mapping[str, Selection]
    spans: dict[str, list[Span]] = field(default_factory=dict)
    rejected: dict[str, list[Rejection]] = field(default_factory=dict)
    unknown_scope: int = 0
    seen: int = 0

    def scope(self, name: str, count: int) -> Selection | None:
        """The selection of a scope that brings `count` spans. Raises `InvalidPayload` over the bound."""
        if self.seen + count > MAX_SPANS:
            raise InvalidPayload(f"more than {MAX_SPANS} spans in one request")
        selection = self.selections.get(name)
        if selection is None:
            self.seen += count
            self.unknown_scope += count
        return selection

    def take(self, scope: str, spans: Iterable[_S], wanted: frozenset[str], read: Callable[[int, _S], Span]) -> None:
        """Read those spans of a scope whose name is wanted."""
        for span in spans:
            if span.name in wanted:
                try:
                    self.spans.setdefault(scope, []).append(read(self.seen, span))
                except SpanRejected as bad:
                    rejection = Rejection(self.seen, bad.field, bad.error, "invalid_span")
                    self.rejected.setdefault(scope, []).append(rejection)
            self.seen += 1

    def result(self) -> Decoded:
        scopes = self.spans.keys() | self.rejected.keys()
        batches = {s: Batch(tuple(self.spans.get(s, ())), tuple(self.rejected.get(s, ()))) for s in sorted(scopes)}
        return Decoded(batches, self.unknown_scope)


def checked_id(raw: bytes, size: int, name: str) -> str:
    if len(raw) != size or not any(raw):
        raise SpanRejected(name, f"is not {size} bytes, not all zero")
    return raw.hex()


def parent_id(raw: bytes) -> str:
    """Some SDKs write the missing parent of a root as zeros."""
    return checked_id(raw, 8, "parentSpanId") if any(raw) else ""


def microseconds(nanoseconds: int, name: str) -> int:
    if nanoseconds == 0:
        raise SpanRejected(name, "is missing")
    return (nanoseconds + 500) // 1000


def ended(started: int, ended: int) -> int:
    if ended < started:
        raise SpanRejected("endTimeUnixNano", "is before startTimeUnixNano")
    return microseconds(ended, "endTimeUnixNano")


def of_resource(
    read: Callable[[Sequence[_A], frozenset[str]], Attributes], attributes: Sequence[_A], wanted: frozenset[str]
) -> Attributes:
    try:
        return read(attributes, wanted)
    except SpanRejected as bad:
        raise InvalidPayload(f"resource: {bad.field} {bad.error}") from None


def bound_attributes(count: int) -> None:
    if count > MAX_ATTRIBUTES:
        raise SpanRejected("attributes", f"are more than {MAX_ATTRIBUTES}")
