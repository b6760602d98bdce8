"""Recorded calls, shifted so that each begins at one moment, as the HTTP requests that their sources would send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from exporter.payload import Limits
from exporter.sources import SOURCES
from exporter.sources.translation import SourceSettings
from voice_slo.events import Event, decode, encode, shift
from voice_slo_cli.failure import Failure
from voice_slo_cli.shifting import shift_traces, spans

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one source. `path` is the exporter's endpoint."""

    source: str
    path: str
    content_type: str
    body: bytes


def recorded(folder: Path, begin_us: int) -> Iterator[Request]:
    """OTLP requests of every recorded call below `folder`, each call moved to begin at `begin_us`."""
    scenarios = sorted({path.parent for path in folder.glob("*/traces-*.bin")})
    if not scenarios:
        raise Failure(f"{folder}: no recorded calls (*/traces-*.bin)")
    for scenario in scenarios:
        bodies = [path.read_bytes() for path in sorted(scenario.glob("traces-*.bin"))]
        first = min(span.start_time_unix_nano for body in bodies for span in spans(body))
        for body in bodies:
            moved = shift_traces(body, begin_us * 1_000 - first)
            yield Request("livekit", "/v1/traces", "application/x-protobuf", moved)


def native(path: Path, begin_us: int) -> Iterator[Request]:
    """The example calls of an NDJSON file as one request a call, each moved to begin at `begin_us`."""
    calls: dict[str, list[Event]] = {}
    for line in path.read_bytes().splitlines():
        if line.strip():
            event = decode(line)
            calls.setdefault(event.call or "", []).append(event)
    for events in calls.values():
        offset = begin_us - min(event.at_us for event in events)
        body = b"\n".join(encode(shift(event, offset)) for event in events)
        yield Request("native", "/v1/events", "application/x-ndjson", body)


def translated(sent: Iterable[Request]) -> list[Event]:
    """The canonical events of these requests, for judging them without an exporter."""
    return [e for r in sent for e in SOURCES[r.source](r.body, SourceSettings(), Limits()).events]


def send(url: str, sent: Sequence[Request]) -> None:
    """POST every request. Raises `Failure` where one is refused."""
    with requests.Session() as session:
        for request in sent:
            headers = {"Content-Type": request.content_type}
            answer = session.post(url + request.path, data=request.body, headers=headers, timeout=SECONDS)
            if not answer.ok:
                raise Failure(f"{url}{request.path}: answered {answer.status_code}: {answer.text[:300]}")
