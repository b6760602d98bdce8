"""The parts of an SLO that become objects of their own: its rows of `objectives:`, or its label sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voice_slo import promql
from voice_slo.spec import NEVER_ENFORCED, Slo, Target

Match = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """Label sets with one target. `suffix` tells its name from the others', `covers` says what it is of.

    `without` are the rows before it, whose label sets it leaves out.
    """

    slo: Slo
    target: Target
    match: Match
    without: tuple[Match, ...] = ()
    suffix: tuple[str, ...] = ()

    @property
    def covers(self) -> str:
        """Empty where the part is the whole SLO."""
        own = [f"{name} {' or '.join(values)}" for name, values in self.match.items()]
        less = [" and ".join(f"{name} {' or '.join(v)}" for name, v in row.items()) for row in self.without]
        return ", ".join([*own, *(f"not {text}" for text in less)])

    def query(self, metric: str) -> str:
        """The sum of the part's counters. Rows that fix one segment are left out by a matcher, others by `unless`."""
        single = [row for row in self.without if len(row) == 1]
        several = [row for row in self.without if len(row) > 1]
        own = self._selector(metric, self.match, single)
        others = [
            f" unless {promql.selector(metric, self.slo.agent, self.slo.name, *_matchers(row))}" for row in several
        ]
        return f"sum({own}{''.join(others)})"

    def _selector(self, metric: str, match: Match, single: Sequence[Match]) -> str:
        refused = [_none_of(name, values) for row in single for name, values in row.items()]
        # What has no declared value is never enforced, so it does not count into an object that may page.
        free = [_none_of(name, NEVER_ENFORCED) for name in self.slo.budget_by if name not in match]
        return promql.selector(metric, self.slo.agent, self.slo.name, *_matchers(match), *refused, *free)


def parts(slo: Slo, per_segment: bool) -> Iterator[Part]:
    """What is exported of an SLO, in the file's order: the whole or what no row is about first."""
    if per_segment and slo.budget_by:
        for labels in slo.label_sets():
            match = {name: (value,) for name, value in labels.items()}
            yield Part(slo, slo.target(labels), match, suffix=tuple(labels.values()))
        return
    rows = tuple(row.match for row in slo.objectives)
    yield Part(slo, Target(slo.objective, slo.mode, slo.threshold, slo.sla), {}, rows)
    for index, row in enumerate(slo.objectives):
        suffix = tuple(value for values in row.match.values() for value in values)
        yield Part(slo, row.target, row.match, rows[:index], suffix)


def _matchers(match: Match) -> list[str]:
    return [promql.one_of(name, values) for name, values in match.items()]


def _none_of(label: str, values: Sequence[str]) -> str:
    matcher = promql.one_of(label, values)
    operator = "!~" if matcher.startswith(f"{label}=~") else "!="
    return label + operator + matcher.removeprefix(label).lstrip("=~")
