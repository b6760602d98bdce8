"""The whole way: telemetry over HTTP, the exporter, the generated rules in a real Prometheus, an alert."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import prometheus_rules
from tests import prometheus_process
from tests.livekit_samples import FOLDER
from tests.running_exporter import RunningExporter
from voice_slo import names
from voice_slo.batch import judge_stream
from voice_slo.loading import load
from voice_slo.spec import SloFile
from voice_slo_cli import replay

ROOT = Path(__file__).parent.parent
WITHIN = 60.0
Counted = dict[tuple[str, str], Counter[str]]


@pytest.fixture
def file(tmp_path: Path) -> SloFile:
    """The starter SLOs, evaluated every second."""
    text = (ROOT / "slos" / "starter.yaml").read_text()
    slow = "{scrape_interval: 30s, evaluation_interval: 30s}"
    assert slow in text
    quick = text.replace(slow, "{scrape_interval: 1s, evaluation_interval: 1s}")
    (tmp_path / "slos.yaml").write_text(quick)
    (loaded,) = load([("slos/starter.yaml", quick.encode())])
    return loaded


@pytest.fixture
def exporter(tmp_path: Path, file: SloFile) -> Iterator[RunningExporter]:
    running = RunningExporter(tmp_path, tmp_path / "slos.yaml")
    try:
        yield running
    finally:
        running.stop()


def judged(sent: list[replay.Request], file: SloFile) -> Counted:
    """(SLO, flow) → eligible and bad, by judging the same requests at once."""
    found: Counted = {(slo.name, labels["flow"]): Counter() for slo in file.slos for labels in slo.label_sets()}
    for one in judge_stream(replay.translated(sent), [file]):
        if one.verdict.outcome in ("good", "bad"):
            counts = found[one.slo.name, one.verdict.labels["flow"]]
            counts["eligible"] += 1
            counts["bad"] += one.verdict.outcome == "bad"
    return found


def recorded(prometheus: prometheus_process.Prometheus, window: str) -> Counted:
    found: Counted = {}
    for kind in ("eligible", "bad"):
        for labels, value in prometheus.query(names.events(kind, window)).items():
            named = dict(labels)
            found.setdefault((named["slo"], named["flow"]), Counter())[kind] = int(value)
    return found


def wait_for(prometheus: prometheus_process.Prometheus, window: str, expected: Counted) -> None:
    prometheus_process.eventually(
        lambda: recorded(prometheus, window) == expected, WITHIN, lambda: (recorded(prometheus, window), expected)
    )


def burst(number: int, at: float, caller: str) -> bytes:
    """A call that never connects."""
    common = {"call": f"burst-{number}", "segments": {"flow": "billing"}, "synthetic": False}
    lines = [
        {"kind": "call.started", "at": at, "direction": "inbound", "caller": caller, **common},
        {"kind": "call.ended", "at": at + 0.5, "reason": "connect_failed", "by": "system", **common},
    ]
    return b"\n".join(msgspec.json.encode(line) for line in lines)


def test_recorded_calls_come_out_of_the_rules_as_judged_and_a_burst_of_failures_pages(
    exporter: RunningExporter, file: SloFile, tmp_path: Path
) -> None:
    rules = prometheus_rules.generate(file, "test")
    target = exporter.url.removeprefix("http://")
    begin = time.time_ns() // 1_000 + 2_000_000
    sent = [*replay.recorded(FOLDER, begin), *replay.native(ROOT / "examples" / "calls.ndjson", begin)]
    with prometheus_process.running(tmp_path / "prometheus", rules, target) as prometheus:
        replay.send(exporter.url, sent)
        expected = judged(sent, file)
        assert sum(c["eligible"] for c in expected.values()) > 30
        # By event time out of the exporter, and by the difference of its counters, the same.
        for window in ("period", "1h"):
            wait_for(prometheus, window, expected)
        assert not prometheus.broken_rules()
        assert not [a for a in prometheus.firing(names.FAST_BURN) if a["labels"].get("flow") == "billing"]
        now = time.time()
        for number in range(6):
            assert exporter.events(burst(number, now, f"+1555010{2000 + number}")).ok
        prometheus_process.eventually(
            lambda: any(a["labels"].get("flow") == "billing" for a in prometheus.firing(names.FAST_BURN)),
            WITHIN,
            lambda: (prometheus.query(names.events("bad", "15m")), prometheus.query("ALERTS")),
        )
        (alert,) = [a for a in prometheus.firing(names.FAST_BURN) if a["labels"].get("flow") == "billing"]
        shown = {name: alert["labels"][name] for name in ("severity", "slo", "agent")}
        assert shown == {"severity": "page", "slo": "connection-success", "agent": "front-desk"}
        assert "6 callers" in alert["annotations"]["description"]
