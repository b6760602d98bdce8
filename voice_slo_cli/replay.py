"""Recorded calls, shifted so that each begins at one moment, as the HTTP requests that their sources would send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from exporter.payload import Limits
from exporter.sources import SOURCES
from exporter.sources.translation import SourceSettings
from voice_slo.events import Event, encode, shift
from voice_slo_cli import loopback, payloads
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
        offset = begin_us * 1_000 - _first(scenario, bodies)
        for body in bodies:
            moved = shift_traces(body, offset)
            yield Request("livekit", "/v1/traces", "application/x-protobuf", moved)


def _first(scenario: Path, bodies: Iterable[bytes]) -> int:
    try:
        starts = [span.start_time_unix_nano for body in bodies for span in spans(body)]
    except DecodeError:
        raise Failure(f"{scenario}: traces-*.bin are no OTLP traces in protobuf") from None
    if not starts:
        raise Failure(f"{scenario}: no span in traces-*.bin")
    return min(starts)


def native(path: Path, begin_us: int) -> Iterator[Request]:
    """The example calls of an NDJSON file as one request a call, each moved to begin at `begin_us`."""
    calls: dict[str, list[Event]] = {}
    for event in payloads.events([str(path)]):
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
    with loopback.session() as session:
        for request in sent:
            headers = {"Content-Type": request.content_type}
            answer = session.post(url + request.path, data=request.body, headers=headers, timeout=SECONDS)
            if not answer.ok:
                raise Failure(f"{url}{request.path}: answered {answer.status_code}: {answer.text[:300]}")
