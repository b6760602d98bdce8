"""Why one call was counted so: the facts, the rule that decided, what was unknown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import msgspec
import requests
from rich.console import Console
from rich.text import Text

from voice_slo.batch import UnknownAgent, calls
from voice_slo.explain import Explanation, explain
from voice_slo.facts import fold
from voice_slo.units import Phase
from voice_slo_cli import payloads, slo_files
from voice_slo_cli.failure import Failure
from voice_slo_cli.terminal import EXIT_OK, out

HELP = "why one call was counted so"
COLOURS = {"good": "green", "bad": "red", "excluded": "cyan", "unknown": "yellow", "awaiting": "yellow"}
SECONDS = 10


class _Answer(msgspec.Struct):
    calls: list[Explanation]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("call", metavar="CALL", help="the call's key, or any other of its ids")
    parser.add_argument("--slos", metavar="PATH", action="append", default=[], help="SLO files (default: slos/)")
    parser.add_argument("--agent", metavar="NAME", help="judge by this agent's SLO file only")
    parser.add_argument("--exporter", metavar="URL", help="ask a running exporter instead of files")
    parser.add_argument("--all", action="store_true", help="also SLOs that the call does not concern")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("files", nargs="*", metavar="FILE", help="canonical events; - or nothing: stdin")


def run(given: argparse.Namespace) -> int:
    found = _ask(given.exporter, given.call) if given.exporter else _judge(given)
    if not found:
        raise Failure(f"no call has the id {given.call}")
    if given.output == "json":
        print(json.dumps(msgspec.to_builtins(found), indent=1, ensure_ascii=False))
        return EXIT_OK
    for explanation in found:
        show(out(), explanation, everything=given.all)
    return EXIT_OK


def _judge(given: argparse.Namespace) -> list[Explanation]:
    files = slo_files.select(slo_files.read(given.slos).files, given.agent)
    try:
        grouped = calls(payloads.events(given.files, given.agent), files)
    except UnknownAgent as e:
        raise Failure(f"{e}; choose one with --agent: {', '.join(file.agent for file in files)}") from None
    by_agent = {file.agent: file for file in files}
    found = []
    for (agent, call), events in grouped.items():
        facts = fold(events)
        keys = {call, *(event.call for event in events)} | {value for _, value in facts.ids}
        if given.call in keys:
            found.append(explain(agent, call, facts, by_agent[agent].slos, Phase.QUALITY))
    return found


def _ask(url: str, call: str) -> list[Explanation]:
    try:
        answer = requests.get(f"{url.rstrip('/')}/api/v1/explain", params={"call": call}, timeout=SECONDS)
    # urllib3 and the IDNA codec raise their own for a host name that cannot be one.
    except (requests.RequestException, ValueError) as e:
        raise Failure(f"{url}: {type(e).__name__}: no exporter answers there") from None
    if answer.status_code == requests.codes.not_found:
        return []
    if not answer.ok:
        raise Failure(f"{url}: answered {answer.status_code}")
    try:
        return msgspec.json.decode(answer.content, type=_Answer).calls
    except msgspec.DecodeError:
        raise Failure(f"{url}: the answer is not of an exporter of this version") from None


def show(console: Console, said: Explanation, *, everything: bool = False) -> None:
    """The explanation as text, widest line about 100 columns."""
    console.print(Text(f"call {said.call}  agent {said.agent}  {said.phase}", style="bold"))
    _pairs(console, "ids", said.ids)
    _pairs(console, "sources", [f"{source} ({', '.join(kinds)})" for source, kinds in said.sources.items()])
    _pairs(console, "segments", [f"{name}={value}" for name, value in said.segments.items()])
    _pairs(console, "facts", [f"{name.removeprefix('call.')}={value}" for name, value in said.facts.items()])
    for unit in said.units:
        if unit.verdict == "not_concerned" and not everything:
            continue
        title = Text(f"\n{unit.slo}  {unit.unit} {unit.id}  at {unit.at}\n  ")
        title.append(unit.verdict.replace("_", " "), style=f"bold {COLOURS.get(unit.verdict, 'dim')}")
        title.append(f" ({unit.reason})" if unit.reason else "")
        title.append(f", would be {unit.would_be}" if unit.would_be else "")
        title.append(f"  by {unit.rule}" if unit.rule else "  nothing decided yet")
        title.append("".join(f"  {name}={value}" for name, value in unit.segments.items()))
        if unit.counted and unit.counted != unit.verdict:
            title.append(f"\n  counted as {unit.counted} before later facts came")
        title.append("".join(f"\n  corrected {line}" for line in unit.corrected))
        if unit.missing:
            title.append(f"\n  unknown: {', '.join(unit.missing)}", style="yellow")
        console.print(title)
        for clause in unit.clauses:
            values = ", ".join(f"{name}={value}" for name, value in clause.values.items())
            console.print(Text(f"    {clause.holds:<14} {clause.text}   [{values}]", style="dim"))


def _pairs(console: Console, title: str, values: Sequence[str]) -> None:
    if values:
        console.print(Text(f"  {title:<9} {'  '.join(values)}"))
