"""SLO files → recording rules, alerts and dashboards for an existing Prometheus and Grafana."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import grafana
import prometheus_rules
from voice_slo.spec import SloFile
from voice_slo_cli import slo_files
from voice_slo_cli.diff import difference
from voice_slo_cli.output_tree import Drift, Generated, compare, write
from voice_slo_cli.terminal import EXIT_DRIFT, EXIT_OK, complain, say, write_diff
from voice_slo_cli.version import installed_version

HELP = "write recording rules, alerts and dashboards"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="SLO files or folders (default: slos/)")
    parser.add_argument("--out", metavar="DIR", default=".", help="below this folder (default: here)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 where the files differ")
    parser.add_argument("--diff", action="store_true", help="like --check, and print what would change")


def run(given: argparse.Namespace) -> int:
    root = Path(given.out)
    paths = slo_files.find(given.paths)
    loaded = slo_files.read_as((path, shown_name(path, root)) for path in paths)
    complain(*(str(warning) for warning in loaded.warnings))
    sources = [relative(path, root) for path in paths]
    wanted = generated(zip(loaded.files, sources, strict=True))
    if given.check or given.diff:
        drift = compare(root, wanted, sources)
        if given.diff:
            write_diff(difference(root, wanted, drift))
        _tell(drift, "missing", "differs", "is of no SLO file any more")
        if drift:
            say(f"run: voice-slo generate {' '.join(given.paths)}".rstrip())
        return EXIT_DRIFT if drift else EXIT_OK
    _tell(write(root, wanted, sources), "written", "updated", "removed")
    say(f"{len(wanted)} files from {len(loaded.files)} SLO files")
    return EXIT_OK


def generated(files: Iterable[tuple[SloFile, str]]) -> Mapping[str, Generated]:
    """Path below the output folder → what belongs there, of SLO files and where they are."""
    version = installed_version()
    return {
        path: Generated(content, source)
        for file, source in files
        for room in (prometheus_rules, grafana)
        for path, content in room.generate(file, version).items()
    }


def relative(path: Path, root: Path) -> str:
    """The SLO file as the manifest knows it: the same wherever the command is run, and of another file another."""
    return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()


def shown_name(path: Path, root: Path) -> str:
    """The SLO file as generated files name it: nothing of a machine stands in them."""
    inside = relative(path, root)
    return path.name if inside.startswith("../") else inside


def _tell(drift: Drift, missing: str, changed: str, stale: str) -> None:
    for paths, word in ((drift.missing, missing), (drift.changed, changed), (drift.stale, stale)):
        for path in paths:
            say(f"{path}: {word}")
    if drift.manifest and not (drift.missing or drift.changed or drift.stale):
        say("the manifest of an earlier run was torn")
