"""The smallest traffic at which one condition of a burn tier decides, found from its definition.

Every edge is a pair: with what came before, all conditions hold but this one, so the tier is silent; with the last
failure it holds too. Numbers that are ten percent off, or compared the other way, turn one of the two around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from prometheus_rules.rule_tests.tier_truth import Seen, TierOf
from prometheus_rules.rule_tests.traffic import NOTHING, Counts, failures, good
from voice_slo.spec import Target

_MOST_UNITS = 1_000_000
_MOST_CALLERS, _MOST_FAILURES = 200, 2_000
_COUNTED = {"callers", "events"}
"""Conditions that the fewest failures may show already."""
_SENSITIVE = 10
"""Failures from which one more or less is under ten percent."""
_Z_STEP = Decimal("0.3")
"""So far from z, another unit or caller decides."""


@dataclass(frozen=True, slots=True)
class Story:
    """Of one budget: before the short window, inside it, and last of all."""

    before: Counts = NOTHING
    during: Counts = NOTHING
    last: Counts = NOTHING

    def __add__(self, other: Story) -> Story:
        return Story(self.before + other.before, self.during + other.during, self.last + other.last)

    def seen(self, target: Target, *, over: bool) -> Seen:
        short = self.during + self.last if over else self.during
        return Seen(target, self.before + short, short)


@dataclass(frozen=True, slots=True)
class Where:
    """A tier, the target of the budget whose units fail, and that of the budget whose units are good: often one."""

    of: TierOf
    failing: Target
    serving: Target

    def lacks(self, edge: Edge, *, over: bool) -> set[str]:
        return self.of.lacks(self.seen(edge, over=over))

    def seen(self, edge: Edge, *, over: bool) -> tuple[Seen, Seen]:
        return edge.failing.seen(self.failing, over=over), edge.serving.seen(self.serving, over=over)

    def with_z(self, z: Decimal) -> Where:
        return replace(self, of=replace(self.of, tier=replace(self.of.tier, z=z)))

    def decides(self, edge: Edge, condition: str) -> bool:
        return self.lacks(edge, over=False) == {condition} and not self.lacks(edge, over=True)


@dataclass(frozen=True, slots=True)
class Edge:
    condition: str
    failing: Story
    serving: Story = Story()

    @property
    def under(self) -> Counts:
        """All units before the last failure."""
        return sum((s.before + s.during for s in (self.failing, self.serving)), NOTHING)

    @property
    def over(self) -> Counts:
        return self.under + self.failing.last

    @property
    def short_under(self) -> Counts:
        return self.failing.during + self.serving.during

    @property
    def short_over(self) -> Counts:
        return self.short_under + self.failing.last


def edges(where: Where) -> list[Edge]:
    """Of every condition that ever decides alone."""
    fewest = volume(where)
    if fewest is None:
        return []
    told = where.lacks(fewest, over=False) & _COUNTED
    others = [search(where) for name, search in _SEARCHES.items() if told != {name}]
    return [fewest, *(edge for edge in others if edge)]


def volume(where: Where) -> Edge | None:
    """All fail, each of another caller: the most that are silent, and one more. None where no number fires."""
    tried = (Edge("volume", Story(during=failures(n - 1), last=failures(1))) for n in range(1, _MOST_FAILURES))
    return next((edge for edge in tried if not where.lacks(edge, over=True)), None)


def _factor(where: Where) -> Edge | None:
    """Exactly the threshold is enough. What fails comes late, so that the short window has no say."""
    for bad, units in _at_threshold(where, _SENSITIVE):
        failing = Story(during=failures(bad - 1), last=failures(1))
        edge = Edge("factor", failing, Story(before=good(units)))
        if where.decides(edge, "factor"):
            return edge
    return None


def _short(where: Where) -> Edge | None:
    """Much failed before the short window; in it, exactly the threshold, or one more where that is not enough."""
    share = where.of.share(where.serving)
    bad, units = next(_at_threshold(where, 2), (0, 0)) if share else (0, 5)
    reached = bad if where.of.strict or not share else bad - 1
    if not units:
        return None
    before = _SENSITIVE * (bad + units)
    while before < _MOST_UNITS:
        failing = Story(failures(before), failures(reached), failures(1))
        edge = Edge("short", failing, Story(during=good(units)))
        if where.decides(edge, "short"):
            return edge
        before *= 2
    return None


def _callers(where: Where) -> Edge | None:
    """The callers before the last fail again and again, which makes units but no callers."""
    asked, most = where.of.tier.min_bad_callers, 4
    if asked < 2:
        return None
    fewest = max(asked, where.of.tier.min_bad_events)
    tried = (Edge("callers", Story(during=failures(n, asked - 1), last=failures(1))) for n in (fewest, most * fewest))
    return next((edge for edge in tried if where.decides(edge, "callers")), None)


def _events(where: Where) -> Edge | None:
    asked = where.of.tier.min_bad_events
    edge = Edge("events", Story(during=failures(max(asked - 1, 0)), last=failures(1)))
    return edge if asked and where.decides(edge, "events") else None


def _chance(where: Where) -> Edge | None:
    """Among as many good units as leave the last caller beyond chance, and would not with another z."""
    tier = where.of.tier
    if tier.z is None or not where.serving.error_budget:
        return None
    looser, tighter = (where.with_z(tier.z + step) for step in (-_Z_STEP, _Z_STEP))
    for edge in _near_chance(where, looser, tighter):
        if (
            where.decides(edge, "chance")
            and "chance" in tighter.lacks(edge, over=True)
            and "chance" not in looser.lacks(edge, over=False)
        ):
            return edge
    return None


def _near_chance(where: Where, looser: Where, tighter: Where) -> Iterator[Edge]:
    """`failing` just beyond chance: with as many good units as its bound and those around it leave room for."""
    for failing in _failing_often(where.of):
        before, after = failing.during, failing.during + failing.last
        least = max(where.of.bound(before), tighter.of.bound(after))
        most = min(where.of.bound(after), looser.of.bound(before))
        units = (most - float(where.failing.error_budget) * after.eligible) / float(where.serving.error_budget)
        if least < most and 1 < units < _MOST_UNITS:
            yield Edge("chance", failing, Story(before=good(int(units) - (units == int(units)))))


def _failing_often(of: TierOf) -> Iterator[Story]:
    """Every caller fails several times, or where that leaves no room once. Last comes another caller; or another bad
    unit of a caller, where the bound counts units.
    """
    for each in (12, 4, 1) if of.counts_events else (2, 1):
        for callers in range(max(of.tier.min_bad_callers, 2), _MOST_CALLERS):
            if of.counts_events:
                yield Story(during=failures(each * callers - 1, callers), last=failures(1, 0))
            else:
                yield Story(during=failures(each * (callers - 1), callers - 1), last=failures(each, 1))


_SEARCHES: dict[str, Callable[[Where], Edge | None]] = {
    "factor": _factor, "short": _short, "callers": _callers, "events": _events, "chance": _chance,
}  # fmt: skip


def _at_threshold(where: Where, fewest: int) -> Iterator[tuple[int, int]]:
    """Bad and good units whose share of bad ones is exactly the threshold, from `fewest` bad ones up."""
    failing, serving = where.of.share(where.failing), where.of.share(where.serving)
    if not serving or failing >= 1:
        return
    ratio = (1 - failing) / serving
    bad = ratio.denominator * -(-fewest // ratio.denominator)
    while bad * ratio < _MOST_UNITS:
        yield bad, int(bad * ratio)
        bad += ratio.denominator * max(1, bad // (4 * ratio.denominator))
