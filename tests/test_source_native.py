"""Native bodies: object, array, lines; a bad item never takes the others with it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.payload import InvalidPayload, Limits, TooLarge
from exporter.sources import native
from exporter.sources.translation import SourceSettings, Translated

GOOD = {"kind": "tag", "call": "c-1", "at": 1795432356, "name": "said_goodbye"}


def translate(body: bytes, settings: SourceSettings | None = None, limits: Limits | None = None) -> Translated:
    return native.translate(body, settings or SourceSettings(), limits or Limits())


def event(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (event(), 1), (json.dumps(GOOD, indent=2).encode(), 1), (b"  " + event() + b"\n", 1),
        (b"[" + event() + b"," + event() + b"]", 2), (event() + b"\n" + event() + b"\n\n", 2),
        (event() + b"\r\n" + event(), 2), (b"[]", 0),
    ],
)  # fmt: skip
def test_shapes(body: bytes, count: int) -> None:
    translated = translate(body)
    assert (len(translated.events), translated.rejected) == (count, ())
    assert translated.positions == tuple(range(count))


@pytest.mark.parametrize(
    ("item", "field", "error", "reason"),
    [
        (event(extra=1), "extra", "is not a field of this kind of event", "unknown_field"),
        (event(ids={"x": "1"}), "ids.x", "is not a field of this kind of event", "unknown_field"),
        (event(**{"call +15550100001": 1}), "?", "is not a field of this kind of event", "unknown_field"),
        (b'{"kind":"tag","call":"c","at":1}', "name", "is missing", "missing_field"),
        (b'{"call":"c","at":1}', "kind", "is missing", "missing_field"),
        (event(kind="my secret"), "kind", "is not one of the allowed values", "invalid_value"),
        (event(kind="call.ended", name=None, reason="my 'secret'"), "name", "is not a field of this kind of event",
         "unknown_field"),
        (event(at="2026-11-23T10:00:00"), "at", "Expected `datetime` with a timezone component", "invalid_value"),
        (event(at="my secret"), "at", "Invalid RFC3339 encoded datetime", "invalid_value"),
        (event(at=1e400).replace(b"Infinity", b"1e999"), "at", "Number out of range", "invalid_value"),
        (event(call=None), "call", "missing; only synthetic and release events stand without one", "invalid_value"),
        (b'{"kind":"call.ended","call":"c","at":1,"reason":"my \'secret\'"}', "reason",
         "is not one of the allowed values", "invalid_value"),
        (b"7", "", "Expected `object`, got `int`", "invalid_value"),
        (b'{"kind":', "", "not valid JSON: Input data was truncated", "malformed"),
        (b'{"kind":"tag","call":"\xff"}', "", "not valid JSON: not UTF-8", "malformed"),
        (b'{"kind":"tag","call":' + b"[" * 40 + b"]" * 40 + b"}", "", "JSON is nested deeper than 32 levels",
         "too_deep"),
    ],
)  # fmt: skip
def test_a_bad_item_is_rejected_with_its_place_and_the_others_are_taken(
    item: bytes, field: str, error: str, reason: str
) -> None:
    translated = translate(event() + b"\n" + item + b"\n" + event())
    assert translated.positions == (0, 2)
    (rejection,) = translated.rejected
    assert (rejection.index, rejection.field, rejection.error, rejection.reason) == (1, field, error, reason)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"), (b" \n\t", "the body is empty"),
        (b"[1,", "not a JSON array: Input data was truncated"),
        (b"[1] 2", "not a JSON array: JSON is malformed: trailing characters (byte 5)"),
        (b"[" * 100_000, "not a JSON array: nested too deep"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read(body: bytes, message: str) -> None:
    with pytest.raises(InvalidPayload) as error:
        translate(body)
    assert str(error.value) == message


@pytest.mark.parametrize("body", [b"[" + b",".join([event()] * 4) + b"]", b"\n".join([event()] * 4)])
def test_too_many_events(body: bytes) -> None:
    with pytest.raises(TooLarge) as error:
        translate(body, limits=Limits(batch=3))
    assert error.value.limit == "batch"
    assert len(translate(body, limits=Limits(batch=4)).events) == 4


def test_a_configured_agent_is_set_where_none_is_named() -> None:
    translated = translate(event() + b"\n" + event(agent="other"), SourceSettings(agent="front-desk"))
    assert [e.agent for e in translated.events] == ["front-desk", "other"]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_events_or_in_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(InvalidPayload):
        translate(body)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "turn", "ids", "segments", "latency_seconds"]),
                       st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
                       | st.lists(st.integers(), max_size=2)))  # fmt: skip
def test_any_values_end_in_an_event_or_a_rejection(changes: dict[str, Any]) -> None:
    translated = translate(event(**changes))
    assert len(translated.events) + len(translated.rejected) == 1
