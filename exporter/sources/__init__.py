"""Telemetry sources: one module each, one payload → canonical events, pure. A new source is one module and one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exporter import otlp
from exporter.payload import Limits
from exporter.sources import livekit, native
from exporter.sources.translation import SourceSettings, Translated
from exporter.spans import Batch, Selection

OTLP = "otlp"

Translate = Callable[[bytes, SourceSettings, Limits], Translated]
"""A body as it was sent, after gunzip. Raises `InvalidPayload` or `TooLarge` where it cannot be read as a whole."""


@dataclass(frozen=True, slots=True)
class SpanSource:
    """A source that arrives as OTLP spans of one scope."""

    name: str
    selection: Callable[[SourceSettings], Selection]
    translate: Callable[[Batch, SourceSettings], Translated]


SCOPES: Mapping[str, SpanSource] = {
    livekit.SCOPE: SpanSource(livekit.NAME, livekit.selection, livekit.translate),
}
"""OTLP scope name → source."""
SPAN_SOURCES = tuple(dict.fromkeys(source.name for source in SCOPES.values()))


def translate_traces(
    body: bytes, encoding: otlp.Encoding, settings: Mapping[str, SourceSettings], limits: Limits
) -> dict[str, Translated]:
    """Events of an OTLP trace request by source. `settings` are those of the sources that may speak.

    Spans of other scopes are counted under `otlp`, in `dropped` as `unknown_scope`. Raises `InvalidPayload`.
    """
    speaking = {scope: source for scope, source in SCOPES.items() if source.name in settings}
    selections = {scope: source.selection(settings[source.name]) for scope, source in speaking.items()}
    decoded = otlp.decode(body, encoding, selections, limits)
    result = {}
    for scope, batch in decoded.batches.items():
        source = speaking[scope]
        result[source.name] = source.translate(batch, settings[source.name])
    if decoded.unknown_scope:
        result[OTLP] = Translated(dropped={"unknown_scope": decoded.unknown_scope})
    return result


def _of_traces(*names: str) -> Translate:
    def translate(body: bytes, settings: SourceSettings, limits: Limits) -> Translated:
        return _merged(translate_traces(body, otlp.encoding_of(body), dict.fromkeys(names, settings), limits))

    return translate


def _merged(parts: Mapping[str, Translated]) -> Translated:
    dropped: dict[str, int] = {}
    for part in parts.values():
        for reason, count in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return Translated(
        events=tuple(event for part in parts.values() for event in part.events),
        rejected=tuple(rejection for part in parts.values() for rejection in part.rejected),
        dropped=dropped,
        unmapped_end_reasons=sum(part.unmapped_end_reasons for part in parts.values()),
        positions=tuple(position for part in parts.values() for position in part.positions),
    )


SOURCES: Mapping[str, Translate] = {
    native.NAME: native.translate,
    OTLP: _of_traces(*SPAN_SOURCES),
    livekit.NAME: _of_traces(livekit.NAME),
}
"""Name on the command line and in the configuration → translation of one body."""
