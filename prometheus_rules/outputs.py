"""Rule files for each kind of ruler: the same groups, arranged as it wants them.

A new kind is one row of `ARRANGEMENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_rules import group_texts, operator_objects, yaml_text
from prometheus_rules.group_texts import GroupText
from prometheus_rules.origin import origin
from prometheus_rules.shapes import Writer, Written
from prometheus_rules.target import KEEP_FIRING, Format, Target, Version
from voice_slo.spec import SloFile


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`suffix` of the file's name. `indent` of the groups in it."""

    suffix: str
    document: Callable[[str, Sequence[GroupText], Target], Iterable[bytes]]
    indent: str = ""


def _rule_file(agent: str, groups: Sequence[GroupText], target: Target) -> Iterator[bytes]:
    yield b"groups:\n"
    yield from (group.text for group in groups)


def _namespace(agent: str, groups: Sequence[GroupText], target: Target) -> Iterator[bytes]:
    """What mimirtool loads."""
    yield yaml_text.dump({"namespace": namespace(agent, target)}).encode()
    yield from _rule_file(agent, groups, target)


def _objects(agent: str, groups: Sequence[GroupText], target: Target) -> Iterator[bytes]:
    return operator_objects.documents(groups, target)


ARRANGEMENTS: Mapping[Format, Arrangement] = {
    "prometheus": Arrangement("rules", _rule_file),
    "operator": Arrangement("prometheusrules", _objects, operator_objects.INDENT),
    "mimir": Arrangement("mimir", _namespace),
    "vmalert": Arrangement("vmalert", _rule_file),
}


Groups = Mapping[str, Sequence[GroupText]]
"""By agent."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """By agent: path → content, and the groups in it. `notes`: what a person should know, one line each."""

    files: Mapping[str, Mapping[str, bytes]]
    groups: Groups
    notes: tuple[str, ...]


def generate(slo_file: SloFile, version: str, target: Target | None = None) -> dict[str, bytes]:
    """Path → content of every rule file of the agent. The same input gives the same bytes.

    Raises `promql.PromqlError` if an expression does not parse, which would be a defect here.
    """
    return dict(render([slo_file], version, target or Target()).files[slo_file.agent])


def rules_path(agent: str, format_: Format = "prometheus") -> str:
    return f"prometheus_rules/generated/{agent}.{ARRANGEMENTS[format_].suffix}.yaml"


def namespace(agent: str, target: Target) -> str:
    """Where Mimir keeps the rules of an agent."""
    return target.namespace_prefix + agent


def render(slo_files: Sequence[SloFile], version: str, target: Target) -> Rendered:
    """The rule files of all agents. `slo_files`: all that the ruler gets, for Mimir limits them together."""
    made = ARRANGEMENTS[target.format]
    writer = Writer(target, made.indent)
    written = [(slo_file, writer.agent(slo_file)) for slo_file in slo_files]
    groups, notes = _grouped(written, target, made.indent)
    files = {
        slo_file.agent: {
            rules_path(slo_file.agent, target.format): b"".join(
                [
                    f"# {origin(slo_file.path, version)}\n".encode(),
                    *made.document(slo_file.agent, groups[slo_file.agent], target),
                ]
            )
        }
        for slo_file in slo_files
    }
    return Rendered(files, groups, (*_left_out(written, target), *notes))


Made = tuple[SloFile, Sequence[Written]]


def _grouped(written: Sequence[Made], target: Target, indent: str) -> tuple[Groups, Sequence[str]]:
    count = sum(len(each.shape.groups) for _, made in written for each in made)
    if target.format != "mimir" or count <= target.most_groups:
        groups = {slo_file.agent: [g for each in made for g in each.groups()] for slo_file, made in written}
        return groups, [_told(groups)] if target.format == "mimir" else []
    packed = {slo_file.agent: _packed(slo_file, made, indent) for slo_file, made in written}
    notes = [
        f"mimir: note: {count} groups are more than {target.most_groups}: several SLOs share a group",
        _told(packed),
    ]
    if (count := _count(packed)) > target.most_groups:
        notes.append(
            f"mimir: warning: {count} groups are still more than the {target.most_groups} of a tenant: raise its limit"
            f" ruler_max_rule_groups_per_tenant and say so by --max-groups, or give some agents a tenant of their own"
        )
    return packed, notes


def _packed(slo_file: SloFile, made: Iterable[Written], indent: str) -> list[GroupText]:
    stages = [stage for each in made for stage in each.stages()]
    return group_texts.packed(stages, slo_file.prometheus.evaluation_interval, indent)


def _count(groups: Groups) -> int:
    return sum(map(len, groups.values()))


def _told(groups: Groups) -> str:
    rules = sum(group.rules for own in groups.values() for group in own)
    return f"mimir: note: {_count(groups)} groups, {rules} rules"


def _left_out(written: Sequence[Made], target: Target) -> Iterator[str]:
    for slo_file, made in written:
        if not target.keeps_firing and any(t.keep_firing for slo in slo_file.slos for t in slo.alerting.tiers):
            yield f"{slo_file.agent}: warning: keep_firing_for is left out: it needs Prometheus {_spelled(KEEP_FIRING)}"
        for each in made:
            yield from each.left_out()


def _spelled(version: Version) -> str:
    return ".".join(map(str, version))
