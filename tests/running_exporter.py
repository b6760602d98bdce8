"""The real exporter in a process of its own, as `voice-slo serve` starts it, for tests that restart or kill it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

HOST = "127.0.0.1"
DEADLINE = 60


class RunningExporter:
    """On a free loopback port; data and log below `folder`."""

    def __init__(
        self, folder: Path, slos: Path, *, operational: str = "1s", quality: str = "1s",
        agent: str | None = "front-desk",
    ) -> None:  # fmt: skip
        """`agent`: of events that name none; None where events name it, or only one is loaded."""
        self.folder, self._log = folder, folder / "exporter.log"
        self._config = folder / "exporter.yaml"
        self._config.write_text(
            yaml.safe_dump({
                "version": "voice-slo-exporter/v1",
                "listen": f"{HOST}:0",
                "data_dir": "./data",
                "slos": [str(slos)],
                "settle": {"operational": operational, "quality": quality},
                "sources": {source: {"agent": agent} if agent else {} for source in ("native", "livekit")},
            })
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "voice_slo_cli.main", "serve", "--config", str(self._config)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_for_address()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self._log.read_text()
            for line in self._log.read_text(errors="replace").splitlines():
                if line.startswith("listening on "):
                    return line.removeprefix("listening on ").rstrip("/")
            time.sleep(0.02)
        raise AssertionError(f"the exporter did not start: {self._log.read_text()}")

    def post(self, path: str, body: bytes, content_type: str) -> requests.Response:
        return requests.post(self.url + path, data=body, headers={"Content-Type": content_type}, timeout=DEADLINE)

    def events(self, body: bytes) -> requests.Response:
        return self.post("/v1/events", body, "application/x-ndjson")

    def traces(self, body: bytes) -> requests.Response:
        return self.post("/v1/traces", body, "application/x-protobuf")

    def samples(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Series by metric name, parsed by prometheus-client."""
        text = requests.get(f"{self.url}/metrics", timeout=DEADLINE).text
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def outcomes(self) -> dict[str, Counter[str]]:
        """SLO → units by verdict, from `voice_exporter_units`."""
        found: dict[str, Counter[str]] = {}
        for labels, value in self.samples().get("voice_exporter_units", []):
            if value:
                found.setdefault(labels["slo"], Counter())[labels["verdict"]] = int(value)
        return found

    def settled(self) -> dict[str, Counter[str]]:
        """The outcomes once no call is open and no unit pending."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            samples = self.samples()
            pending = sum(v for labels, v in samples["voice_exporter_units"] if labels["verdict"] == "pending")
            if not pending and not sum(v for _, v in samples["voice_exporter_calls_open"]):
                return self.outcomes()
            time.sleep(0.1)
        raise AssertionError("the calls did not settle")

    def stop(self) -> None:
        """SIGTERM, as a supervisor does."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(DEADLINE)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)

    def log(self) -> str:
        return self._log.read_text(errors="replace")


def running(folder: Path, slos: Path, **settle: str) -> Iterator[RunningExporter]:
    """For a fixture: stopped at the end, whatever happens."""
    exporter = RunningExporter(folder, slos, **settle)
    try:
        yield exporter
    finally:
        exporter.stop()
