"""Rules as YAML text in groups: each SLO's apart, or several SLOs' together where a ruler counts groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from prometheus_rules import yaml_text
from prometheus_rules.rule import layout, tight_layout
from voice_slo import names
from voice_slo.quantities import prometheus_duration

Identity = Mapping[str, str]
"""What rules are about: labels that each of them carries."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rules that are evaluated together, as items of a YAML list."""

    rules: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the rules of one SLO, or of the agent: no rule in it reads what another in it records."""

    identity: Identity
    part: str
    pieces: tuple[Piece, ...]


Layout = Callable[[str, Iterable[Piece], Callable[[Piece], int]], list[tuple[str, list[Piece]]]]


@dataclass(frozen=True, slots=True)
class GroupText:
    """A rule group as an item of a YAML list."""

    name: str
    identity: Identity
    rules: int
    text: bytes


def apart(stages: Iterable[Stage], interval: int, indent: str) -> list[GroupText]:
    """Every SLO's groups. `interval` in seconds, `indent` of the list."""
    return [group for stage in stages for group in _groups(stage, layout, interval, indent)]


def packed(stages: Sequence[Stage], interval: int, indent: str) -> list[GroupText]:
    """As few groups as hold them: one part of all SLOs of an agent together, in the order in which figures flow.

    No part reads what it records, whichever the SLO, so no rule reads another of its group.
    """
    about_slos = [stage for stage in stages if names.SLO in stage.identity]
    first = stages.index(about_slos[0])
    parts = dict.fromkeys(stage.part for stage in about_slos)
    agent = {names.AGENT: about_slos[0].identity[names.AGENT]}
    together = [
        Stage(agent, f"packed-{part}", tuple(chain(*(s.pieces for s in about_slos if s.part == part))))
        for part in parts
    ]
    return [
        *apart(stages[:first], interval, indent),
        *(group for stage in together for group in _groups(stage, tight_layout, interval, indent)),
        *apart(stages[first + len(about_slos) :], interval, indent),
    ]


def _groups(stage: Stage, layout_: Layout, interval: int, indent: str) -> Iterator[GroupText]:
    for part, pieces in layout_(stage.part, stage.pieces, _rules):
        name = names.group(*stage.identity.values(), part)
        head = yaml_text.items([{"name": name, "interval": prometheus_duration(interval)}], indent)
        text = b"".join([f"{head}{indent}  rules:\n".encode(), *(piece.text for piece in pieces)])
        yield GroupText(name, stage.identity, sum(map(_rules, pieces)), text)


def _rules(piece: Piece) -> int:
    return piece.rules
