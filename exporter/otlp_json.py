"""OTLP traces in JSON, by hand: `json_format` reads the hexadecimal ids as base64 and corrupts them silently."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from exporter.payload import InvalidPayload
from exporter.spans import (
    Attributes,
    Collector,
    Decoded,
    Scalar,
    Selection,
    Span,
    SpanRejected,
    bound_attributes,
    checked_id,
    ended,
    microseconds,
    of_resource,
    parent_id,
)

_MAX_UINT64 = 2**64 - 1
_MAX_INT64 = 2**63


class _Value(msgspec.Struct):
    """An AnyValue as far as it is scalar; arrays and maps are skipped."""

    stringValue: str | None = None
    boolValue: bool | None = None
    intValue: int | str | None = None
    doubleValue: float | str | None = None


class _KeyValue(msgspec.Struct):
    """`value` stays undecoded until the key is known to be wanted."""

    key: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Status(msgspec.Struct):
    code: int | str | None = None


class _Resource(msgspec.Struct):
    attributes: list[_KeyValue] | None = None


class _Scope(msgspec.Struct):
    name: str | None = None


class _Span(msgspec.Struct):
    traceId: str | None = None
    spanId: str | None = None
    parentSpanId: str | None = None
    name: str | None = None
    startTimeUnixNano: int | str | None = None
    endTimeUnixNano: int | str | None = None
    attributes: list[_KeyValue] | None = None
    status: _Status | None = None


class _ScopeSpans(msgspec.Struct):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceSpans(msgspec.Struct):
    resource: _Resource | None = None
    scopeSpans: list[_ScopeSpans] | None = None


class _Request(msgspec.Struct):
    resourceSpans: list[_ResourceSpans] | None = None


_request_decoder = msgspec.json.Decoder(_Request)
_value_decoder: msgspec.json.Decoder[_Value | None] = msgspec.json.Decoder(_Value | None)
_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,5})?|NaN|-?Infinity", re.ASCII)


def decode(body: bytes, selections: Mapping[str, Selection]) -> Decoded:
    """Raises `InvalidPayload`."""
    try:
        request = _request_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InvalidPayload(f"not an OTLP ExportTraceServiceRequest in JSON: {_place(e)}") from None
    collector = Collector(selections)
    for resource_spans in request.resourceSpans or ():
        for scope_spans in resource_spans.scopeSpans or ():
            name = (scope_spans.scope.name if scope_spans.scope else None) or ""
            spans = scope_spans.spans or ()
            selection = collector.scope(name, len(spans))
            if selection is None:
                continue
            described = resource_spans.resource.attributes if resource_spans.resource else None
            resource = of_resource(_attributes, described or (), selection.resource)
            read = partial(_span, scope=name, selection=selection, resource=resource)
            collector.take(name, spans, selection.spans, read)
    return collector.result()


def _span(position: int, span: _Span, scope: str, selection: Selection, resource: Attributes) -> Span:
    started = _unsigned(span.startTimeUnixNano, "startTimeUnixNano")
    return Span(
        position=position,
        trace_id=checked_id(_from_hex(span.traceId, "traceId"), 16, "traceId"),
        span_id=checked_id(_from_hex(span.spanId, "spanId"), 8, "spanId"),
        parent_id=parent_id(_from_hex(span.parentSpanId, "parentSpanId")),
        scope=scope,
        name=span.name or "",
        start_us=microseconds(started, "startTimeUnixNano"),
        end_us=ended(started, _unsigned(span.endTimeUnixNano, "endTimeUnixNano")),
        error=span.status is not None and span.status.code in (Status.STATUS_CODE_ERROR, "2", "STATUS_CODE_ERROR"),
        attributes=_attributes(span.attributes or (), selection.attributes, selection.presence),
        resource=resource,
    )


def _attributes(
    attributes: Sequence[_KeyValue], wanted: frozenset[str], presence: frozenset[str] = frozenset()
) -> dict[str, Scalar]:
    bound_attributes(len(attributes))
    kept: dict[str, Scalar] = {}
    for key, value in _decoded(attributes, wanted | presence):
        if key in presence:
            if value.stringValue:
                kept[key] = True
        elif (scalar := _scalar(value)) is not None:
            kept[key] = scalar
    return kept


def _decoded(attributes: Iterable[_KeyValue], keys: frozenset[str]) -> Iterator[tuple[str, _Value]]:
    for attribute in attributes:
        if attribute.key in keys:
            try:
                value = _value_decoder.decode(attribute.value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise SpanRejected(f"attributes.{attribute.key}", "is not an OTLP value") from None
            if value is not None:
                yield attribute.key, value


def _scalar(value: _Value) -> Scalar | None:
    if value.stringValue is not None:
        return value.stringValue
    if value.boolValue is not None:
        return value.boolValue
    if value.intValue is not None:
        number = _integer(value.intValue)
        if number is None or not -_MAX_INT64 <= number < _MAX_INT64:
            raise SpanRejected("attributes", "an intValue is not a 64-bit integer")
        return number
    if isinstance(value.doubleValue, str):
        if not _NUMBER.fullmatch(value.doubleValue):
            raise SpanRejected("attributes", "a doubleValue is not a number")
        return float(value.doubleValue)
    return value.doubleValue


def _integer(value: int | str) -> int | None:
    if isinstance(value, int):
        return value
    return int(value) if _INTEGER.fullmatch(value) else None


def _unsigned(value: int | str | None, name: str) -> int:
    """A fixed64 as JSON writes it; absent is 0, as in protobuf."""
    number = _integer(0 if value is None else value)
    if number is None or not 0 <= number <= _MAX_UINT64:
        raise SpanRejected(name, "is not an unsigned 64-bit integer")
    return number


def _from_hex(text: str | None, name: str) -> bytes:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        raise SpanRejected(name, "is not hexadecimal") from None


def _place(error: Exception) -> str:
    """msgspec's messages name types, paths of declared fields and byte offsets, never values."""
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
