"""Canonical events as a team sends them itself: one object, an array, or one object a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from exporter.payload import InvalidPayload, Limits, Rejection, TooLarge, check_depth
from exporter.sources.translation import SourceSettings, Translated
from voice_slo.events import Event, EventError, decode

NAME = "native"
LONGEST_NAME = 64

_array = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(msgspec.Raw)
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING_FIELD = re.compile(r"Object missing required field `(\w+)`")
_QUOTED_VALUE = re.compile(r"Invalid (?:enum )?value .*", re.DOTALL)
_PLAIN_NAME = re.compile(rf"[\w.\[\]-]{{1,{LONGEST_NAME}}}")


def translate(body: bytes, settings: SourceSettings, limits: Limits) -> Translated:
    """Every event of a body by itself: a bad one is rejected with its place, the others are taken.

    Raises `InvalidPayload` for an empty body or a broken array, `TooLarge` over `limits.batch` items.
    """
    events: list[Event] = []
    positions: list[int] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(_items(body, limits)):
        try:
            check_depth(item, limits.depth)
            events.append(_with_agent(decode(item), settings.agent))
            positions.append(index)
        except InvalidPayload as e:
            rejected.append(Rejection(index, "", str(e), "too_deep"))
        except UnicodeDecodeError:
            rejected.append(Rejection(index, "", "a text is not UTF-8", "malformed"))
        except EventError as e:
            rejected.append(_rejection(index, e))
    return Translated(tuple(events), tuple(rejected), positions=tuple(positions))


def _items(body: bytes, limits: Limits) -> Sequence[bytes]:
    stripped = body.strip()
    if not stripped:
        raise InvalidPayload("the body is empty")
    items = _array_items(stripped) if stripped[:1] == b"[" else _lines(stripped)
    if len(items) > limits.batch:
        raise TooLarge("batch", f"more than {limits.batch} events in one request")
    return items


def _array_items(body: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in _array.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        place = "nested too deep" if isinstance(e, RecursionError) else str(e)
        raise InvalidPayload(f"not a JSON array: {place}") from None


def _lines(body: bytes) -> list[bytes]:
    """One object that spans lines, else one object a line."""
    if b"\n" not in body or _is_one_value(body):
        return [body]
    return [line for line in body.split(b"\n") if line.strip()]


def _is_one_value(body: bytes) -> bool:
    try:
        _any.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _with_agent(event: Event, agent: str | None) -> Event:
    return event if agent is None or event.agent is not None else msgspec.structs.replace(event, agent=agent)


def _rejection(index: int, error: EventError) -> Rejection:
    """The sender's mistake in words that quote no value: the answer may end up in the sender's logs."""
    unknown = _UNKNOWN_FIELD.fullmatch(error.error)
    missing = _MISSING_FIELD.fullmatch(error.error)
    if unknown:
        name = unknown[1] if _PLAIN_NAME.fullmatch(unknown[1]) else "?"
        return Rejection(index, _join(error.field, name), "is not a field of this kind of event", "unknown_field")
    if missing:
        return Rejection(index, _join(error.field, missing[1]), "is missing", "missing_field")
    if error.error.startswith("not valid JSON"):
        return Rejection(index, "", error.error, "malformed")
    said = _QUOTED_VALUE.sub("is not one of the allowed values", error.error)
    return Rejection(index, _join(error.field), said, "invalid_value")


def _join(*path: str) -> str:
    return ".".join(part for part in path if part)
