"""Rules and groups as data, and how a part of an SLO's rules is cut into groups."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_rules.yaml_text import Node
from voice_slo import names
from voice_slo.quantities import prometheus_duration

T = TypeVar("T")

MOST_RULES = 20
"""Per group: the default limit of Mimir and Grafana Cloud."""


@dataclass(frozen=True, slots=True)
class Record:
    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self, identity: Mapping[str, str]) -> Mapping[str, Node]:
        return {"record": self.record, "expr": self.expr, "labels": {**identity, **self.labels}}

    def expressions(self) -> Iterator[str]:
        yield self.expr


@dataclass(frozen=True, slots=True)
class Alert:
    """`for_` and `keep_firing` in seconds. `queries`: what the annotations ask Prometheus, label values filled in."""

    alert: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    for_: int = 0
    keep_firing: int = 0
    queries: tuple[str, ...] = ()

    def as_dict(self, identity: Mapping[str, str]) -> Mapping[str, Node]:
        waits = {
            key: prometheus_duration(seconds)
            for key, seconds in (("for", self.for_), ("keep_firing_for", self.keep_firing))
            if seconds
        }
        labels = {**identity, **self.labels}
        return {"alert": self.alert, "expr": self.expr, **waits, "labels": labels, "annotations": self.annotations}

    def expressions(self) -> Iterator[str]:
        yield self.expr
        yield from self.queries


Rule = Record | Alert
Bundle = Sequence[Rule]
"""Rules whose figures are compared with each other and therefore are evaluated together."""


@dataclass(frozen=True, slots=True)
class Group:
    """`interval` in seconds. `identity`: labels of every rule in it; without them `promtool check rules` takes the
    rules of two SLOs, which differ in their selectors only, for duplicates.
    """

    name: str
    interval: int
    identity: Mapping[str, str]
    rules: tuple[Rule, ...]

    def as_dict(self) -> Mapping[str, Node]:
        return {
            "name": self.name,
            "interval": prometheus_duration(self.interval),
            "rules": [rule.as_dict(self.identity) for rule in self.rules],
        }


def groups(identity: Mapping[str, str], part: str, bundles: Sequence[Bundle], interval: int) -> list[Group]:
    """One group `voice-slo:<identity>:<part>`, or `<part>-1`, `<part>-2` … where it takes more than one."""
    return [
        Group(names.group(*identity.values(), name), interval, identity, tuple(itertools.chain(*packed)))
        for name, packed in layout(part, bundles, len)
    ]


def layout(part: str, bundles: Iterable[T], size: Callable[[T], int]) -> list[tuple[str, list[T]]]:
    """`bundles` in order, in as few groups as rulers take, each with the last part of its name.

    `size`: rules of a bundle.
    """
    packed: list[list[T]] = []
    room = 0
    for bundle in filter(size, bundles):
        if not packed or size(bundle) > room:
            packed.append([])
            room = MOST_RULES
        packed[-1].append(bundle)
        room -= size(bundle)
    return _numbered(part, packed)


def tight_layout(part: str, bundles: Iterable[T], size: Callable[[T], int]) -> list[tuple[str, list[T]]]:
    """Like `layout`, each bundle in the group that it fills best, wherever that is."""
    packed: list[list[T]] = []
    with_room: dict[int, list[list[T]]] = {room: [] for room in range(MOST_RULES + 1)}
    for bundle in filter(size, bundles):
        fits = next((room for room in range(size(bundle), MOST_RULES + 1) if with_room[room]), None)
        if fits is None:
            packed.append([])
        group = packed[-1] if fits is None else with_room[fits].pop()
        group.append(bundle)
        with_room[(MOST_RULES if fits is None else fits) - size(bundle)].append(group)
    return _numbered(part, packed)


def _numbered(part: str, groups: Sequence[list[T]]) -> list[tuple[str, list[T]]]:
    return [(part if len(groups) == 1 else f"{part}-{n}", group) for n, group in enumerate(groups, start=1)]
