"""The whole way on this machine: check, generate, exporter, recorded calls through HTTP, Prometheus if there is one."""

from __future__ import annotations

import argparse
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import yaml
from rich.table import Table

from exporter.store import DATABASE, DirectoryLock, StoreLocked
from prometheus_rules.target import Target
from voice_slo.batch import judge_stream
from voice_slo.quantities import percent
from voice_slo.spec import SloFile
from voice_slo_cli import generate, loopback, output_tree, replay, slo_files
from voice_slo_cli.failure import Failure
from voice_slo_cli.processes import HOST, Child, free_port, start_exporter, start_prometheus, until
from voice_slo_cli.serve import now_us
from voice_slo_cli.terminal import EXIT_OK, out, say, waiting

HELP = "run everything here on recorded calls"
RECORDED = "tests/telemetry/livekit-agents"
EVENTS = "examples/calls.ndjson"
SLOS = "slos/starter.yaml"
PORT = 9477
INTERVAL = 2
"""Seconds between scrapes and between evaluations: nobody wants to wait a production interval in a demo."""
_BEGIN = "demo-begin"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recorded", metavar="DIR", nargs="?", const=RECORDED, default=RECORDED,
                        help=f"recorded LiveKit calls (default: {RECORDED})")  # fmt: skip
    parser.add_argument("--events", metavar="FILE", default=EVENTS, help=f"native example calls (default: {EVENTS})")
    parser.add_argument("--slos", metavar="FILE", default=SLOS, help=f"SLO file of one agent (default: {SLOS})")
    parser.add_argument("--run-dir", metavar="DIR", default=".run", help="everything is kept here (default: .run)")
    parser.add_argument("--exit-after", action="store_true", help="end once counted and checked")


def run(given: argparse.Namespace) -> int:
    # Whoever ends this process ends its children with it, from the first one on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(given.run_dir).resolve()
    _say_where_it_runs(folder / "data")
    file = _one_file(given.slos)
    say(f"checked {file.path}: {len(file.slos)} SLOs of agent {file.agent}")
    rules = _generate(folder, file)
    again = (folder / "data" / DATABASE).exists()
    with ExitStack() as children:
        url, exporter = _exporter(folder, Path(given.slos), file.agent)
        children.callback(exporter.stop)
        begin = _begin(folder / "data")
        sent = [*replay.recorded(Path(given.recorded), begin), *replay.native(Path(given.events), begin)]
        before = _outcomes(url)
        replay.send(url, sent)
        _tell_sent(before, _outcomes(url), again)
        _counted(url, file, sent)
        prometheus = start_prometheus(folder, int(url.rpartition(":")[2]), rules, INTERVAL)
        if prometheus:
            children.callback(prometheus[0].stop)
        _show(url, file, prometheus[1] if prometheus else None)
        if given.exit_after:
            return EXIT_OK
        _stay([exporter, *([prometheus[0]] if prometheus else [])])
    return EXIT_OK


def _one_file(path: str) -> SloFile:
    files = slo_files.read([path]).files
    if len(files) != 1:
        raise Failure(f"{path}: the demo is of one agent, and these are SLO files of {len(files)}; name one of them")
    return files[0]


def _say_where_it_runs(data: Path) -> None:
    try:
        DirectoryLock(data, "voice-slo demo").close()
    except StoreLocked as e:
        raise Failure(f"already running: {e}") from None


def _generate(folder: Path, file: SloFile) -> list[Path]:
    """Rules and dashboards below the run folder, at the demo's interval."""
    quick = replace(file.prometheus, scrape_interval=INTERVAL, evaluation_interval=INTERVAL)
    wanted, _ = generate.generated([(replace(file, prometheus=quick), file.path)], Target())
    output_tree.write(folder, wanted, {file.path})
    rules = [folder / path for path in wanted if path.endswith(".rules.yaml")]
    say(f"generated {len(wanted)} files below {folder.name}/")
    return rules


def _exporter(folder: Path, slos: Path, agent: str) -> tuple[str, Child]:
    port = free_port(PORT)
    config = folder / "exporter.yaml"
    config.write_text(yaml.safe_dump({
        "version": "voice-slo-exporter/v1",
        "listen": f"{HOST}:{port}",
        "data_dir": "./data",
        "slos": [str(slos.resolve())],
        "settle": {"operational": "2s", "quality": "2s"},
        "sources": {"native": {"agent": agent}, "livekit": {"agent": agent}},
    }, sort_keys=False))  # fmt: skip
    url = f"http://{HOST}:{port}"
    child = start_exporter(config, url, folder / "exporter.log")
    say(f"exporter at {url}/")
    return url, child


