"""OTLP traces in protobuf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from exporter.payload import InvalidPayload
from exporter.spans import (
    Attributes,
    Collector,
    Decoded,
    Scalar,
    Selection,
    Span,
    bound_attributes,
    checked_id,
    ended,
    microseconds,
    of_resource,
    parent_id,
)


def decode(body: bytes, selections: Mapping[str, Selection]) -> Decoded:
    """Raises `InvalidPayload`."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise InvalidPayload("not an OTLP ExportTraceServiceRequest in protobuf") from None
    collector = Collector(selections)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            name = scope_spans.scope.name
            selection = collector.scope(name, len(scope_spans.spans))
            if selection is None:
                continue
            resource = of_resource(_attributes, resource_spans.resource.attributes, selection.resource)
            read = partial(_span, scope=name, selection=selection, resource=resource)
            collector.take(name, scope_spans.spans, selection.spans, read)
    return collector.result()


def _span(position: int, span: ProtoSpan, scope: str, selection: Selection, resource: Attributes) -> Span:
    return Span(
        position=position,
        trace_id=checked_id(span.trace_id, 16, "traceId"),
        span_id=checked_id(span.span_id, 8, "spanId"),
        parent_id=parent_id(span.parent_span_id),
        scope=scope,
        name=span.name,
        start_us=microseconds(span.start_time_unix_nano, "startTimeUnixNano"),
        end_us=ended(span.start_time_unix_nano, span.end_time_unix_nano),
        error=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes, selection.attributes, selection.presence),
        resource=resource,
    )


def _attributes(
    attributes: Sequence[KeyValue], wanted: frozenset[str], presence: frozenset[str] = frozenset()
) -> dict[str, Scalar]:
    bound_attributes(len(attributes))
    kept: dict[str, Scalar] = {}
    for attribute in attributes:
        key = attribute.key
        if key in presence:
            if attribute.value.string_value:
                kept[key] = True
        elif key in wanted:
            value = attribute.value
            match value.WhichOneof("value"):
                case "string_value":
                    kept[key] = value.string_value
                case "bool_value":
                    kept[key] = value.bool_value
                case "int_value":
                    kept[key] = value.int_value
                case "double_value":
                    kept[key] = value.double_value
    return kept
