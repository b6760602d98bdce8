"""Recorded telemetry moved in time: every time by the same amount, ids and everything else untouched."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def spans(body: bytes) -> Iterable[Span]:
    """Every span of an OTLP trace request in protobuf."""
    yield from _spans(ExportTraceServiceRequest.FromString(body))


def shift_traces(body: bytes, nanoseconds: int) -> bytes:
    """The same OTLP trace request, later by `nanoseconds`."""
    request = ExportTraceServiceRequest.FromString(body)
    for span in _spans(request):
        span.start_time_unix_nano += nanoseconds
        span.end_time_unix_nano += nanoseconds
        for event in span.events:
            event.time_unix_nano += nanoseconds
    return request.SerializeToString(deterministic=True)


def _spans(request: ExportTraceServiceRequest) -> Iterable[Span]:
    return (s for resource in request.resource_spans for scope in resource.scope_spans for s in scope.spans)
