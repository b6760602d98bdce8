"""The rules of every SLO, written once for all SLOs of one shape.

SLOs of one shape differ in names only: their rules are built, checked and written once, with marks where the names
belong. For each SLO this gives the bytes that writing its own rules would give, in a fraction of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from prometheus_rules import slo_series, yaml_text
from prometheus_rules.fitting import Part, fitting
from prometheus_rules.group_texts import GroupText, Identity, Piece, Stage, apart
from prometheus_rules.rule import Bundle
from prometheus_rules.rule_files import AFTER, BEFORE, PARTS
from prometheus_rules.slo_series import SloSeries
from prometheus_rules.target import Target
from voice_slo import names, promql
from voice_slo.spec import Slo, SloFile

_MARK = "zZ"
"""In every mark, and in nothing that is shared."""
_LONGEST_AGENT = 20
"""Characters; the uid of a dashboard, which alerts link to, cuts longer names."""
_UNSAFE = frozenset("'\"\\{}%`$")
"""What YAML, PromQL, a Go template or a format string would have to escape."""

T = TypeVar("T")
Marks = Mapping[str, tuple[str, str]]
"""Field of an SLO → the mark that stands for it, and what belongs there."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Rules with marks. `left_out`: what the ruler does not take, and why, for people. `unrecorded`: series that are
    missing by it.
    """

    stages: Sequence[Stage]
    groups: Sequence[GroupText]
    texts: Sequence[Sequence[bytes]]
    """Of the groups: every second part is a mark."""
    left_out: Sequence[str]
    unrecorded: frozenset[str]


@dataclass(frozen=True, slots=True)
class Written:
    """The rules of one SLO, or of the agent: a shape, and the names that belong in it."""

    identity: Identity
    shape: Shape
    marks: Marks

    def groups(self) -> list[GroupText]:
        """In the order in which figures flow."""
        swaps = {mark.encode(): name.encode() for mark, name in self.marks.values()}
        return [
            GroupText(self._filled(group.name), self.identity, group.rules, _joined(text, swaps))
            for group, text in zip(self.shape.groups, self.shape.texts, strict=True)
        ]

    def stages(self) -> list[Stage]:
        """In the order in which figures flow."""
        return [
            Stage(
                self.identity,
                stage.part,
                tuple(Piece(piece.rules, self._filled(piece.text.decode()).encode()) for piece in stage.pieces),
            )
            for stage in self.shape.stages
        ]

    def left_out(self) -> list[str]:
        return [self._filled(line) for line in self.shape.left_out]

    def _filled(self, text: str) -> str:
        for mark, name in self.marks.values():
            text = text.replace(mark, name)
        return text


class Writer:
    """Remembers what it wrote, so that all SLO files of a run should go through one."""

    def __init__(self, target: Target, indent: str) -> None:
        """`indent`: of the list of groups."""
        self._target = target
        self._indent = indent
        self._checked: set[str] = set()
        self._pieces_known: dict[str, Piece] = {}
        self._known: dict[tuple[str, frozenset[str]], list[tuple[SloSeries, Shape]]] = {}

    def agent(self, slo_file: SloFile) -> list[Written]:
        """In the order in which figures flow.

        Raises `promql.PromqlError` if an expression does not parse, which would be a defect here.
        """
        interval = slo_file.prometheus.evaluation_interval
        identity = {names.AGENT: slo_file.agent}
        before = self._shape(identity, _made(BEFORE, slo_file), interval, frozenset())
        about_slos = [self._slo(own, before.unrecorded) for own in slo_series.of(slo_file)]
        unrecorded = before.unrecorded.union(*(each.shape.unrecorded for each in about_slos))
        after = self._shape(identity, _made(AFTER, slo_file), interval, unrecorded)
        return [Written(identity, before, {}), *about_slos, Written(identity, after, {})]

    def _slo(self, own: SloSeries, unrecorded: frozenset[str]) -> Written:
        marks = _marks(own.slo)
        alike = replace(own, slo=_marked(own.slo, {field: mark for field, (mark, _) in marks.items()}))
        known = self._known.setdefault((own.slo.definition, unrecorded), [])
        shape = next((shape for seen, shape in known if seen == alike), None)
        if shape is None:
            if _MARK in repr(own):
                marks, alike = {}, own
            interval = own.prometheus.evaluation_interval
            shape = self._shape(_identity(alike), _made(PARTS, alike), interval, unrecorded)
            known.append((alike, shape))
        return Written(_identity(own), shape, marks)

    def _shape(self, identity: Identity, parts: Sequence[Part], interval: int, unrecorded: frozenset[str]) -> Shape:
        fit = fitting(self._target, parts, unrecorded)
        used = {expr for _, bundles in fit.parts for rules in bundles for rule in rules for expr in rule.expressions()}
        for expr in used - self._checked:
            promql.check(expr)
        self._checked |= used
        stages = [Stage(identity, part, self._pieces(identity, bundles)) for part, bundles in fit.parts]
        groups = apart(stages, interval, self._indent)
        whose = "/".join(identity.values())
        left_out = [f"{whose}: warning: {line}" for line in fit.left_out]
        return Shape(stages, groups, [_cut(group.text) for group in groups], left_out, fit.unrecorded)

    def _pieces(self, identity: Identity, bundles: Sequence[Bundle]) -> tuple[Piece, ...]:
        return tuple(self._piece(identity, rules) for rules in bundles)

    def _piece(self, identity: Identity, rules: Bundle) -> Piece:
        """Most rules are alike in SLOs that differ in an objective or a policy."""
        key = f"{identity}{rules}"
        if key not in self._pieces_known:
            text = yaml_text.items([rule.as_dict(identity) for rule in rules], self._indent + "  ")
            self._pieces_known[key] = Piece(len(rules), text.encode())
        return self._pieces_known[key]


def _made(parts: Sequence[tuple[str, Callable[[T], list[Bundle]]]], of: T) -> list[Part]:
    return [(part, bundles(of)) for part, bundles in parts]


def _identity(own: SloSeries) -> Identity:
    return {names.AGENT: own.slo.agent, names.SLO: own.slo.name}


def _marked(slo: Slo, marks: Mapping[str, str]) -> Slo:
    return replace(
        slo,
        agent=marks.get("agent", slo.agent),
        name=marks.get("name", slo.name),
        title=marks.get("title", slo.title),
        owner=marks.get("owner", slo.owner),
    )


def _marks(slo: Slo) -> Marks:
    """The names that may differ inside a shape: those that are written as they are wherever they stand."""
    found = {}
    if yaml_text.is_plain(slo.agent) and len(slo.agent) <= _LONGEST_AGENT:
        found["agent"] = _mark("agent"), slo.agent
    if yaml_text.is_plain(slo.name):
        found["name"] = _mark("name"), slo.name
    for field, text in (("title", slo.title), ("owner", slo.owner)):
        if yaml_text.is_plain(text):
            found[field] = _mark(field), text
        elif text.isprintable() and text.strip() == text != "" and not _UNSAFE.intersection(text):
            found[field] = _mark(f" {field} "), text
    return found if not any(_MARK in text for _, text in found.values()) else {}


def _mark(text: str) -> str:
    """Quoted in YAML, or not, as what it stands for is."""
    return f"{_MARK}{text}{_MARK}"


_MARKS = re.compile(rb"(zZ(?:agent|name| ?title ?| ?owner ?)zZ)")


def _cut(text: bytes) -> list[bytes]:
    return _MARKS.split(text)


def _joined(text: Sequence[bytes], swaps: Mapping[bytes, bytes]) -> bytes:
    filled = list(text)
    filled[1::2] = [swaps.get(mark, mark) for mark in text[1::2]]
    return b"".join(filled)
