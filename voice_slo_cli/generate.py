"""SLO files → recording rules, alerts, routes, runbooks and dashboards for an existing Prometheus and Grafana."""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import grafana
import prometheus_rules
from prometheus_rules import alertmanager, outputs, rule_tests, runbooks
from prometheus_rules.target import Target
from voice_slo.loading import Loaded
from voice_slo.spec import SloFile
from voice_slo_cli import push_options, slo_files, target_options
from voice_slo_cli.diff import difference
from voice_slo_cli.failure import Failure
from voice_slo_cli.output_tree import Drift, Generated, compare, write
from voice_slo_cli.terminal import EXIT_DRIFT, EXIT_OK, complain, say, write_diff
from voice_slo_cli.version import installed_version

HELP = "write recording rules, alerts, routes, runbooks and dashboards"

ROOMS: Sequence[Callable[[SloFile, str], Mapping[str, bytes]]] = (
    grafana.generate, alertmanager.generate, runbooks.generate, rule_tests.generate,
)  # fmt: skip
"""What is written beside the rules, whatever the ruler."""
_MOST_TOLD = 20
"""Files that are named one by one; a new agent has hundreds of pages."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="SLO files or folders (default: slos/)")
    parser.add_argument("--out", metavar="DIR", default=".", help="below this folder (default: here)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 where the files differ")
    parser.add_argument("--diff", action="store_true", help="like --check, and print what would change")
    target_options.arguments(parser)
    push_options.arguments(parser)


def run(given: argparse.Namespace) -> int:
    if given.push:
        return _push(given)
    push_options.refuse_without_push(given)
    target = target_options.target_of(given, given.format or "prometheus")
    with _one_batch():
        return _files(given, target)


def _push(given: argparse.Namespace) -> int:
    """Rules only: a ruler has no dashboards. The HTTP client takes as long to load as 50 SLOs to write: only here."""
    from voice_slo_cli import push  # noqa: PLC0415

    if given.format not in (None, "mimir"):
        raise Failure(f"--push mimir sends --format mimir, not {given.format}")
    target, access = target_options.target_of(given, "mimir"), push_options.access(given)
    loaded = _loaded(slo_files.find(given.paths), Path(given.out))
    made = prometheus_rules.render(loaded.files, installed_version(), target)
    complain(*made.notes)
    if sum(map(len, made.groups.values())) > target.most_groups:
        raise Failure("nothing was sent: it would not fit")
    wanted = {outputs.namespace(agent, target): groups for agent, groups in made.groups.items()}
    return push.run(
        access, wanted, target.namespace_prefix,
        prune=given.prune, dry=given.check or given.diff, diff=given.diff,
    )  # fmt: skip


def _files(given: argparse.Namespace, target: Target) -> int:
    root = Path(given.out)
    paths = slo_files.find(given.paths)
    loaded = _loaded(paths, root)
    sources = [relative(path, root) for path in paths]
    wanted, notes = generated(zip(loaded.files, sources, strict=True), target)
    complain(*notes)
    if given.check or given.diff:
        drift = compare(root, wanted, sources)
        if given.diff:
            write_diff(difference(root, wanted, drift))
        _tell(drift, "missing", "differs", "is generated no more")
        if drift:
            say(f"run: voice-slo generate {' '.join([*target_options.words(given), *given.paths])}".rstrip())
        return EXIT_DRIFT if drift else EXIT_OK
    _tell(write(root, wanted, sources), "written", "updated", "removed")
    say(f"{len(wanted)} files from {len(loaded.files)} SLO files")
    return EXIT_OK


def generated(files: Iterable[tuple[SloFile, str]], target: Target) -> tuple[Mapping[str, Generated], Sequence[str]]:
    """Path below the output folder → what belongs there, of SLO files and where they are; and what to tell."""
    version, given = installed_version(), list(files)
    rules = prometheus_rules.render([file for file, _ in given], version, target)
    wanted = {
        path: Generated(content, source)
        for file, source in given
        for made in (rules.files[file.agent], *(room(file, version) for room in ROOMS))
        for path, content in made.items()
    }
    return wanted, rules.notes


@contextmanager
def _one_batch() -> Iterator[None]:
    """Nothing that is made becomes garbage before the end, and looking for it takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _loaded(paths: Iterable[Path], root: Path) -> Loaded:
    loaded = slo_files.read_as((path, shown_name(path, root)) for path in paths)
    complain(*(str(warning) for warning in loaded.warnings))
    return loaded


def relative(path: Path, root: Path) -> str:
    """The SLO file as the manifest knows it: the same wherever the command is run, and of another file another."""
    return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()


def shown_name(path: Path, root: Path) -> str:
    """The SLO file as generated files name it: nothing of a machine stands in them."""
    inside = relative(path, root)
    return path.name if inside.startswith("../") else inside


def _tell(drift: Drift, missing: str, changed: str, stale: str) -> None:
    for paths, word in ((drift.missing, missing), (drift.changed, changed), (drift.stale, stale)):
        for path in paths if len(paths) <= _MOST_TOLD else paths[: _MOST_TOLD - 1]:
            say(f"{path}: {word}")
        if len(paths) > _MOST_TOLD:
            say(f"{len(paths) - _MOST_TOLD + 1} more: {word}")
    if drift.manifest and not (drift.missing or drift.changed or drift.stale):
        say("the manifest of an earlier run was torn")