def _begin(data: Path) -> int:
    """When the recorded calls begin, µs: now, and the same moment again on the same store, so repeats are equal."""
    path = data / _BEGIN
    if not path.exists():
        output_tree.replace_file(path, f"{now_us()}\n".encode())
    return int(path.read_text())


def _metrics(url: str) -> str:
    return loopback.get(f"{url}/metrics", seconds=10).text


def _outcomes(url: str) -> Counter[str]:
    """Events by outcome, over all sources."""
    found: Counter[str] = Counter()
    for line in _metrics(url).splitlines():
        if line.startswith("voice_exporter_events_total{"):
            outcome = line.partition('outcome="')[2].partition('"')[0]
            found[outcome] += int(float(line.rpartition(" ")[2]))
    return found


def _tell_sent(before: Counter[str], after: Counter[str], again: bool) -> None:
    new = {name: after[name] - before[name] for name in ("accepted", "duplicate", "rejected")}
    if new["rejected"]:
        raise Failure(f"{new['rejected']} events were rejected; if the run folder is over 35 days old, remove it")
    if again and not new["accepted"]:
        say(f"sent the recorded calls again: {new['duplicate']} events, all known already; nothing is counted twice")
    else:
        say(f"sent the recorded calls: {new['accepted']} events accepted, {new['duplicate']} known already")


def _slos(url: str) -> dict[str, dict[str, str | int]]:
    return {slo["slo"]: slo for slo in loopback.get(f"{url}/api/v1/slos", seconds=10).json()["slos"]}


def _counted(url: str, file: SloFile, sent: Sequence[replay.Request]) -> None:
    """Wait until the exporter has counted what judging the same calls gives. Raises `Failure` where it does not."""
    expected: dict[str, Counter[str]] = {slo.name: Counter() for slo in file.slos}
    for judged in judge_stream(replay.translated(sent), [file]):
        expected[judged.slo.name][judged.verdict.outcome] += 1

    def equal() -> bool:
        held = _slos(url)
        return all(
            held[name]["eligible"] == n["good"] + n["bad"]
            and all(held[name][verdict] == n[verdict] for verdict in ("bad", "excluded", "unknown", "awaiting"))
            for name, n in expected.items()
        )

    with waiting("waiting for the calls to settle"):
        if not until(equal, 60):
            raise Failure(f"counted {_slos(url)}, but judging the same calls gives {expected}")


def _show(url: str, file: SloFile, prometheus: str | None) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("slo", "objective"):
        table.add_column(title, no_wrap=True)
    for title in ("eligible", "bad", "excluded", "unknown", "awaiting", "budget left"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    held = _slos(url)
    for slo in file.slos:
        row = held[slo.name]
        left = f"{float(row['remaining_events']):.1f} of {float(row['budget_events']):.1f} events"
        cells = [str(row[name]) for name in ("eligible", "bad", "excluded", "unknown", "awaiting")]
        table.add_row(slo.name, percent(slo.objective), *cells, left, str(row["state"]))
    console = out()
    console.print(table)
    console.print("counted and judged are equal")
    if prometheus:
        _check_prometheus(prometheus, file, held)
    console.print(f"status page  {url}/")
    console.print(f"metrics      {url}/metrics")
    console.print(f"prometheus   {prometheus or 'none on PATH: apt install prometheus, and run again'}")
    console.print(f"why so?      voice-slo explain call-llm_error --exporter {url}")


def _check_prometheus(url: str, file: SloFile, held: dict[str, dict[str, str | int]]) -> None:
    """The period's events out of the recording rules must be those counted. Raises `Failure` where they are not."""
    found: dict[str, dict[str, int]] = {}

    def equal() -> bool:
        for kind in ("eligible", "bad"):
            query = f'sum by (slo) (voice_slo:{kind}:events_period{{agent="{file.agent}"}})'
            answer = loopback.get(f"{url}/api/v1/query", {"query": query}, seconds=10).json()
            found[kind] = {r["metric"]["slo"]: int(float(r["value"][1])) for r in answer["data"]["result"]}
        return all(
            found[kind].get(slo.name) == held[slo.name][kind] for slo in file.slos for kind in ("eligible", "bad")
        )

    with waiting("waiting for the recording rules"):
        if not until(equal, 90):
            raise Failure(f"the recording rules say {found}, the exporter {held}")
    out().print("recording rules in Prometheus are equal to what was counted")


def _stay(children: Sequence[Child]) -> None:
    say("Ctrl-C ends it; the counts stay in the run folder")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):
        for child in children:
            if not child.running:
                raise Failure(f"{child.name} has ended; see the log beside the data")
