"""How long `voice-slo generate` takes, how much memory, and what comes out: 50 and 1,000 SLOs, every format.

    python benchmarks/generate.py

from the root of the checkout, in an environment with the dependencies; about three minutes. `rules`: from SLO files to
rule files on disk, every expression parsed. `all`: the command as users run it, with dashboards, routes, rule tests and
a runbook for every alert class beside them. Both are the best of three runs, each in a process of its own that starts
Python and writes into an empty folder; memory is that of `all`. Two bounds are measured in the same run, for machines
differ: `promtool check rules` on the result, and PyYAML's C dumper on it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from prometheus_rules import render  # noqa: E402
from prometheus_rules.group_texts import GroupText  # noqa: E402
from prometheus_rules.shapes import Writer  # noqa: E402
from prometheus_rules.target import FORMATS, Format, Target  # noqa: E402
from voice_slo.catalog import catalog  # noqa: E402
from voice_slo.spec import SloFile  # noqa: E402
from voice_slo_cli import slo_files  # noqa: E402

RUNS = 3
SLOS_OF_AN_AGENT = 50
OBJECTIVES = ("90%", "95%", "99%", "99.5%")
POLICIES = ("guarded", "guarded", "article", "sre-workbook")
RULES_ONLY = """
import gc, sys
gc.disable()
from pathlib import Path
from prometheus_rules import render
from prometheus_rules.target import Target
from voice_slo_cli import output_tree, slo_files
slos, out, format_ = sys.argv[1:]
files = slo_files.read([slos]).files
made = render(files, "0", Target(format_)).files
wanted = {path: output_tree.Generated(text, agent) for agent, own in made.items() for path, text in own.items()}
output_tree.write(Path(out), wanted, list(made))
"""


def main() -> None:
    print("  SLOs format      rules s  CPU s   all s  CPU s  MB RAM   files  MB of rules  groups    rules")
    with tempfile.TemporaryDirectory() as folder:
        for count in (50, 1000):
            slos = Path(folder) / f"slos-{count}"
            write_slos(slos, count)
            for format_ in FORMATS:
                print(f"{count:>6} {format_:<11}{measured(slos, Path(folder) / 'out', format_)}")
        print(bounds(Path(folder)))
        print(shapes(Path(folder) / "slos-1000"))


def write_slos(folder: Path, count: int) -> None:
    """Agents of fifty SLOs: every SLI of the catalog, four objectives, three policies, some rows for single flows."""
    folder.mkdir()
    for agent in range(-(-count // SLOS_OF_AN_AGENT)):
        rows = "\n".join(map(_slo, range(min(SLOS_OF_AN_AGENT, count - agent * SLOS_OF_AN_AGENT))))
        (folder / f"agent-{agent:02}.yaml").write_text(
            f"version: voice-slo/v1\nagent: agent-{agent:02}\nowner: voice-platform\nbudget_by: [flow]\n"
            "segments:\n  flow: [booking, billing, faq, password-reset, fraud]\n  language: {en: [en-US], es: []}\n"
            "  agent_version: {max: 20}\n"
            "links: {runbooks: https://runbooks.example.com/, dashboards: https://grafana.example.com}\n"
            "synthetics:\n  - {flow: fraud, every: 5m, grace: 2m, critical: true}\n"
            f"slos:\n{rows}\n"
        )


def _slo(n: int) -> str:
    slis = [name for name, sli in catalog().items() if sli.unit != "synthetic"]
    sli, objective, policy = slis[n % len(slis)], OBJECTIVES[n % len(OBJECTIVES)], POLICIES[n % len(POLICIES)]
    rows = ", objectives: [{flow: fraud, objective: 99.9%}]" if n % 5 == 0 else ""
    return (
        f"  slo-{n:02}: {{sli: {sli}, objective: {objective}, alerting: {policy}, owner: team-{n % 7},"
        f" title: 'SLO {n}'{rows}}}"
    )


def measured(slos: Path, out: Path, format_: Format) -> str:
    """One line of the table."""
    rules_seconds, rules_cpu, _ = best(rules_command(slos, out, format_), out)
    seconds, cpu, memory = best(whole_command(slos, out, format_), out)
    written = [path for path in out.rglob("*") if path.is_file()]
    rules = sum(path.stat().st_size for path in out.glob("prometheus_rules/generated/*.yaml"))
    groups = [group for own in rendered(slos, format_) for group in own]
    return (
        f"{rules_seconds:>8.2f} {rules_cpu:>6.2f} {seconds:>7.2f} {cpu:>6.2f} {memory / 1024:>7.0f} {len(written):>7}"
        f" {rules / 1e6:>12.1f} {len(groups):>7} {sum(group.rules for group in groups):>8}"
    )


def whole_command(slos: Path, out: Path, format_: str) -> Sequence[str]:
    words = ("-m", "voice_slo_cli.main", "generate", str(slos), "--out", str(out), "--format", format_)
    return (sys.executable, *words)


def rules_command(slos: Path, out: Path, format_: str) -> Sequence[str]:
    return (sys.executable, "-c", RULES_ONLY, str(slos), str(out), format_)


def best(command: Sequence[str], out: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and KiB at the peak of the quickest run."""
    runs = []
    for _ in range(RUNS):
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0
        runs.append((time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss))
    return min(runs)


def rendered(slos: Path, format_: Format) -> Sequence[Sequence[GroupText]]:
    return list(render(loaded(slos), "0", Target(format_)).groups.values())


def loaded(slos: Path) -> Sequence[SloFile]:
    return slo_files.read([str(slos)]).files


def bounds(folder: Path) -> str:
    """What Prometheus' own tool needs to read the rules, and PyYAML to write them."""
    lines, out = [""], folder / "out"
    if shutil.which("promtool"):
        seconds, *_ = best(rules_command(folder / "slos-1000", out, "prometheus"), out)
        files = [str(path) for path in out.glob("prometheus_rules/generated/*.rules.yaml")]
        checked = min(_timed("promtool", "check", "rules", *files) for _ in range(RUNS))
        lines.append(f"promtool check rules, 1,000 SLOs: {checked:.2f} s; making them: {seconds / checked:.2f} of it")
    seconds, *_ = best(rules_command(folder / "slos-50", out, "prometheus"), out)
    (file,) = out.glob("prometheus_rules/generated/*.rules.yaml")
    document = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    start = time.perf_counter()
    yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
    dumped = time.perf_counter() - start
    lines.append(f"PyYAML's C dumper, 50 SLOs: {dumped:.2f} s; making and checking: {seconds / dumped:.2f} of it")
    return "\n".join(lines)


def _timed(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def shapes(slos: Path) -> str:
    """What the first SLO of a shape costs; the others cost a hundredth."""
    files, writer = loaded(slos), Writer(Target(), "")
    start = time.process_time()
    for file in files:
        writer.agent(file)
    cpu = time.process_time() - start
    count = sum(map(len, writer._known.values()))  # noqa: SLF001
    return f"{sum(len(f.slos) for f in files)} SLOs, {count} shapes: {cpu / count * 1000:.1f} ms CPU for a shape"


if __name__ == "__main__":
    main()
