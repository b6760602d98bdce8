"""A real Prometheus on loopback over a folder of blocks, and the blocks that go into it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import requests

READY_WITHIN, STOPPED_WITHIN, ANSWER_WITHIN = 60.0, 20.0, 300.0
BLOCK = "54h"
BLOCK_SECONDS = 54 * 3600
"""One of the lengths promtool knows, three times each the one before: longer blocks, fewer passes over the text."""
STALE = "31s"
"""Backfilled samples carry no staleness markers. A recorded series that its rule did not give again is gone after one
evaluation; a look-back of just over one interval is what the marker would do. Rules reach scrapes through ranges only,
which this does not touch.
"""


class Sample(msgspec.Struct, frozen=True):
    """Of an instant query."""

    metric: dict[str, str]
    value: tuple[float, str]


class Matrix(msgspec.Struct, frozen=True):
    """One series of a range query; times are whole seconds here."""

    metric: dict[str, str]
    values: list[tuple[int, str]]


class _Timings(msgspec.Struct):
    evalTotalTime: float


class _Samples(msgspec.Struct):
    totalQueryableSamples: int


class _Stats(msgspec.Struct):
    timings: _Timings
    samples: _Samples


class _Vector(msgspec.Struct):
    result: list[Sample]
    stats: _Stats


class _Matrices(msgspec.Struct):
    result: list[Matrix]


class _Instant(msgspec.Struct):
    data: _Vector


class _Range(msgspec.Struct):
    data: _Matrices


_INSTANT, _RANGE = msgspec.json.Decoder(_Instant), msgspec.json.Decoder(_Range)
"""Made once: two threads that meet a Struct first at the same time crash msgspec 0.22 (`decode(…, type=…)`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`samples` read (totalQueryableSamples) and `seconds` of evaluation, by Prometheus's own statistics."""

    result: Sequence[Sample]
    samples: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str
    session: requests.Session

    def query(self, expr: str, at: float) -> Answer:
        body = self._get("/api/v1/query", {"query": expr, "time": str(at), "stats": "all"})
        data = _INSTANT.decode(body).data
        return Answer(data.result, data.stats.samples.totalQueryableSamples, data.stats.timings.evalTotalTime)

    def query_range(self, expr: str, start: int, end: int, step: int) -> list[Matrix]:
        """[start, end], at most 11,000 steps."""
        parameters = {"query": expr, "start": str(start), "end": str(end), "step": str(step)}
        return _RANGE.decode(self._get("/api/v1/query_range", parameters)).data.result

    def _get(self, path: str, parameters: dict[str, str]) -> bytes:
        answer = self.session.get(self.url + path, params=parameters, timeout=ANSWER_WITHIN)
        if answer.status_code != requests.codes.ok:
            raise RuntimeError(f"{answer.text} for {parameters['query']}")
        return answer.content


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[Prometheus]:
    """A server over the blocks in `data`, ended by its process id. Raises `RuntimeError` where it does not start."""
    port = _free_port()
    config, log = data.with_suffix(".yaml"), data.with_suffix(".log")
    config.write_text("{}", encoding="utf-8")
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", "--query.max-samples=200000000",
        f"--query.lookback-delta={STALE}", *(arguments or ["--storage.tsdb.retention.time=100y"]),
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, log)
            with requests.Session() as session:
                yield Prometheus(url, session)
        finally:
            _stop(process)


def import_samples(data: Path, lines: Iterable[str]) -> None:
    """OpenMetrics lines → blocks in `data`, by promtool. Raises `RuntimeError` with what promtool says."""
    data.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".openmetrics", dir=data.parent)
    text = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", buffering=1 << 20) as file:
            file.writelines(lines)
            file.write("# EOF\n")
        backfill(data, text)
    finally:
        text.unlink()


def backfill(data: Path, text: Path) -> None:
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", f"--max-block-duration={BLOCK}"]
    done = subprocess.run([*command, str(text), str(data)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def linked(source: Path, copy: Path) -> Path:
    """A second folder with the same blocks, whose files are not copied: blocks never change."""
    of_the_server = shutil.ignore_patterns("wal", "chunks_head", "lock", "queries.active")
    shutil.copytree(source, copy, copy_function=os.link, ignore=of_the_server)
    return copy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"prometheus did not start: {log.read_text(encoding='utf-8')}")
        try:
            if requests.get(f"{url}/-/ready", timeout=READY_WITHIN).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
