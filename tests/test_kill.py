"""`kill -9` under load, twenty times: no acknowledged event lost, none counted twice."""

from __future__ import annotations

import itertools
import random
import threading
import time
from pathlib import Path

import msgspec
import requests

from tests.running_exporter import RunningExporter
from tests.slo_texts import EVERY_SLI

KILLS = 20
SENDERS = 4
ROUND_SECONDS = 0.35


def call_body(call: int, at: float) -> bytes:
    """One whole call in one request, with one turn each of two kinds, good or bad by its number."""
    key, latency = f"call-{call}", 0.5 if call % 3 else 3.5
    lines = [
        {"kind": "call.connected", "call": key, "id": f"{key}-1", "at": at, "segments": {"flow": "faq"},
         "synthetic": False},
        {"kind": "call.first_audio", "call": key, "id": f"{key}-2", "at": at + 0.4},
        {"kind": "turn", "call": key, "id": f"{key}-3", "at": at + 2, "turn": 1, "latency_seconds": latency,
         "tool_used": True},
        {"kind": "call.ended", "call": key, "id": f"{key}-4", "at": at + 5, "reason": "normal", "by": "caller"},
    ]  # fmt: skip
    return b"\n".join(msgspec.json.encode(line) for line in lines)


class Sender(threading.Thread):
    """Posts calls until told to stop; keeps what was acknowledged and what was in flight when the exporter died."""

    def __init__(self, url: str, numbers: itertools.count[int], at: float) -> None:
        super().__init__(daemon=True)
        self._url, self._numbers, self._at = url, numbers, at
        self.acknowledged: list[int] = []
        self.in_flight: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        with requests.Session() as session:
            while not self.done.is_set():
                number = next(self._numbers)
                try:
                    answer = session.post(
                        f"{self._url}/v1/events", data=call_body(number, self._at),
                        headers={"Content-Type": "application/x-ndjson"}, timeout=10,
                    )  # fmt: skip
                except requests.RequestException:
                    self.in_flight.append(number)
                    return
                (self.acknowledged if answer.ok else self.in_flight).append(number)


def slices(exporter: RunningExporter, slo: str) -> dict[str, float]:
    """Verdict → units over all values of one dimension."""
    found: dict[str, float] = {}
    for labels, value in exporter.samples()["voice_sli_slice_total"]:
        if (labels["slo"], labels["dimension"]) == (slo, "language"):
            found[labels["verdict"]] = found.get(labels["verdict"], 0) + value
    return found


def test_kill_nine_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    slos = tmp_path / "slos.yaml"
    slos.write_text(EVERY_SLI.replace("BUDGET_BY", "[flow]"))
    exporter = RunningExporter(tmp_path, slos)
    rng, numbers = random.Random(20), itertools.count()
    at = time.time() + 5
    acknowledged: set[int] = set()
    try:
        for _ in range(KILLS):
            senders = [Sender(exporter.url, numbers, at) for _ in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(ROUND_SECONDS * rng.uniform(0.3, 1))
            exporter.kill()
            for sender in senders:
                sender.done.set()
                sender.join(20)
            acknowledged.update(n for s in senders for n in s.acknowledged)
            in_flight = [n for s in senders for n in s.in_flight]
            exporter.start()
            # What a sender does that got no answer, and some that did: send again.
            for number in in_flight + rng.sample(sorted(acknowledged), min(10, len(acknowledged))):
                assert exporter.events(call_body(number, at)).ok
                acknowledged.add(number)
        assert len(acknowledged) > KILLS * 5, "there was no load"
        outcomes = exporter.settled()
        bad = sum(1 for n in acknowledged if n % 3 == 0)
        assert outcomes["connection-success"] == {"good": len(acknowledged)}
        assert outcomes["tool-turn-latency"] == {"good": len(acknowledged) - bad, "bad": bad}
        eligible = [v for labels, v in exporter.samples()["voice_sli_eligible_total"] if labels["slo"] == "first-audio"]
        assert sum(eligible) == len(acknowledged)
        assert slices(exporter, "tool-turn-latency") == {"good": len(acknowledged) - bad, "bad": bad}
    finally:
        exporter.stop()
