"""OTLP/HTTP trace bodies, protobuf and JSON, as neutral spans.

Scope and name are looked at first: of a span that no source wants, and of an attribute that no source lists, nothing
is read. What a transcript or a tool's argument says therefore never becomes an object of this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from exporter import otlp_json, otlp_protobuf
from exporter.payload import Limits, check_depth
from exporter.spans import Decoded, Selection

Encoding = Literal["protobuf", "json"]


def encoding_of(body: bytes) -> Encoding:
    """Protobuf or JSON by the first byte: an export request begins with 0x0a, a JSON object with a brace."""
    return "json" if body.lstrip(b" \t\r")[:1] == b"{" else "protobuf"


def decode(body: bytes, encoding: Encoding, selections: Mapping[str, Selection], limits: Limits) -> Decoded:
    """The spans of an ExportTraceServiceRequest that `selections` (by scope name) want.

    Raises `InvalidPayload`. Both encodings of one message give equal spans.
    """
    if encoding == "json":
        check_depth(body, limits.depth)
        return otlp_json.decode(body, selections)
    return otlp_protobuf.decode(body, selections)


def encode_response(encoding: Encoding, rejected_spans: int, message: str) -> bytes:
    """An ExportTraceServiceResponse; `partial_success` only where something was rejected."""
    if encoding == "json":
        partial = {"partialSuccess": {"rejectedSpans": str(rejected_spans), "errorMessage": message}}
        return msgspec.json.encode(partial if rejected_spans else {})
    if not rejected_spans:
        return b""
    success = ExportTracePartialSuccess(rejected_spans=rejected_spans, error_message=message)
    return ExportTraceServiceResponse(partial_success=success).SerializeToString()
