"""How long `voice-slo generate` takes, how much memory, and what comes out: 50 and 1,000 SLOs, every format.

    python benchmarks/generate.py

from the root of the checkout, in an environment with the dependencies; about two minutes, most of it PyYAML. Wall
clock is the best of three runs, in a process of its own each, with an empty output folder. Everything is compared
with two bounds that are measured in the same run: `promtool check rules` on the result, and PyYAML's C dumper on it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from prometheus_rules import render  # noqa: E402
from prometheus_rules.shapes import Writer  # noqa: E402
from prometheus_rules.target import FORMATS, Format, Target  # noqa: E402
from voice_slo.catalog import catalog  # noqa: E402
from voice_slo.spec import SloFile  # noqa: E402
from voice_slo_cli import slo_files  # noqa: E402

RUNS = 3
SLOS_OF_AN_AGENT = 50
OBJECTIVES = ("90%", "95%", "99%", "99.5%")
POLICIES = ("guarded", "guarded", "article", "sre-workbook")


def main() -> None:
    print(
        f"{'SLOs':>6} {'format':<11} {'seconds':>8} {'CPU s':>6} {'MB RAM':>7} {'MB out':>7} {'groups':>7} {'rules':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for count in (50, 1000):
            written = Path(folder) / f"slos-{count}"
            write_slos(written, count)
            for format_ in FORMATS:
                print(f"{count:>6} {format_:<11} {measured(written, Path(folder) / 'out', format_)}")
        compare(Path(folder))
        shapes(Path(folder) / "slos-1000")


def write_slos(folder: Path, count: int, objectives: tuple[str, ...] = OBJECTIVES) -> None:
    """Agents of fifty SLOs: every SLI of the catalog, four objectives, three policies, some rows for single flows."""
    folder.mkdir()
    for agent in range(-(-count // SLOS_OF_AN_AGENT)):
        rows = "\n".join(_slo(n, objectives) for n in range(min(SLOS_OF_AN_AGENT, count - agent * SLOS_OF_AN_AGENT)))
        text = (
            f"version: voice-slo/v1\nagent: agent-{agent:02}\nowner: voice-platform\nbudget_by: [flow]\n"
            "segments:\n  flow: [booking, billing, faq, password-reset, fraud]\n  language: {en: [en-US], es: []}\n"
            "  agent_version: {max: 20}\n"
            "links: {runbooks: https://runbooks.example.com/, dashboards: https://grafana.example.com}\n"
            "synthetics:\n  - {flow: fraud, every: 5m, grace: 2m, critical: true}\n"
            f"slos:\n{rows}\n"
        )
        (folder / f"agent-{agent:02}.yaml").write_text(text)


def _slo(n: int, objectives: tuple[str, ...]) -> str:
    slis = [name for name, sli in catalog().items() if sli.unit != "synthetic"]
    sli, objective, policy = slis[n % len(slis)], objectives[n % len(objectives)], POLICIES[n % len(POLICIES)]
    rows = ", objectives: [{flow: fraud, objective: 99.9%}]" if n % 5 == 0 else ""
    return (
        f"  slo-{n:02}: {{sli: {sli}, objective: {objective}, alerting: {policy}, owner: team-{n % 7},"
        f" title: 'SLO {n}'{rows}}}"
    )


def measured(slos: Path, out: Path, format_: Format) -> str:
    """One line of the table."""
    best = min(_run(slos, out, format_) for _ in range(RUNS))
    groups = [group for own in render(_loaded(slos), "0", Target(format_)).groups.values() for group in own]
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    seconds, cpu, memory = best
    return (
        f"{seconds:>8.2f} {cpu:>6.2f} {memory / 1024:>7.0f} {size / 1e6:>7.1f} {len(groups):>7}"
        f" {sum(group.rules for group in groups):>8}"
    )


def _run(slos: Path, out: Path, format_: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and KiB at the peak of one command, the start of Python included."""
    shutil.rmtree(out, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "voice_slo_cli.main",
        "generate",
        str(slos),
        "--out",
        str(out),
        "--format",
        format_,
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss


def _loaded(folder: Path) -> list[SloFile]:
    return list(slo_files.read([str(folder)]).files)


def compare(folder: Path) -> None:
    """Two bounds: what Prometheus' own tool needs to read the result, and PyYAML to write it."""
    out = folder / "bounds"
    seconds, *_ = min(_run(folder / "slos-1000", out, "prometheus") for _ in range(RUNS))
    rules = [str(path) for path in sorted(out.glob("prometheus_rules/generated/*.rules.yaml"))]
    if shutil.which("promtool"):
        checked = min(_timed(["promtool", "check", "rules", *rules]) for _ in range(RUNS))
        print(
            f"\npromtool check rules on the 1,000 SLOs: {checked:.2f} s; generate takes {seconds / checked:.2f} of it"
        )
    _run(folder / "slos-50", out, "prometheus")
    document = yaml.load(Path(rules[0]).read_bytes(), Loader=yaml.CSafeLoader)
    start = time.perf_counter()
    yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
    dumped = time.perf_counter() - start
    seconds, *_ = min(_run(folder / "slos-50", out, "prometheus") for _ in range(RUNS))
    print(f"PyYAML's C dumper on the rules of 50 SLOs: {dumped:.2f} s; generate takes {seconds / dumped:.2f} of it")


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def shapes(slos: Path) -> None:
    """What an SLO costs that shares its shape with others, and one that does not."""
    files = _loaded(slos)
    start = time.process_time()
    writer = Writer(Target(), "")
    for file in files:
        writer.agent(file)
    cpu = time.process_time() - start
    count = sum(map(len, writer._known.values()))  # noqa: SLF001
    print(f"{sum(len(f.slos) for f in files)} SLOs of {count} shapes: {cpu / count * 1000:.1f} ms CPU for each shape")


if __name__ == "__main__":
    main()
