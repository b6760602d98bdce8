"""The generated rules in a running Prometheus: counts equal the truth exactly, and a burst of failures pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from prometheus_rules import generate
from tests.prometheus_process import Labels, Prometheus, eventually, running
from tests.rules_fixtures import row, slo, slo_file
from voice_slo import names, promql
from voice_slo.spec import PrometheusSettings

WITHIN = 60.0
FILE = slo_file(
    slo(objectives=(row("0.85", "observe", flow="faq"),)),
    prometheus=PrometheusSettings(scrape_interval=1, evaluation_interval=1),
)


@dataclass
class Calls:
    """The truth, and how an exporter shows it. `by_event_time`: whether it also shows the counts of the period."""

    by_event_time: bool
    born: float
    eligible: dict[str, int] = field(default_factory=lambda: {"booking": 0, "faq": 0, "fraud": 0})
    bad: dict[str, int] = field(default_factory=lambda: {"booking": 0, "faq": 0, "fraud": 0})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def happen(self, flow: str, good: int, bad: int = 0) -> None:
        """Every bad call is another caller's."""
        with self.lock:
            self.eligible[flow] += good + bad
            self.bad[flow] += bad

    def exposition(self) -> str:
        with self.lock:
            return "".join(f"{line}\n" for flow in self.eligible for line in self._lines(flow))

    def _lines(self, flow: str) -> Iterator[str]:
        eligible, bad = self.eligible[flow], self.bad[flow]
        yield f"{self._series(names.ELIGIBLE.name, flow)} {eligible}"
        yield f"{self._series(names.GOOD.name, flow)} {eligible - bad}"
        yield f"{self._series(names.BAD_CALLERS.name, flow)} {bad}"
        yield f"{self._series(names.CREATED.name, flow)} {self.born}"
        if self.by_event_time:
            for verdict, count in (("eligible", eligible), ("bad", bad)):
                matcher = promql.equals(names.VERDICT, verdict)
                yield f"{self._series(names.WINDOW_EVENTS.name, flow, matcher)} {count}"

    def _series(self, metric: str, flow: str, *more: str) -> str:
        return promql.selector(metric, "front-desk", "task-completion", promql.equals("flow", flow), *more)


@contextmanager
def exporter(calls: Calls) -> Iterator[str]:
    """Shows the calls on loopback; gives host:port."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = calls.exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("by_event_time", [True, False], ids=["event time", "counters"])
def test_counts_are_exact_and_a_burst_pages(tmp_path: Path, by_event_time: bool) -> None:
    calls = Calls(by_event_time, born=time.time())
    with exporter(calls) as target, running(tmp_path, generate(FILE, "0.0.0"), target) as prometheus:
        calls.happen("booking", good=47)
        calls.happen("fraud", good=9, bad=1)
        _expect(prometheus, calls)
        assert not prometheus.firing(names.FAST_BURN)

        calls.happen("booking", good=3, bad=60)
        calls.happen("faq", good=0, bad=60)
        _expect(prometheus, calls)
        eventually(lambda: bool(prometheus.firing(names.FAST_BURN)), WITHIN, lambda: _shown(prometheus))
        (alert,) = [a for a in prometheus.firing(names.FAST_BURN) if a["labels"]["scope"] == "segment"]
        assert alert["labels"]["flow"] == "booking", "observed budgets never page"
        assert alert["annotations"]["description"] == (
            "60 of 110 calls failed in 15 minutes, 60 callers; the 30-day budget is spent: 60 failed, 11 allowed"
            " (flow: booking)"
        )
        assert prometheus.broken_rules() == []


def _expect(prometheus: Prometheus, calls: Calls) -> None:
    """The recorded counts of the period and of 15 minutes become exactly the truth."""
    truth = {"eligible": calls.eligible, "bad": calls.bad}
    expected = {
        name: {_budget(flow): float(count) for flow, count in by_flow.items()}
        for kind, by_flow in truth.items()
        for name in (f"voice_slo:{kind}:events_period", f"voice_slo:{kind}:events15m")
    }
    eventually(
        lambda: all(prometheus.query(name) == counts for name, counts in expected.items()),
        WITHIN,
        lambda: (expected, _shown(prometheus)),
    )


def _shown(prometheus: Prometheus) -> object:
    counts = {kind: prometheus.query(f"voice_slo:{kind}:events_period") for kind in ("eligible", "bad", "bad_callers")}
    return counts, prometheus.broken_rules()


def _budget(flow: str) -> Labels:
    return frozenset({"agent": "front-desk", "slo": "task-completion", "flow": flow}.items())
