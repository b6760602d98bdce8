"""SLO definitions of other tools, read and written: OpenSLO v1, and sloth and pyrra to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interchange import openslo_import, pyrra, sloth
from interchange.definition import Definition, Note, Notes, NothingToImport, dns_label
from interchange.openslo_export import Exported, Object, Value, export
from interchange.openslo_objects import VERSION as OPENSLO
from interchange.slo_file_text import Planned, one_line, render
from voice_slo import reading, yaml_source
from voice_slo.diagnostics import Problem, SloFileError, shown
from voice_slo.quantities import DAY
from voice_slo.reading import At, Report, TooManyProblems

__all__ = [
    "Choices", "Exported", "Imported", "Note", "NothingToImport", "Object", "Planned", "Value", "export", "imported",
]  # fmt: skip
DEFAULT_PERIOD = 30 * DAY
_READ = f"{OPENSLO}, {sloth.VERSION} (sloth), {pyrra.VERSION} (pyrra)"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says where the files do not. `slis` maps an SLO, or "" for all others, to an SLI of the catalog."""

    agent: str = ""
    owner: str = ""
    period: int | None = None
    slis: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """The text of an SLO file, its SLOs and what was not carried over."""

    text: str
    slos: tuple[Planned, ...]
    notes: tuple[Note, ...]


def imported(sources: Sequence[tuple[str, bytes]], choices: Choices) -> Imported:
    """One SLO file out of the definitions of (path, content) pairs, whichever tool each is of.

    Raises `SloFileError` with every problem of every file, and `NothingToImport`.
    """
    notes = Notes()
    found = _definitions(sources, notes)
    if not found:
        raise NothingToImport("the files define no SLO")
    agent = _agent(found, choices, notes)
    slos = tuple(_planned(found, choices, notes))
    return Imported(render(agent, slos), slos, tuple(notes.found))


def _definitions(sources: Sequence[tuple[str, bytes]], notes: Notes) -> list[Definition]:
    reports, roots = [], list[At]()
    for path, data in sources:
        documents = yaml_source.parse_documents(path, data)
        report = Report(path, list(documents.problems))
        reports.append(report)
        roots += [At(node, "", report) for node in documents.roots if not _empty(node)]
    found: list[Definition] = []
    try:
        openslo = [root for root in roots if _tool(root) == OPENSLO]
        found += openslo_import.definitions(openslo, notes)
        for root in roots:
            tool = _tool(root)
            if tool == sloth.VERSION:
                found += sloth.definitions(root, notes)
            elif tool == pyrra.VERSION:
                found += pyrra.definitions(root, notes)
            elif tool != OPENSLO:
                root.error(f"{tool or 'no version'} cannot be read; those that can: {_READ}")
    except TooManyProblems:
        pass
    problems: list[Problem] = []
    for report in reports:
        problems += sorted(report.problems, key=lambda problem: (problem.line, problem.column))
    if problems:
        raise SloFileError(problems)
    return found


def _empty(node: yaml_source.Node) -> bool:
    return isinstance(node, yaml_source.Scalar) and node.kind == "null"


def _tool(root: At) -> str:
    """The version that a document says it is of; a list of objects is of its first one's."""
    node = root.node
    if isinstance(node, yaml_source.Sequence) and node.items:
        node = node.items[0]
    said = node.entries if isinstance(node, yaml_source.Mapping) else ()
    for key, value in said:
        if key.text in ("apiVersion", "version") and isinstance(value, yaml_source.Scalar):
            return shown(value.text)
    return ""


def _agent(found: Sequence[Definition], choices: Choices, notes: Notes) -> str:
    if choices.agent:
        return choices.agent
    services = list(dict.fromkeys(definition.service for definition in found))
    if services == [""]:
        raise NothingToImport("the files name no service: say --agent NAME")
    if len(services) > 1:
        listed = ", ".join(shown(service) or "none" for service in services)
        raise NothingToImport(f"the files are of {len(services)} services ({listed}) and an SLO file is of one voice "
                              "agent: import them one by one, or say --agent NAME to put all into one")  # fmt: skip
    agent = dns_label(services[0], set())
    if agent != services[0]:
        notes.found.append(_changed(found[0], "service", f"{shown(services[0])} became the agent {agent}"))
    return agent


def _changed(definition: Definition, field: str, message: str, slo: str = "") -> Note:
    path, _, line = definition.origin.rpartition(":")
    return Note(path, field, message, (slo,) if slo else (), int(line), 1)


def _planned(found: Sequence[Definition], choices: Choices, notes: Notes) -> list[Planned]:
    taken: set[str] = set()
    slis = dict(choices.slis or {})
    planned = []
    for definition in found:
        name = definition.name if _is_name(definition.name, taken) else dns_label(definition.name, taken)
        taken.add(name)
        if name != definition.name:
            notes.found.append(_changed(definition, "name", f"{shown(definition.name)} became {name}", name))
        owner = choices.owner or definition.owner
        if not owner.strip():
            raise NothingToImport(f"{definition.origin}: {shown(definition.name)} has no owner: say --owner TEXT")
        if one_line(owner) != owner:
            notes.found.append(_changed(definition, "owner", f"{shown(owner)} became {shown(one_line(owner))}", name))
        sli = slis.pop(name, "") or slis.get("", "") or definition.sli
        period = definition.period or choices.period or DEFAULT_PERIOD
        planned.append(Planned(name, definition, sli, owner, period, definition.zone))
    unknown = [name for name in slis if name]
    if unknown:
        there = ", ".join(p.name for p in planned)
        raise NothingToImport(f"--sli {unknown[0]}: there is no such SLO; there are: {there}")
    return planned


def _is_name(text: str, taken: set[str]) -> bool:
    return reading.NAME.fullmatch(text) is not None and text not in taken
