"""A real Prometheus on loopback for a test: configured, waited for, asked, and ended by its process id."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.tools import tool

READY_WITHIN, ANSWER_WITHIN, STOPPED_WITHIN = 30.0, 5.0, 10.0
_PAUSE = 0.1
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Prometheus:
    """A running server. `log` is where it writes, for the message of a failed test."""

    url: str
    log: Path

    def query(self, expr: str) -> dict[Labels, float]:
        """Instant vector: labels without the name → value."""
        found = self._get("/api/v1/query", {"query": expr})["result"]
        assert isinstance(found, list)
        return {_labels(sample["metric"]): float(sample["value"][1]) for sample in found}

    def firing(self, alert: str) -> list[Mapping[str, Mapping[str, str]]]:
        """Labels and annotations of the firing alerts of that name."""
        found = self._get("/api/v1/alerts", {})["alerts"]
        assert isinstance(found, list)
        return [a for a in found if a["labels"]["alertname"] == alert and a["state"] == "firing"]

    def broken_rules(self) -> list[str]:
        """Last error of every rule that could not be evaluated."""
        found = self._get("/api/v1/rules", {})["groups"]
        assert isinstance(found, list)
        return [f"{rule['name']}: {rule['lastError']}" for g in found for rule in g["rules"] if rule.get("lastError")]

    def _get(self, path: str, parameters: Mapping[str, str]) -> dict[str, object]:
        answer = requests.get(self.url + path, params=parameters, timeout=ANSWER_WITHIN)
        body = answer.json()
        assert body["status"] == "success", body
        data = body["data"]
        assert isinstance(data, dict)
        return data


@contextmanager
def running(
    directory: Path, rules: Mapping[str, bytes], target: str, *, scrape: str = "1s", evaluation: str = "1s",
    arguments: Sequence[str] = (),
) -> Iterator[Prometheus]:  # fmt: skip
    """A Prometheus with `rules` (path → content) that scrapes `target` (host:port); data and log in `directory`.

    The interval of a rule group, which its file states, goes before `evaluation`.
    """
    prometheus = tool("prometheus")
    for path, content in rules.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    config = directory / "prometheus.yml"
    config.write_text(json.dumps(_config(list(rules), target, scrape, evaluation)), encoding="utf-8")
    port, log = free_port(), directory / "prometheus.log"
    command = [
        prometheus, f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", *arguments,
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            server = Prometheus(f"http://127.0.0.1:{port}", log)
            _wait_until_ready(server, process)
            yield server
        finally:
            _stop(process)


def eventually(holds: Callable[[], bool], within: float, otherwise: Callable[[], object]) -> None:
    """Fails with `otherwise()` unless `holds()` comes true within so many seconds; asks again and again."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(_PAUSE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _config(rules: Sequence[str], target: str, scrape: str, evaluation: str) -> dict[str, object]:
    return {
        "global": {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": evaluation},
        "rule_files": list(rules),
        "scrape_configs": [{"job_name": "voice-slo", "static_configs": [{"targets": [target]}]}],
    }


def _wait_until_ready(server: Prometheus, process: subprocess.Popen[bytes]) -> None:
    def ready() -> bool:
        assert process.poll() is None, server.log.read_text(encoding="utf-8")
        try:
            return requests.get(f"{server.url}/-/ready", timeout=ANSWER_WITHIN).ok
        except requests.ConnectionError:
            return False

    eventually(ready, READY_WITHIN, lambda: server.log.read_text(encoding="utf-8"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()


def _labels(metric: Mapping[str, str]) -> Labels:
    return frozenset((name, value) for name, value in metric.items() if name != "__name__")
