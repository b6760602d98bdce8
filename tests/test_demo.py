"""`demo`, which is `make run`: the whole way on this machine, repeated without counting anything twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.command_line import COMMAND, DEADLINE, ROOT, Ran, process

# A proxy that nobody answers at: what runs on this machine is reached without one.
ENVIRONMENT = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": ""}
COUNTS = ("connection-success", "turn-latency", "task-completion", "escalation-correctness")


@pytest.fixture
def without_tools(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has no Prometheus; `test_end_to_end` has one."""
    (tmp_path / "bin").mkdir()
    return {**ENVIRONMENT, "PATH": str(tmp_path / "bin")}


def demo(folder: Path, environment: dict[str, str]) -> Ran:
    return process("demo", "--recorded", "--run-dir", folder, "--exit-after", env=environment)


def counts(ran: Ran) -> list[list[str]]:
    return [line.split() for line in ran.out.splitlines() if line.startswith(COUNTS)]


def test_twice_counts_nothing_twice(tmp_path: Path, without_tools: dict[str, str]) -> None:
    first, second = (demo(tmp_path / "run", without_tools) for _ in range(2))
    for ran in (first, second):
        assert ran.code == 0, ran.err
        assert "counted and judged are equal" in ran.out
        assert "prometheus   none on PATH: apt install prometheus" in ran.out
    assert " events accepted, 0 known already" in first.err
    assert "all known already; nothing is counted twice" in second.err
    assert len(counts(first)) == len(COUNTS)
    assert all(int(row[2]) > 0 for row in counts(first))
    assert counts(second) == counts(first)
    with pytest.raises(ProcessLookupError):
        os.kill(holder(tmp_path / "run"), 0)


def holder(folder: Path) -> int:
    """The exporter of a demo, from its log."""
    (line,) = [line for line in (folder / "exporter.log").read_text().splitlines() if "Started server process" in line]
    return int(line.rpartition("[")[2].rstrip("]"))


@pytest.fixture
def running(tmp_path: Path, without_tools: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A demo that stays, once it shows where to look."""
    argv = [*COMMAND, "demo", "--run-dir", str(tmp_path / "run")]
    with (tmp_path / "err").open("w") as err, subprocess.Popen(
        argv, cwd=ROOT, env=without_tools, stdout=subprocess.DEVNULL, stderr=err, text=True
    ) as started:
        try:
            deadline = time.monotonic() + DEADLINE
            while "Ctrl-C ends it" not in (tmp_path / "err").read_text():
                assert started.poll() is None, (tmp_path / "err").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield started
        finally:
            if started.poll() is None:
                started.terminate()


def test_a_second_one_says_where_the_first_is_and_the_first_ends_cleanly(
    tmp_path: Path, without_tools: dict[str, str], running: subprocess.Popen[str]
) -> None:
    (url,) = [
        line.removeprefix("exporter at ").rstrip("/")
        for line in (tmp_path / "err").read_text().splitlines()
        if line.startswith("exporter at ")
    ]
    exporter = holder(tmp_path / "run")
    second = demo(tmp_path / "run", without_tools)
    assert (second.code, second.out) == (2, "")
    data = tmp_path / "run" / "data"
    assert second.err == f"already running: {data} is in use by voice-slo serve, pid {exporter}, {url}/\n"
    assert requests.get(f"{url}/-/ready", timeout=DEADLINE).ok
    running.send_signal(signal.SIGINT)
    assert running.wait(DEADLINE) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(exporter, 0)


def test_ended_before_it_is_done_it_takes_its_exporter_with_it(tmp_path: Path, without_tools: dict[str, str]) -> None:
    argv = [*COMMAND, "demo", "--run-dir", str(tmp_path / "run")]
    log = tmp_path / "run" / "exporter.log"
    with subprocess.Popen(argv, cwd=ROOT, env=without_tools, stderr=subprocess.PIPE, text=True) as started:
        deadline = time.monotonic() + DEADLINE
        while not (log.exists() and "Started server process" in log.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        started.terminate()
        assert started.wait(DEADLINE) == 130
        assert started.stderr is not None
        assert "Traceback" not in started.stderr.read()
    with pytest.raises(ProcessLookupError):
        os.kill(holder(tmp_path / "run"), 0)
