"""A ledger on a real SQLite file with a clock that the test moves; and streams of calls to feed it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter import counts as c
from exporter.counts import Mirror
from exporter.intake import Delivery, Receipt
from exporter.ledger import Ledger, Times
from exporter.own_metrics import OwnMetrics
from exporter.sources.translation import Translated
from exporter.store import DATABASE, Store
from voice_slo import names
from voice_slo.batch import judge_stream
from voice_slo.events import Event, decode, from_us
from voice_slo.spec import SloFile

START = 1_795_000_000 * 1_000_000
"""2026-11-18, µs."""
SECOND = 1_000_000
STATES = ("good", "bad", "excluded", "unknown", "not_concerned", "awaiting")


@dataclass
class Desk:
    """One exporter's ledger that can be restarted on its file."""

    folder: Path
    files: Sequence[SloFile]
    now: int = START
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        self.own = OwnMetrics()
        self._open()

    def _open(self) -> None:
        self.mirror = Mirror()
        self.store = Store(self.folder / DATABASE, self.now)
        self.ledger = Ledger(self.store, self.files, self.times, lambda: self.now, self.own, self.mirror)

    def restart(self, files: Sequence[SloFile] | None = None) -> None:
        self.store.close()
        self.files = self.files if files is None else files
        self._open()

    def send(self, events: Iterable[Event], source: str = "native") -> Receipt:
        (receipt,) = self.ledger.apply([Delivery(source, Translated(events=tuple(events)))])
        return receipt

    def wait(self, seconds: float) -> None:
        """Move the clock and let everything settle that is due by then."""
        self.now += int(seconds * SECOND)
        while self.ledger.tick():
            pass

    def quiet(self) -> None:
        """Let facts that came after settling be judged."""
        self.wait(60)

    def settle(self) -> None:
        for _ in range(3):
            self.wait(5 * 3600)

    # What a scrape would show, summed over label sets.

    def value(self, slo: str, name: str, extra: str = "", labels: Sequence[str] | None = None) -> int:
        wanted = None if labels is None else json.dumps(list(labels))
        return sum(
            values.get((name, extra), 0)
            for (id_, held), values in self.mirror.snapshot().items()
            if id_ == self.id(slo) and held != c.WHOLE_SLO and wanted in (None, held)
        )

    def states(self, slo: str) -> Counter[str]:
        whole = self.mirror.snapshot().get((self.id(slo), c.WHOLE_SLO), {})
        found = Counter({state: whole.get((c.UNITS, state), 0) for state in STATES})
        found["pending"] = self.ledger.pending.get(self.id(slo), 0)
        return found

    def seen(self, slo: str) -> int:
        whole = self.mirror.snapshot().get((self.id(slo), c.WHOLE_SLO), {})
        return whole.get((c.SEEN, ""), 0) + self.ledger.pending.get(self.id(slo), 0)

    def id(self, slo: str) -> int:
        return next(e.row.id for entries in self.ledger.loaded.values() for e in entries if e.slo.name == slo)

    def bad_by_reason(self, slo: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for (id_, labels), values in self.mirror.snapshot().items():
            if id_ == self.id(slo) and labels != c.WHOLE_SLO:
                found.update({extra: n for (name, extra), n in values.items() if name == c.BAD and n})
        return found

    def received(self, source: str = "native") -> Counter[str]:
        found = {o: int(self.own.value(names.EVENTS, source, o)) for o in ("accepted", "duplicate", "rejected")}
        return Counter(found | {"received": int(self.own.value(names.EVENTS_RECEIVED, source))})


def judged(events: Iterable[Event], file: SloFile) -> dict[str, Counter[str]]:
    """SLO → outcomes, by judging the whole stream at once."""
    found: dict[str, Counter[str]] = {slo.name: Counter() for slo in file.slos}
    for one in judge_stream(events, [file]):
        found[one.slo.name][one.verdict.outcome] += 1
    return found


def event(kind: str, call: str, seconds: float, **fields: object) -> Event:
    """One canonical event, `seconds` after `START`."""
    at = from_us(START + int(seconds * SECOND)).isoformat()
    return decode(json.dumps({"kind": kind, "call": call, "at": at, **fields}))


def turn(call: str, number: int, at: float, latency: float, **fields: object) -> Event:
    return event("turn", call, at, turn=number, latency_seconds=latency, answered=True, **fields)


def simple_call(
    call: str, at: float, *, good: bool = True, caller: str | None = None, flow: str = "faq", tool: bool = False
) -> list[Event]:
    """A call with one turn (of 0.5 s or 9 s), connected and heard."""
    segments = {"flow": flow}
    return [
        event("call.started", call, at, segments=segments, synthetic=False, **({"caller": caller} if caller else {})),
        event("call.connected", call, at + 1),
        event("call.first_audio", call, at + 1.5),
        turn(call, 1, at + 4, 0.5 if good else 9.0, **({"tool_used": True} if tool else {})),
        event("call.ended", call, at + 20, reason="normal", by="caller"),
    ]


def random_stream(seed: int, calls: int = 6) -> list[Event]:
    """Calls of every kind, each without contradictions, in the order in which they would happen."""
    rng = random.Random(seed)
    found: list[Event] = []
    for n in range(calls):
        found += _random_call(rng, f"call-{seed}-{n}", rng.uniform(0, 300))
    return sorted(found, key=lambda e: e.at_us)


def _random_call(rng: random.Random, call: str, at: float) -> list[Event]:
    segments = {"flow": rng.choice(["faq", "booking", "billing", "elsewhere"])} if rng.random() < 0.9 else {}
    synthetic = rng.random() < 0.1
    ids = {"twilio": f"CA-{call}"} if rng.random() < 0.5 else {}
    common = {"segments": segments, "synthetic": synthetic} | ({"ids": ids} if ids else {})
    caller = {"caller": f"+1555010{rng.randrange(1000, 1010)}"} if rng.random() < 0.7 else {}
    found = [event("call.started", call, at, direction="inbound", **common, **caller)]
    clock = at + 2
    if rng.random() < 0.9:
        found.append(event("call.connected", call, clock, **common))
        if rng.random() < 0.9:
            found.append(event("call.first_audio", call, clock + rng.uniform(0.2, 12), **common))
        for number in range(1, rng.randrange(0, 5)):
            clock += rng.uniform(3, 9)
            found += _random_turn(rng, call, number, clock, common)
    clock += rng.uniform(1, 30)
    reason = rng.choice(["normal", "normal", "agent_failure", "handed_off", "abuse", "unknown"])
    if rng.random() < 0.92:
        found.append(event("call.ended", call, clock, reason=reason, by=rng.choice(["caller", "agent", "system"])))
    found += _random_audits(rng, call, clock)
    return found


def _random_turn(
    rng: random.Random, call: str, number: int, at: float, common: dict[str, object]
) -> list[Event]:
    asked = event("speech", call, at, by="caller", turn=number, **common)
    latency = round(rng.choice([0.4, 1.19, 1.2, 2.49, 2.5, 6.0]), 3)
    kind = rng.randrange(4)
    if kind == 0:
        return [asked]
    if kind == 1:
        return [asked, turn(call, number, at + latency, latency, **common)]
    if kind == 2:
        tool = event("stage", call, at + 0.2, turn=number, stage="tool", ok=rng.random() < 0.8)
        return [asked, tool, turn(call, number, at + latency, latency)]
    parts = [event("turn", call, at + latency, turn=number, answered=True)]
    return [asked, *parts, event("turn", call, at + latency, turn=number, latency_seconds=latency)]


def _random_audits(rng: random.Random, call: str, at: float) -> list[Event]:
    found = []
    if rng.random() < 0.6:
        result = rng.choice(["good", "bad", "unknown"])
        found.append(event("task", call, at + 1, task="main", result=result, cause=rng.choice(["agent", "caller"])))
    if rng.random() < 0.4:
        to = rng.choice(["human", "agent"])
        found.append(event("handoff", call, at, to=to, ok=rng.random() < 0.8, context_preserved=rng.random() < 0.5))
    if rng.random() < 0.5:
        required = {"required": rng.random() < 0.5} if rng.random() < 0.8 else {}
        found.append(event("escalation", call, at + 2, audited=True, **required))
    if rng.random() < 0.3:
        found.append(event("intent", call, at + 2, result=rng.choice(["good", "bad", "unknown"])))
    return found
