"""The rules of every SLO as YAML text.

SLOs of one shape differ in names only: their rules are built, checked and written once, with marks where the names
belong. For each SLO this gives the bytes that writing its own rules would give, in a fraction of the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from prometheus_rules import slo_series, yaml_text
from prometheus_rules.fitting import Part, fitting
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
Identity = Mapping[str, str]
Marks = Mapping[str, tuple[str, str]]
"""Field of an SLO → the mark that stands for it, and what belongs there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rules that are evaluated together, as items of a YAML list."""

    rules: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the rules of one SLO, or of the agent: nothing in it reads anything else in it."""

    identity: Identity
    part: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """`left_out`: rules that the ruler does not take, and why, for people. `unrecorded`: series missing by it."""

    stages: tuple[Stage, ...]
    left_out: tuple[str, ...] = ()
    unrecorded: frozenset[str] = frozenset()


class Writer:
    """Remembers what it wrote, so that all SLO files of a run should go through one."""

    def __init__(self, target: Target, indent: str = "  ") -> None:
        """`indent`: of the rules in the file."""
        self._target = target
        self._indent = indent
        self._known: dict[tuple[str, frozenset[str]], list[tuple[SloSeries, Written]]] = {}

    def agent(self, slo_file: SloFile) -> Written:
        """The stages are in the order in which figures flow.

        Raises `promql.PromqlError` if an expression does not parse, which would be a defect here.
        """
        identity = {names.AGENT: slo_file.agent}
        before = self._written(identity, _made(BEFORE, slo_file))
        about_slos = [self._of_slo(own, before.unrecorded) for own in slo_series.of(slo_file)]
        unrecorded = before.unrecorded.union(*(each.unrecorded for each in about_slos))
        after = self._written(identity, _made(AFTER, slo_file), unrecorded)
        return Written(
            tuple(itertools.chain(before.stages, *(each.stages for each in about_slos), after.stages)),
            tuple(itertools.chain(before.left_out, *(each.left_out for each in about_slos), after.left_out)),
        )

    def _of_slo(self, own: SloSeries, unrecorded: frozenset[str]) -> Written:
        marks = _marks(own.slo)
        alike = replace(own, slo=_marked(own.slo, {field: mark for field, (mark, _) in marks.items()}))
        known = self._known.setdefault((own.slo.definition, unrecorded), [])
        written = next((written for seen, written in known if seen == alike), None)
        if written is None:
            if _MARK in repr(own):
                marks, alike = {}, own
            written = self._written(_identity(alike), _made(PARTS, alike), unrecorded)
            known.append((alike, written))
        return _filled(written, own, marks)

    def _written(self, identity: Identity, parts: Sequence[Part], unrecorded: frozenset[str] = frozenset()) -> Written:
        fit = fitting(self._target, parts, unrecorded)
        for expr in {expr for _, bundles in fit.parts for rules in bundles for r in rules for expr in r.expressions()}:
            promql.check(expr)
        whose = "/".join(identity.values())
        return Written(
            tuple(Stage(identity, part, self._pieces(identity, bundles)) for part, bundles in fit.parts if bundles),
            tuple(f"{whose}: warning: {line}" for line in fit.left_out),
            fit.unrecorded,
        )

    def _pieces(self, identity: Identity, bundles: Sequence[Bundle]) -> tuple[Piece, ...]:
        return tuple(
            Piece(len(rules), yaml_text.items([rule.as_dict(identity) for rule in rules], self._indent).encode())
            for rules in bundles
            if rules
        )


def _made(parts: Sequence[tuple[str, Callable[[T], list[Bundle]]]], of: T) -> list[Part]:
    return [(part, bundles(of)) for part, bundles in parts]


def _identity(own: SloSeries) -> Identity:
    return {names.AGENT: own.slo.agent, names.SLO: own.slo.name}


def _filled(written: Written, own: SloSeries, marks: Marks) -> Written:
    """What was written with marks, for one SLO."""
    identity = _identity(own)
    swaps = [(mark.encode(), name.encode()) for mark, name in marks.values()]

    def fill(text: bytes) -> bytes:
        for mark, name in swaps:
            text = text.replace(mark, name)
        return text

    return Written(
        tuple(
            Stage(identity, stage.part, tuple(Piece(piece.rules, fill(piece.text)) for piece in stage.pieces))
            for stage in written.stages
        ),
        tuple(fill(line.encode()).decode() for line in written.left_out),
        written.unrecorded,
    )


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
        found["agent"] = f"{_MARK}agent{_MARK}", slo.agent
    if yaml_text.is_plain(slo.name):
        found["name"] = f"{_MARK}slo{_MARK}", slo.name
    for field, text in (("title", slo.title), ("owner", slo.owner)):
        if yaml_text.is_plain(text):
            found[field] = f"{_MARK}{field}{_MARK}", text
        elif text.isprintable() and text.strip() == text != "" and not _UNSAFE.intersection(text):
            found[field] = f"{_MARK} {field} {_MARK}", text
    return found if not any(_MARK in text for _, text in found.values()) else {}
