"""Recorded LiveKit calls through the running exporter: batches in any order, twice, with a restart in the middle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.livekit_samples import FOLDER, SCENARIOS, bodies
from tests.running_exporter import RunningExporter, running
from tests.slo_texts import EVERY_SLI
from voice_slo_cli.replay import recorded

COUNTED = ("good", "bad", "excluded", "unknown")
VERDICTS = json.loads((FOLDER / "verdicts.json").read_text())


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[RunningExporter]:
    slos = tmp_path / "slos.yaml"
    slos.write_text(EVERY_SLI.replace("BUDGET_BY", "[flow]"))
    yield from running(tmp_path, slos, operational="6s", quality="6s")


def expected() -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for scenario in VERDICTS.values():
        for verdict in scenario["verdicts"]:
            found.setdefault(verdict["slo"], Counter())[verdict["verdict"]] += 1
    return found


def counted(outcomes: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    only = {slo: Counter({v: n for v, n in held.items() if v in COUNTED}) for slo, held in outcomes.items()}
    return {slo: held for slo, held in only.items() if held}


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_with_repeats_and_a_restart_gives_the_written_verdicts(exporter: RunningExporter, seed: int) -> None:
    rng = random.Random(seed)
    # Five seconds ahead, so that no event precedes the birth of the counters.
    sent = [request.body for request in recorded(FOLDER, (time.time_ns() // 1_000) + 5_000_000)]
    requests = sent + rng.sample(sent, len(sent) // 2)
    rng.shuffle(requests)
    for number, body in enumerate(requests):
        assert exporter.traces(body).status_code == 200
        if number == len(requests) // 2:
            exporter.stop()
            exporter.start()
    outcomes = counted(exporter.settled())
    assert outcomes == expected()
    samples = exporter.samples()
    for slo, held in outcomes.items():
        good = sum(v for labels, v in samples["voice_sli_good_total"] if labels["slo"] == slo)
        eligible = sum(v for labels, v in samples["voice_sli_eligible_total"] if labels["slo"] == slo)
        bad = sum(v for labels, v in samples["voice_sli_bad_total"] if labels["slo"] == slo)
        assert (eligible, good, bad) == (held["good"] + held["bad"], held["good"], held["bad"]), slo
    for body in sent:
        assert exporter.traces(body).status_code == 200
    assert counted(exporter.settled()) == expected()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_translate_piped_into_judge_gives_the_written_verdicts(scenario: str, tmp_path: Path) -> None:
    slos = tmp_path / "slos.yaml"
    slos.write_text(EVERY_SLI.replace("BUDGET_BY", "[flow]"))
    files = []
    for number, body in enumerate(bodies(scenario)):
        files.append(tmp_path / f"{number}.bin")
        files[-1].write_bytes(body)
    command = [sys.executable, "-m", "voice_slo_cli.main"]
    events = subprocess.run(
        [*command, "translate", "--source", "otlp", *map(str, reversed(files))], check=True, capture_output=True
    ).stdout
    lines = subprocess.run(
        [*command, "judge", "--slos", str(slos)], input=events, check=True, capture_output=True
    ).stdout.splitlines()
    found = {(x["slo"], x["unit"], x["id"]): x["verdict"] for x in map(json.loads, lines)}
    assert found == {(v["slo"], v["unit"], v["id"]): v["verdict"] for v in VERDICTS[scenario]["verdicts"]}
