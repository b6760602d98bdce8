"""Canonical events → verdicts at the end of input, NDJSON sorted by call, unit, id and SLO."""

from __future__ import annotations

import argparse
import json

from voice_slo.batch import UnknownAgent, judge_stream
from voice_slo_cli import payloads, slo_files
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import EXIT_OK, write_lines

HELP = "canonical events → verdicts"
COUNTED = ("good", "bad", "excluded", "unknown")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--slos", metavar="PATH", action="append", default=[], help="SLO files (default: slos/)")
    parser.add_argument("--agent", metavar="NAME", help="judge by this agent's SLO file only")
    parser.add_argument("--all", action="store_true", help="also units that are awaiting or not concerned")
    parser.add_argument("files", nargs="*", metavar="FILE", help="canonical events; - or nothing: stdin")


def run(given: argparse.Namespace) -> int:
    files = slo_files.select(slo_files.read(given.slos).files, given.agent)
    try:
        judged = judge_stream(payloads.events(given.files, given.agent), files)
    except UnknownAgent as e:
        raise Failure(f"{e}; choose one with --agent: {', '.join(file.agent for file in files)}") from None
    shown = (j.line() for j in judged if given.all or j.verdict.outcome in COUNTED)
    write_lines(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() for line in shown)
    return EXIT_OK
