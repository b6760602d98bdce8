"""`serve`: what it refuses to start with, one process a data directory, reload, and a stop that loses nothing."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.command_line import STARTER, Ran, process
from tests.running_exporter import DEADLINE, RunningExporter
from voice_slo import names

CONFIG = "version: voice-slo-exporter/v1\nlisten: 127.0.0.1:0\ndata_dir: ./data\nslos: [slos/]\nsources: {native: {}}\n"
SENDERS = 3
Counters = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slos").mkdir()
    shutil.copy(STARTER, tmp_path / "slos" / "desk.yaml")
    (tmp_path / "exporter.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def exporter(folder: Path) -> Iterator[RunningExporter]:
    running = RunningExporter(folder, folder / "slos")
    try:
        yield running
    finally:
        running.stop()


def refused(folder: Path) -> str:
    """What `serve` says where it does not start."""
    ran: Ran = process("serve", "--config", "exporter.yaml", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err
    return ran.err


def call(key: str, at: float) -> bytes:
    """One whole call in one request."""
    common = {"call": key, "synthetic": False, "segments": {"flow": "faq"}}
    events: list[dict[str, object]] = [
        {"kind": "call.started", "at": at, "direction": "inbound"},
        {"kind": "call.connected", "at": at + 1},
        {"kind": "call.first_audio", "at": at + 1.5},
        {"kind": "call.ended", "at": at + 5, "reason": "normal", "by": "caller"},
    ]
    return b"\n".join(json.dumps(event | common | {"id": f"{key}-{event['kind']}"}).encode() for event in events)


def eventually(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_accepted_events_are_shown_at_zero_from_the_start_and_for_agents_that_a_reload_brings(folder: Path) -> None:
    exporter = RunningExporter(folder, folder / "slos", agent=None)

    def accepted() -> dict[tuple[str, str], float]:
        found = exporter.samples()[names.ACCEPTED.name]
        return {(labels["agent"], labels["source"]): value for labels, value in found}

    try:
        assert accepted() == {("front-desk", "native"): 0, ("front-desk", "livekit"): 0}
        assert exporter.events(call("a", time.time())).ok
        text = (folder / "slos" / "desk.yaml").read_text().replace("agent: front-desk", "agent: back-office")
        (folder / "slos" / "back.yaml").write_text(text)
        assert exporter.post("/-/reload", b"", "text/plain").ok
        assert accepted() == {
            ("front-desk", "native"): 4, ("front-desk", "livekit"): 0,
            ("back-office", "native"): 0, ("back-office", "livekit"): 0,
        }  # fmt: skip
    finally:
        exporter.stop()


# Starting -------------------------------------------------------------------------------------------------------------


def test_a_configuration_with_errors_is_refused_with_their_places(folder: Path) -> None:
    (folder / "exporter.yaml").write_text(CONFIG.replace("127.0.0.1:0", "here").replace("native", "natve") + "x: 1\n")
    lines = refused(folder).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "exporter.yaml:2:9", "exporter.yaml:5:11", "exporter.yaml:6:1",
    ]  # fmt: skip
    assert "did you mean native?" in lines[1]


def test_a_configuration_and_slo_files_that_are_not_there(folder: Path) -> None:
    (folder / "slos" / "desk.yaml").unlink()
    assert refused(folder) == "slos: no *.yaml file in this folder\n"
    (folder / "slos").rmdir()
    assert refused(folder) == "slos: no such file or folder\n"
    (folder / "exporter.yaml").unlink()
    assert refused(folder) == "exporter.yaml: No such file or directory\n"


def test_slo_files_with_errors_are_refused_with_their_places(folder: Path) -> None:
    (folder / "slos" / "desk.yaml").write_text(STARTER.read_text().replace("objective: 95%", "objective: 95"))
    assert re.search(r"^slos/desk\.yaml:\d+:16: slos\.turn-latency\.objective: 95 is ", refused(folder))
    assert not (folder / "data" / "voice-slo.sqlite3").exists()


def test_an_address_in_use(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (folder / "exporter.yaml").write_text(CONFIG.replace("127.0.0.1:0", address))
        assert refused(folder) == f"cannot listen on {address}: Address already in use\n"


def test_a_second_process_names_the_first(exporter: RunningExporter, folder: Path) -> None:
    holder = f"voice-slo serve, pid {exporter.process.pid}, {exporter.url}/"
    assert refused(folder) == f"data is in use by {holder}\n"
    assert exporter.samples()["voice_exporter_build_info"]


# Reload ---------------------------------------------------------------------------------------------------------------


def counters(exporter: RunningExporter) -> Counters:
    """The SLI counters and when they were born."""
    wanted = ("voice_sli_eligible_total", "voice_sli_good_total", "voice_sli_created_timestamp_seconds")
    return {name: samples for name, samples in exporter.samples().items() if name in wanted}


def objective(exporter: RunningExporter) -> str:
    slos = requests.get(f"{exporter.url}/api/v1/slos", timeout=DEADLINE).json()["slos"]
    return next(str(slo["objective"]) for slo in slos if slo["slo"] == "connection-success")


def succeeded(exporter: RunningExporter) -> float:
    ((_, value),) = exporter.samples()[names.RELOAD_SUCCESS.name]
    return value


def eligible(counted: Counters) -> float:
    return sum(value for _, value in counted["voice_sli_eligible_total"])


def after_a_slow_turn(exporter: RunningExporter, number: int) -> Counters:
    """The counters once a turn is in them whose verdict nothing can change any more."""
    before = eligible(counters(exporter))
    turn = {
        "kind": "turn", "call": "call", "at": time.time(), "turn": number, "answered": True, "tool_used": False,
        "latency_seconds": 9.5, "synthetic": False, "segments": {"flow": "faq"},
    }  # fmt: skip
    assert exporter.events(json.dumps(turn).encode()).ok
    eventually(lambda: eligible(counters(exporter)) == before + 1)
    return counters(exporter)


@pytest.mark.parametrize("how", ["SIGHUP", "POST"])
def test_a_changed_objective_is_in_force_and_the_counters_stay(
    exporter: RunningExporter, folder: Path, how: str
) -> None:
    before = after_a_slow_turn(exporter, 1)
    assert eligible(before) == 1
    assert objective(exporter) == "0.995"
    path = folder / "slos" / "desk.yaml"
    path.write_text(path.read_text().replace("objective: 99.5%", "objective: 99%"))
    if how == "SIGHUP":
        os.kill(exporter.process.pid, signal.SIGHUP)
        eventually(lambda: "SLO files reloaded\n" in exporter.log())
    else:
        answer = exporter.post("/-/reload", b"", "text/plain")
        assert (answer.status_code, answer.json()) == (200, {"status": "reloaded"})
    assert objective(exporter) == "0.99"
    assert counters(exporter) == before
    assert succeeded(exporter) == 1


def broken(folder: Path) -> None:
    path = folder / "slos" / "desk.yaml"
    path.write_text(path.read_text().replace("objective: 99.5%", "objective: 99.5"))


def gone(folder: Path) -> None:
    shutil.rmtree(folder / "slos")


@pytest.mark.parametrize(
    ("how", "harm", "said"),
    [
        ("POST", broken, "slos.connection-success.objective: 99.5 is not between 0 and 1"),
        ("SIGHUP", gone, "slos: no such file or folder"),
    ],
)
def test_a_reload_that_fails_keeps_the_old_slos_and_says_so(
    exporter: RunningExporter, folder: Path, how: str, harm: Callable[[Path], None], said: str
) -> None:
    before = after_a_slow_turn(exporter, 1)
    harm(folder)
    if how == "SIGHUP":
        os.kill(exporter.process.pid, signal.SIGHUP)
        eventually(lambda: "reload failed, the old SLOs stay in force" in exporter.log())
        assert said in exporter.log()
    else:
        answer = exporter.post("/-/reload", b"", "text/plain")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "reload_failed"
        assert said in answer.json()["error"]["message"]
    assert succeeded(exporter) == 0
    page = requests.get(exporter.url, timeout=DEADLINE).text
    assert "The last reload failed" in page
    assert said in page
    assert (objective(exporter), counters(exporter)) == ("0.995", before)
    assert "Traceback" not in exporter.log()
    # It goes on counting by the old ones, and recovers once the files are right again.
    after = after_a_slow_turn(exporter, 2)
    assert eligible(after) == 2
    (folder / "slos").mkdir(exist_ok=True)
    shutil.copy(STARTER, folder / "slos" / "desk.yaml")
    assert exporter.post("/-/reload", b"", "text/plain").ok
    assert succeeded(exporter) == 1
    assert "The last reload failed" not in requests.get(exporter.url, timeout=DEADLINE).text


# Stopping -------------------------------------------------------------------------------------------------------------


class Sender(threading.Thread):
    """Posts calls until nobody answers any more; what it got no answer for it would send again."""

    def __init__(self, exporter: RunningExporter, numbers: itertools.count[int], at: float) -> None:
        super().__init__(daemon=True)
        self._exporter, self._numbers, self._at = exporter, numbers, at
        self.acknowledged: list[int] = []
        self.unanswered: int | None = None

    def run(self) -> None:
        while True:
            number = next(self._numbers)
            try:
                ok = self._exporter.events(call(f"call-{number}", self._at)).ok
            except requests.RequestException:
                ok = False
            if not ok:
                self.unanswered = number
                return
            self.acknowledged.append(number)


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(exporter: RunningExporter) -> None:
    at, numbers = time.time() - 10, itertools.count()
    senders = [Sender(exporter, numbers, at) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    eventually(lambda: all(len(sender.acknowledged) >= 20 for sender in senders))
    exporter.process.terminate()
    assert exporter.process.wait(DEADLINE) == 0
    for sender in senders:
        sender.join(DEADLINE)
        assert not sender.is_alive()
    assert exporter.log().endswith("stopped; everything acknowledged is on disk\n")
    exporter.start()
    sent = {n for sender in senders for n in sender.acknowledged}
    for number in (n for n in (sender.unanswered for sender in senders) if n is not None):
        assert exporter.events(call(f"call-{number}", at)).ok
        sent.add(number)
    assert exporter.settled()["connection-success"] == {"good": len(sent)}


def test_a_stop_leaves_the_directory_free(exporter: RunningExporter) -> None:
    first = exporter.process.pid
    exporter.stop()
    exporter.start()
    assert exporter.process.pid != first
    assert exporter.outcomes() == {}
