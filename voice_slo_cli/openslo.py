"""SLOs to and from OpenSLO v1, and from sloth and pyrra. What was not carried over is told on stderr."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import yaml

import interchange
from interchange import Choices, Note, Object, Value
from voice_slo import loading, quantities, reading
from voice_slo.catalog import catalog
from voice_slo.diagnostics import shown, suggest
from voice_slo.parse_slo import MAX_PERIOD
from voice_slo.quantities import DAY
from voice_slo.reading import NAME
from voice_slo_cli import payloads, slo_files
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import EXIT_OK, say

HELP = "SLOs to and from OpenSLO; import from sloth and pyrra"
DIRECTIONS = ("import", "export")
RESULT = "imported.yaml"
"""Name of the new file in messages; it goes to stdout."""


def arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "direction",
        choices=DIRECTIONS,
        metavar="DIRECTION",
        help="import (specs → one SLO file) or export (SLO files → OpenSLO v1)",
    )
    add("paths", nargs="*", metavar="PATH", help="import: specs, - or nothing for stdin; export: default slos/")
    add("--agent", metavar="NAME", help="import: the voice agent (default: the service of the specs)")
    add("--owner", metavar="TEXT", help="import: the owner of every SLO (default: the label owner or team)")
    add("--period", metavar="DURATION", help="import: the period where a spec has none (default: 30d)")
    sli = "import: SLI of the catalog for one SLO or for all others; without it an SLO stays undecided"
    add("--sli", metavar="[SLO=]SLI", action="append", default=[], help=sli)
    add(
        "--per-segment", action="store_true", help="export: an object for each label set, so that each keeps its budget"
    )
    add("--output", choices=("text", "json"), default="text")


def run(given: argparse.Namespace) -> int:
    _check_options(given)
    return _import(given) if given.direction == "import" else _export(given)


def _check_options(given: argparse.Namespace) -> None:
    wrong = ("per_segment",) if given.direction == "import" else ("agent", "owner", "period", "sli")
    for name in wrong:
        if getattr(given, name):
            raise Failure(f"--{name.replace('_', '-')} is not for {given.direction}")


def _import(given: argparse.Namespace) -> int:
    made = interchange.imported(_specs(given.paths), _choices(given))
    # What is written has to be an SLO file, whatever stood in the specs.
    loaded = loading.load_with_warnings([(RESULT, made.text.encode())])
    undecided = [slo.name for slo in made.slos if not slo.sli]
    if given.output == "json":
        slos = [{"name": slo.name, "origin": slo.of.origin, "tool": slo.of.tool, "sli": slo.sli or None,
                 "undecided": not slo.sli} for slo in made.slos]  # fmt: skip
        warnings = [asdict(warning) for warning in loaded.warnings]
        _print_json({"file": made.text, "slos": slos, "notes": _as_json(made.notes), "warnings": warnings})
        return EXIT_OK
    sys.stdout.write(made.text)
    _tell(made.notes)
    if undecided:
        say(f"to be decided: {', '.join(undecided)}; `voice-slo check` warns of them until you have", "yellow")
    return EXIT_OK


def _export(given: argparse.Namespace) -> int:
    loaded = slo_files.read(given.paths)
    made = interchange.export(loaded.files, given.per_segment)
    if given.output == "json":
        objects = [_plain(made_object) for made_object in made.objects]
        _print_json({"objects": objects, "notes": _as_json(made.notes)})
        return EXIT_OK
    sys.stdout.write(_documents(made.objects))
    _tell(made.notes)
    return EXIT_OK


def _specs(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Bounded as SLO files are: one byte more is enough to say that a file is too large."""
    found = []
    for path in paths or [payloads.STDIN]:
        if path == payloads.STDIN:
            found.append(("stdin", sys.stdin.buffer.read(slo_files.LARGEST)))
        else:
            with Path(path).open("rb") as stream:
                found.append((path, stream.read(slo_files.LARGEST)))
    return found


def _choices(given: argparse.Namespace) -> Choices:
    if given.agent and not NAME.fullmatch(given.agent):
        raise Failure(f"--agent {shown(given.agent)}: has to start with a-z and hold at most 63 of a-z, 0-9 and -")
    if given.owner and (not given.owner.strip() or len(given.owner) > reading.LONGEST_TEXT):
        raise Failure(f"--owner: has to be text of at most {reading.LONGEST_TEXT} characters")
    slis = dict(_sli(text) for text in given.sli)
    return Choices(given.agent or "", given.owner or "", _period(given.period), slis)


def _sli(text: str) -> tuple[str, str]:
    slo, _, sli = text.rpartition("=")
    if sli not in catalog():
        raise Failure(f"--sli {shown(text)}: unknown SLI; {suggest(sli, catalog())}")
    return slo, sli


def _period(text: str | None) -> int | None:
    if text is None:
        return None
    seconds = quantities.whole_seconds(text)
    if seconds % DAY or not DAY <= seconds <= MAX_PERIOD:
        raise Failure(
            f"--period {text}: has to be of whole days, from 1d to {quantities.prometheus_duration(MAX_PERIOD)}"
        )
    return seconds


def _tell(notes: Iterable[Note]) -> None:
    listed = list(notes)
    if listed:
        say("not carried over:", "yellow")
    for note in listed:
        say(f"  {note}")


def _as_json(notes: Iterable[Note]) -> list[dict[str, object]]:
    return [asdict(note) for note in notes]


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


_PLAIN = re.compile(r"[A-Za-z][\w./-]*\w", re.ASCII)
_WORDS = frozenset("null true false yes no on off".split())


class _Dumper(yaml.SafeDumper):
    """Writes numbers as exact decimals, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _number(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    whole = value == value.to_integral_value()
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if whole else 'float'}", quantities.plain(value))


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quoted unless no reader of YAML 1.1 or 1.2 can take it for anything but text: `N` is false to some."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else "'")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _number)


def _documents(objects: Iterable[Object]) -> str:
    return yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True
    )  # fmt: skip


def _plain(value: Value) -> object:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {key: _plain(inside) for key, inside in value.items()}
        case list():
            return [_plain(inside) for inside in value]
        case _:
            return value
