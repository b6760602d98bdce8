"""The tests of one burn tier about one budget: each edge, a steady rate, how it waits and how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from prometheus_rules import enabled_alerts
from prometheus_rules.alert_text import UNITS, spelled
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.budgets import Budget, Budgets
from prometheus_rules.rule_tests.exported import Exported
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.tier_edges import Edge, Story, Where, edges, volume
from prometheus_rules.rule_tests.tier_truth import Seen, TierOf
from prometheus_rules.rule_tests.traffic import Counts, Traffic, failures, good
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.quantities import percent, plain, prometheus_duration
from voice_slo.spec import Slo, SloFile, Target, Tier

BORN = -1
"""Seconds: just before the first scrape, which shows what came until then."""
OUTAGE = 1000
"""Failures, each of another caller."""
LONGEST_STORY = 150
"""Evaluations; a longer wait or recovery is not told."""


@dataclass(frozen=True, slots=True)
class TierTests:
    """`step`: seconds between evaluations, a part of the short window."""

    file: SloFile
    slo: Slo
    tier: Tier
    step: int

    def all(self) -> list[UnitTest]:
        if not self.budgets.example():
            return []
        found = [*self._at_the_edges(), self._each_target(), self._at_a_rate(), self._waits(), self._recovers()]
        return [test for test in found if test]

    @property
    def budgets(self) -> Budgets:
        return Budgets(self.slo)

    @property
    def of(self) -> TierOf:
        return TierOf(self.tier, self.slo.period, self.slo.sli.unit)

    @property
    def target(self) -> Target:
        return self.slo.target(self.budgets.example() or {})

    @property
    def short(self) -> int:
        """The short window in steps."""
        return self.tier.short // self.step

    @property
    def question(self) -> Question:
        return asked(self.file, self.slo, self.tier, "segment")

    @property
    def state(self) -> str:
        """Of an alert whose expression has just become true."""
        return "pending" if self.tier.for_ else "firing"

    def intro(self) -> str:
        """What the tier promises, in figures."""
        tier, share = self.tier, self.of.share(self.target)
        asks = [f"{tier.min_bad_callers} callers" if tier.min_bad_callers else ""]
        asks += [f"{tier.min_bad_events} failures" if tier.min_bad_events else ""]
        asks += [f"more than chance explains (z {plain(tier.z)})" if tier.z is not None else ""]
        guard = ", ".join(each for each in asks if each)
        waits = f"; waits for {spelled(tier.for_)}" if tier.for_ else ""
        keeps = f"; keeps firing for {spelled(tier.keep_firing)}" if tier.keep_firing else ""
        return (
            f"{names.burn_alert(tier.name)} ({tier.severity}): {_share(share)} of the {self.units} failed in"
            f" {spelled(tier.long)} and {'more than that' if self.of.strict else 'as many'} in {spelled(tier.short)};"
            f" the error budget is {percent(self.target.error_budget)}"
            + (f"; at least {guard}" if guard else "; no guard")
            + waits + keeps
        )  # fmt: skip

    @property
    def units(self) -> str:
        return UNITS[self.slo.sli.unit]

    def test(self, name: str, shown: Sequence[Shown], expected: Sequence[Expected], told: str) -> UnitTest:
        about = f"{names.alert_class(self.tier.name)} segment"
        return UnitTest(about, f"{self.tier.name} burn: {name}", self.step, shown, expected, told)

    def shown(self, told: str, budget: Budget, traffic: Traffic, last: int) -> Shown:
        return Shown(told, Exported(self.file, self.slo, last).counters(budget, traffic, BORN))

    # Edges

    def _at_the_edges(self) -> Iterator[UnitTest]:
        where = Where(self.of, self.target, self.target)
        found = edges(where)
        cases = [(edge.condition, edge) for edge in found if edge.condition != "short"]
        cases += [(name, edge) for name, edge in _few_callers(where) if where.lacks(edge, over=True)]
        if not cases or (self.short + 1) * self.step >= self.tier.long:
            return
        yield from (self._short(edge) for edge in found if edge.condition == "short" and self.short_fits)
        if self.budgets.case_label:
            yield self._edges("the last failure at each edge makes it fire", cases)
        else:
            yield from (self._edges(f"the edge of {name}", [(name, edge)]) for name, edge in cases)

    def _edges(self, name: str, cases: Sequence[tuple[str, Edge]]) -> UnitTest:
        """Silent at the end of the short window; a step later with one failure more all fire that lack nothing."""
        where, at = Where(self.of, self.target, self.target), self.short * self.step
        shown, over = [], []
        for case, edge in cases:
            budget = self.budgets.case(case) or self.budgets.example() or {}
            shown.append(
                self.shown(self.edge_told(case, edge), budget, lumps(merged(edge), self.short), self.short + 1)
            )
            if not where.lacks(edge, over=True):
                over.append(budget)
        expected = [
            self.question.expected(at, [], "before the last failure", self.state),
            self.question.expected(at + self.step, over, "with it", self.state),
        ]
        return self.test(name, shown, expected, self.intro())

    @property
    def quiet(self) -> int:
        """Steps until what failed first keeps nothing firing any more."""
        return self.short + -(-self.tier.keep_firing // self.step) if self.tier.keep_firing else 0

    @property
    def short_fits(self) -> bool:
        """Whether what failed first is then still in the long window."""
        return (self.quiet + self.short + 1) * self.step < self.tier.long

    def _short(self, edge: Edge) -> UnitTest:
        budget, at = self.budgets.example() or {}, self.quiet + self.short
        shown = self.shown(self.edge_told("short", edge), budget, lumps(merged(edge), self.short, self.quiet), at + 1)
        expected = [
            self.question.expected(at * self.step, [], "before the last failure", self.state),
            self.question.expected((at + 1) * self.step, [budget], "with it", self.state),
        ]
        return self.test("the short window has the last word", [shown], expected, "")

    def edge_told(self, case: str, edge: Edge) -> str:
        """`factor: 9 of 199 calls failed, then 10 of 200: exactly 5 %`."""
        before, after = edge.under, edge.over
        if case == "short":
            before, after = edge.short_under, edge.short_over
        in_ = f" in {prometheus_duration(self.tier.short)}" if case == "short" else ""
        told = (
            f"{case}: {before.bad} of {before.eligible} {self.units} failed{in_}, then {after.bad} of {after.eligible}"
        )
        if self.tier.min_bad_callers or self.tier.z is not None:
            told += f"; {_callers(before)}, then {after.callers}"
        return told + _WHY.get(case, "")

    def _each_target(self) -> UnitTest | None:
        """Every budget by its own objective, all at once; and what is never enforced, however much of it fails."""
        shown, firing_ = [], []
        for budget in self.budgets.declared("strict"):
            target = self.slo.target(budget)
            found = {edge.condition: edge for edge in edges(Where(self.of, target, target))}
            edge = found.get("factor") or found.get("volume")
            if edge:
                told = self.edge_told(f"objective {percent(target.objective)}", edge)
                shown.append(self.shown(told, budget, lumps(merged(edge), self.short), self.short + 1))
                firing_.append(budget)
        outage = Traffic(failures(OUTAGE), ((self.short + 1, failures(OUTAGE)),))
        shown += [
            self.shown("a total outage, not enforced", budget, outage, self.short + 1)
            for budget in self.budgets.never_enforced()
        ]
        at = self.short * self.step
        if len(shown) < 2 or at + self.step >= self.tier.long:
            return None
        expected = [
            self.question.expected(at, [], "before the last failure", self.state),
            self.question.expected(at + self.step, firing_, "with it", self.state),
        ]
        return self.test("each budget by its own objective, and only if it is enforced", shown, expected, "")

    # A steady rate

    def _at_a_rate(self) -> UnitTest | None:
        """From the first scrape on the same share fails in every step."""
        share = self.of.share(self.target)
        if not 0 < share < 1:
            return None
        for times in (1, 2, 4, 8, 16, 32, 64):
            bad, units = share.numerator * times, share.denominator * times
            over = failures(bad) + good(units - bad - (1 if self.of.strict else 0))
            under = failures(bad) + good(units - bad + (0 if self.of.strict else 1))
            first = self._first_true(over)
            if first is not None and over.good >= 0:
                break
        else:
            return None
        return self._rates(over, under, first)

    def _first_true(self, per_step: Counts) -> int | None:
        most = min(LONGEST_STORY, (self.tier.long - self.step) // self.step, 2 * self.short + 2)
        seen = (self._seen(Traffic(per_step, ((n, per_step),)), n) for n in range(most))
        return next((n for n, each in enumerate(seen) if self.of.fires(each)), None)

    def _rates(self, over: Counts, under: Counts, first: int) -> UnitTest:
        last, each = first + 1, f"{self.units} every {spelled(self.step)}"
        pairs = [("at-the-rate", over), ("under-the-rate", under)]
        shown, firing_ = [], []
        for case, per_step in pairs:
            budget = self.budgets.case(case)
            if budget is None and case != "at-the-rate":
                continue
            budget = budget or self.budgets.example() or {}
            share = _share(Fraction(per_step.bad, per_step.eligible))
            told = f"{per_step.bad} of {per_step.eligible} {each} fail, {share}"
            shown.append(self.shown(told, budget, Traffic(per_step, ((last, per_step),)), last))
            firing_ += [budget] if case == "at-the-rate" else []
        expected = [self.question.expected((first - 1) * self.step, [], "", self.state)] if first else []
        expected.append(self.question.expected(first * self.step, firing_, "", self.state))
        name = (
            f"the same share fails from the first scrape on; fires after {spelled(first * self.step)}"
            if first
            else ("the same share fails from the first scrape on; fires at once")
        )
        return self.test(name, shown, expected, "")

    # Waiting and ending

    def _waits(self) -> UnitTest | None:
        """Everything fails all the time: the expression is true from the first scrape on."""
        waits, fewest = self.tier.for_, volume(Where(self.of, self.target, self.target))
        if not waits or waits % self.step or waits // self.step > LONGEST_STORY or not fewest:
            return None
        budget, steps = self.budgets.example() or {}, waits // self.step
        traffic = Traffic(fewest.over * 2, ((steps, failures(1)),))
        shown = self.shown(f"all {self.units} fail from the first scrape on", budget, traffic, steps)
        expected = [
            self.question.expected(waits - self.step, [budget], "", "pending"),
            self.question.expected(waits - self.step, []),
            self.question.expected(waits, [budget]),
        ]
        return self.test(f"waits for {spelled(waits)}", [shown], expected, "")

    def _recovers(self) -> UnitTest | None:
        """Everything failed; then good units only, or, in another budget, none at all."""
        steps = self.short + -(-self.tier.keep_firing // self.step) + 1
        lasts = -(-self.tier.for_ // self.step)
        if lasts + steps > LONGEST_STORY or (self.short + 1) * self.step >= self.tier.long:
            return None
        failing = self._lasting(lasts, steps)
        if failing is None:
            return None
        stories = {"good-again": failing.then(steps, good(1)), "dead-line": failing.then(steps)}
        return self._endings(stories, lasts + steps)

    def _lasting(self, lasts: int, steps: int) -> Traffic | None:
        """Failures that are true until the short window has left them."""
        fewest = volume(Where(self.of, self.target, self.target))
        for times in (1, 2, 4, 8, 16, 32, 64, 128):
            if not fewest:
                return None
            traffic = Traffic(fewest.over * times, ((lasts, fewest.over),) if lasts else ())
            after = traffic.then(steps, good(1))
            if all(self.of.fires(self._seen(after, n)) for n in range(lasts + self.short)):
                return traffic
        return None

    def _endings(self, stories: dict[str, Traffic], last: int) -> UnitTest:
        told = {
            "good-again": f"everything fails until {self._moment(last, stories)}, then all is good",
            "dead-line": "the same, but then no call comes at all",
        }
        shown, states = [], {}
        for case, traffic in stories.items():
            budget = self.budgets.case(case)
            if budget is None and case != "good-again":
                continue
            budget = budget or self.budgets.example() or {}
            true = [self.of.fires(self._seen(traffic, n)) for n in range(last + 1)]
            states[case] = (budget, true, firing.firing(true, self.step, self.tier.for_, self.tier.keep_firing))
            shown.append(self.shown(told[case], budget, traffic, last))
        return self.test(self._ending_name(), shown, list(self._ends(states)), "")

    def _ends(self, states: Mapping[str, tuple[Budget, list[bool], list[bool]]]) -> Iterator[Expected]:
        """Around every change of the first budget, with what the others do meanwhile."""
        _, true, fires = next(iter(states.values()))
        ended = max(n for n, holds in enumerate(true) if holds) + 1
        moments = {ended - 1: "the last moment at which it is true"}
        if fires[ended]:
            resolved = fires.index(False, ended)
            moments |= {
                ended: "held by keep_firing_for alone",
                resolved - 1: "held for the last time",
                resolved: "over",
            }
        else:
            moments |= {ended: "over"}
        for n, what in moments.items():
            yield self.question.expected(
                n * self.step, [budget for budget, _, state in states.values() if state[n]], what
            )
            if "alone" in what:
                yield self._short_is_empty(n, [budget for budget, _, _ in states.values()])

    def _short_is_empty(self, n: int, budgets: Sequence[Budget]) -> Expected:
        series = names.events("bad", prometheus_duration(self.tier.short))
        samples = [({name: budget[name] for name in self.slo.budget_by}, 0) for budget in budgets]
        by = ", ".join(self.slo.budget_by)
        return Expected(n * self.step, f"sum by ({by}) ({series})", samples, "for nothing failed in the short window")

    def _ending_name(self) -> str:
        keeps = self.tier.keep_firing
        return "ends with the short window" + (f", after {spelled(keeps)} more" if keeps else "")

    def _moment(self, last: int, stories: dict[str, Traffic]) -> str:
        del last, stories
        return "the alert has waited" if self.tier.for_ else "the first scrape"

    def _seen(self, traffic: Traffic, n: int) -> Seen:
        return Seen(
            self.target, _window(traffic, n, self.tier.long, self.step), _window(traffic, n, self.tier.short, self.step)
        )


def asked(file: SloFile, slo: Slo, tier: Tier, scope: str) -> Question:
    """The alerts of a tier about each budget, or about all of them together."""
    alerts = enabled_alerts.of_slo(SloSeries(slo, file.prometheus, file.links))
    found = firing.about(alerts, names.alert_class(tier.name), scope)
    assert found
    return found


def lumps(story: Story, short: int, quiet: int = 0) -> Traffic:
    """All at once: what came before at step 0; `quiet` steps later the short window begins, in its second step comes
    what is in it, and the last just after its end.
    """
    return Traffic(story.before).then(quiet + 1).then(1, story.during).then(short - 2).then(1, story.last)


def merged(edge: Edge) -> Story:
    """The failing and the good units in one budget."""
    return edge.failing + edge.serving


def _window(traffic: Traffic, n: int, seconds: int, step: int) -> Counts:
    """Born before the first scrape: the whole count while that is inside the window."""
    start = n - seconds // step
    return traffic.at(n) - traffic.at(start) if start >= 0 else traffic.at(n)


def _few_callers(where: Where) -> Iterator[tuple[str, Edge]]:
    """What happens every night and must wake nobody; told where a guard keeps it silent."""
    yield "one-failure", Edge("one-failure", Story(last=failures(1)))
    fewest = volume(where)
    if fewest:
        calls = fewest.over.bad + 2
        yield "redials", Edge("redials", Story(during=failures(calls, 1), last=failures(1, 0)))


_WHY = {
    "volume": ": the fewest that can fire",
    "factor": ": exactly the threshold",
    "callers": ": enough of them",
    "events": ": enough of them",
    "chance": ": beyond chance",
    "one-failure": ": one caller at night",
    "redials": ": one caller who tries again and again",
}


def _callers(counts: Counts) -> str:
    return f"{counts.callers} caller{'' if counts.callers == 1 else 's'}"


def _share(share: Fraction) -> str:
    """`5 %`."""
    return f"{plain(Decimal(f'{float(share * 100):.6g}'))} %"
