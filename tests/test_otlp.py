"""OTLP bodies: both encodings give equal spans, broken ones one typed error without content."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from exporter import otlp
from exporter.otlp import decode, encode_response, encoding_of
from exporter.payload import InvalidPayload, Limits
from exporter.sources import livekit
from exporter.sources.translation import SourceSettings
from exporter.spans import Decoded, Selection, Span
from tests.livekit_samples import SCENARIOS, bodies

SELECTIONS = {livekit.SCOPE: livekit.selection(SourceSettings())}
EVERYTHING = Selection(
    spans=frozenset(("turn",)),
    attributes=frozenset(("text", "flag", "whole", "real", "list")),
    presence=frozenset(("said", "silent")),
    resource=frozenset(("service.version",)),
)
TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def read(body: bytes, encoding: otlp.Encoding, selection: Selection = EVERYTHING) -> Decoded:
    return decode(body, encoding, {"ours": selection}, Limits())


def span(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE, "spanId": SPAN, "parentSpanId": PARENT, "name": "turn",
        "startTimeUnixNano": "1795432356735678499", "endTimeUnixNano": "1795432356735678500",
    } | changes  # fmt: skip


def request(*spans: dict[str, Any], scope: str = "ours", resource: Any = None) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": resource or {}, "scopeSpans": [{"scope": {"name": scope}, "spans": spans}]}]}


def from_json(*spans: dict[str, Any]) -> Decoded:
    return read(json.dumps(request(*spans)).encode(), "json")


def refusal(body: bytes, encoding: otlp.Encoding) -> str | None:
    try:
        decode(body, encoding, SELECTIONS, Limits())
    except InvalidPayload as e:
        return str(e)
    return None


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def only(decoded: Decoded) -> Span:
    (found,) = decoded.batches["ours"].spans
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_encodings_give_equal_spans(scenario: str) -> None:
    pairs = list(zip(bodies(scenario), bodies(scenario, "json"), strict=True))
    found = [decode(binary, "protobuf", SELECTIONS, Limits()) for binary, _ in pairs]
    assert found == [decode(text, "json", SELECTIONS, Limits()) for _, text in pairs]
    assert sum(len(d.batches[livekit.SCOPE].spans) for d in found if d.batches) >= 4


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_encoding_shows_in_the_first_byte(scenario: str) -> None:
    assert {encoding_of(body) for body in bodies(scenario)} == {"protobuf"}
    assert {encoding_of(body) for body in bodies(scenario, "json")} == {"json"}


def test_times_are_rounded_to_the_microsecond() -> None:
    found = only(from_json(span()))
    assert (found.start_us, found.end_us) == (1795432356735678, 1795432356735679)


def test_kept_are_listed_scalars_only_and_of_content_that_it_is_there() -> None:
    found = only(
        from_json(
            span(
                attributes=[
                    attribute("text", stringValue="en-US"),
                    attribute("flag", boolValue=False),
                    attribute("whole", intValue="-42"),
                    attribute("real", doubleValue=0.25),
                    attribute("list", arrayValue={"values": [{"stringValue": "x"}]}),
                    attribute("said", stringValue="my secret"),
                    attribute("silent", stringValue=""),
                    attribute("unlisted", stringValue="my secret"),
                ],
            )
        )
    )
    assert found.attributes == {"text": "en-US", "flag": False, "whole": -42, "real": 0.25, "said": True}


def test_json_numbers_may_be_text_and_enums_names() -> None:
    spelled = span(startTimeUnixNano=1795432356735678499, status={"code": "STATUS_CODE_ERROR"}, attributes=[
        attribute("whole", intValue=7), attribute("real", doubleValue="1.5"),
    ])  # fmt: skip
    found = only(from_json(spelled))
    assert found.error
    assert found.start_us == 1795432356735678
    assert found.attributes == {"whole": 7, "real": 1.5}
    assert only(from_json(span(status={"code": 2}))).error
    assert not only(from_json(span(status={"code": 1}))).error


def test_upper_case_ids_and_a_zero_parent() -> None:
    found = only(from_json(span(traceId=TRACE.upper(), parentSpanId="0" * 16)))
    assert (found.trace_id, found.parent_id) == (TRACE, "")


def test_spans_of_other_scopes_are_counted_and_other_names_are_not() -> None:
    body = request(span(name="other"), span())
    body["resourceSpans"] += request(span(), span(), scope="theirs")["resourceSpans"]
    decoded = read(json.dumps(body).encode(), "json")
    assert decoded.unknown_scope == 2
    assert only(decoded).position == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"traceId": ""}, "traceId"), ({"traceId": "0" * 32}, "traceId"), ({"traceId": "zz"}, "traceId"),
        ({"spanId": "b7ad"}, "spanId"), ({"parentSpanId": "b7ad"}, "parentSpanId"),
        ({"startTimeUnixNano": "0"}, "startTimeUnixNano"), ({"startTimeUnixNano": "-1"}, "startTimeUnixNano"),
        ({"startTimeUnixNano": "99999999999999999999"}, "startTimeUnixNano"),
        ({"endTimeUnixNano": "17"}, "endTimeUnixNano"), ({"endTimeUnixNano": None}, "endTimeUnixNano"),
        ({"attributes": [attribute("text", stringValue=5)]}, "attributes.text"),
        ({"attributes": [attribute("whole", intValue="1e3")]}, "attributes"),
        ({"attributes": [attribute("whole", intValue=str(2**63))]}, "attributes"),
        ({"attributes": [attribute("real", doubleValue="fast")]}, "attributes"),
        ({"attributes": [attribute("x", boolValue=True)] * 1001}, "attributes"),
    ],
)  # fmt: skip
def test_a_span_that_cannot_be_taken_leaves_the_others(change: dict[str, Any], field: str) -> None:
    batch = from_json(span(**change), span()).batches["ours"]
    assert [s.position for s in batch.spans] == [1]
    assert [(r.index, r.field, r.reason) for r in batch.rejected] == [(0, field, "invalid_span")]


def test_protobuf_rejects_the_same_spans() -> None:
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    scope.scope.name = "ours"
    scope.spans.add(name="turn", span_id=bytes.fromhex(SPAN), start_time_unix_nano=1, end_time_unix_nano=2)
    scope.spans.add(
        name="turn", trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), start_time_unix_nano=2_000,
        end_time_unix_nano=1_000,
    )  # fmt: skip
    batch = read(message.SerializeToString(), "protobuf").batches["ours"]
    assert [(r.index, r.field) for r in batch.rejected] == [(0, "traceId"), (1, "endTimeUnixNano")]


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (b"\xff\xff\xff", "protobuf", "not an OTLP ExportTraceServiceRequest in protobuf"),
        (b"{", "json", "not an OTLP ExportTraceServiceRequest in JSON: Input data was truncated"),
        (b"[]", "json", "not an OTLP ExportTraceServiceRequest in JSON: Expected `object`, got `array`"),
        (b'{"resourceSpans": "secret"}', "json",
         "not an OTLP ExportTraceServiceRequest in JSON: Expected `array | null`, got `str` - at `$.resourceSpans`"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "json", "JSON is nested deeper than 32 levels"),
        (json.dumps(request(*[{}] * 50_001)).encode(), "json", "more than 50000 spans in one request"),
        (json.dumps(request(span(), resource={"attributes": [attribute("service.version", intValue="x")]})).encode(),
         "json", "resource: attributes an intValue is not a 64-bit integer"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read(body: bytes, encoding: otlp.Encoding, message: str) -> None:
    with pytest.raises(InvalidPayload) as error:
        read(body, encoding)
    assert str(error.value) == message


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_truncated_bodies(encoding: otlp.Encoding) -> None:
    body = bodies("good", "bin" if encoding == "protobuf" else "json")[0]
    ends = range(1, len(body), 101)
    messages = [message for end in ends if (message := refusal(body[:end], encoding)) is not None]
    assert len(messages) > len(ends) - 5
    assert not any("order" in message for message in messages)


def test_brackets_inside_texts_are_not_nesting() -> None:
    said = attribute("unlisted", stringValue='[[{"' * 100)
    assert only(from_json(span(attributes=[said]))).attributes == {}


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["protobuf", "json"]))
def test_any_bytes_end_in_spans_or_in_one_error(body: bytes, encoding: otlp.Encoding) -> None:
    with contextlib.suppress(InvalidPayload):
        read(body, encoding)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "key", "value"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*span(), "status", "attributes"]), _ANY))
def test_any_shape_of_a_span_ends_in_spans_or_in_one_error(change: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidPayload):
        from_json(span(**change))


@settings(deadline=None)
@given(
    st.lists(st.builds(lambda k, v: {"key": k, "value": v}, st.sampled_from(["text", "whole", "real", "said"]), _ANY))
)
def test_any_attribute_ends_in_spans_or_in_one_error(attributes: list[dict[str, Any]]) -> None:
    with contextlib.suppress(InvalidPayload):
        from_json(span(attributes=attributes))


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255))
def test_one_changed_byte(position: int, value: int) -> None:
    suffixes: dict[otlp.Encoding, str] = {"protobuf": "bin", "json": "json"}
    for encoding, suffix in suffixes.items():
        body = bytearray(bodies("hangup_before_greeting", suffix)[1])
        body[position % len(body)] = value
        refusal(bytes(body), encoding)


def test_the_response_is_in_the_encoding_of_the_request() -> None:
    assert encode_response("protobuf", 0, "") == b""
    assert encode_response("json", 0, "") == b"{}"
    partial = ExportTraceServiceResponse.FromString(encode_response("protobuf", 3, "too_old: 3")).partial_success
    assert (partial.rejected_spans, partial.error_message) == (3, "too_old: 3")
    assert json.loads(encode_response("json", 3, "x")) == {
        "partialSuccess": {"rejectedSpans": "3", "errorMessage": "x"}
    }
