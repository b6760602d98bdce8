"""Child processes of the demo: started on free loopback ports, waited for, ended by pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests
import yaml

from voice_slo_cli import loopback
from voice_slo_cli.failure import Failure

HOST = "127.0.0.1"
_POLL = 0.2


class Child:
    """A process whose output goes to a log file."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self._log = name, log
        with log.open("wb") as stream:
            self._process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)  # noqa: S603

    def wait_ready(self, url: str, seconds: float) -> None:
        """Raises `Failure` with the end of the log where the process ends or does not answer in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise Failure(f"{self.name} ended with code {self._process.returncode}: {self._tail()}")
            if _answers(url):
                return
            time.sleep(_POLL)
        raise Failure(f"{self.name} did not answer at {url} within {seconds:.0f} s: {self._tail()}")

    def _tail(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").strip().splitlines()[-3:])

    def stop(self, seconds: float = 20) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def running(self) -> bool:
        return self._process.poll() is None


def free_port(preferred: int) -> int:
    """The preferred port where nobody listens on it, else one that the system chooses."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failure("no free port on the loopback interface")


def start_exporter(config: Path, url: str, log: Path) -> Child:
    child = Child("the exporter", [sys.executable, "-m", "voice_slo_cli.main", "serve", "--config", str(config)], log)
    try:
        child.wait_ready(f"{url}/-/ready", 30)
    except BaseException:
        child.stop()
        raise
    return child


def start_prometheus(folder: Path, exporter_port: int, rules: list[Path], seconds: int) -> tuple[Child, str] | None:
    """A Prometheus on these rules that scrapes the exporter every `seconds`; None where none is on PATH."""
    binary = shutil.which("prometheus")
    if binary is None:
        return None
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [{"job_name": "voice-slo", "static_configs": [{"targets": [f"{HOST}:{exporter_port}"]}]}],
    }))  # fmt: skip
    url = f"http://{HOST}:{free_port(9090)}"
    command = [
        binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={url.removeprefix('http://')}", "--log.level=warn",
    ]  # fmt: skip
    child = Child("Prometheus", command, folder / "prometheus.log")
    try:
        child.wait_ready(f"{url}/-/ready", 60)
    except BaseException:
        child.stop()
        raise
    return child, url


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Poll until `done`; False where it was not within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(_POLL)
    return done()


def _answers(url: str) -> bool:
    try:
        return loopback.get(url, seconds=2).ok
    except requests.RequestException:
        return False
