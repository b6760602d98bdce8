"""The promtool test files of one voice agent: which test is in which file, and the rules that a file loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_rules import yaml_text
from prometheus_rules.origin import origin
from prometheus_rules.rule import Group
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.rule_tests import unit_test
from prometheus_rules.rule_tests.budget_stories import BudgetTests
from prometheus_rules.rule_tests.count_stories import CountTests
from prometheus_rules.rule_tests.tier_stories import TierTests
from prometheus_rules.rule_tests.total_stories import TotalTests
from prometheus_rules.rule_tests.unit_test import UnitTest
from voice_slo import names
from voice_slo.spec import Slo, SloFile, Tier

MINUTE, HOUR = 60, 3600
_STEPS = (
    6 * HOUR, 4 * HOUR, 3 * HOUR, 2 * HOUR, HOUR, 30 * MINUTE, 20 * MINUTE, 15 * MINUTE, 10 * MINUTE, 5 * MINUTE,
    2 * MINUTE, MINUTE, 30, 20, 15, 10, 5, 4, 3, 2, 1,
)  # fmt: skip
"""Seconds between evaluations: what a person divides hours and minutes into."""
_FEWEST_STEPS = 3
"""In the short window of a tier."""


def tests(file: SloFile, slo: Slo) -> Mapping[str, list[UnitTest]]:
    """By what they are about, which ends the name of their file. promtool evaluates all of a file at one interval."""
    found: dict[str, list[UnitTest]] = {"counts": CountTests(file, slo).all(), "budget": BudgetTests(file, slo).all()}
    for tier in slo.alerting.tiers:
        if tier.enabled:
            one = TierTests(file, slo, tier, _step(tier))
            found[names.alert_class(tier.name)] = [*one.all(), *TotalTests(one).all()]
    return found


def _step(tier: Tier) -> int:
    """The longest that divides the short window, and if possible what the tier waits and keeps firing."""
    fitting = [step for step in _STEPS if tier.short % step == 0 and tier.short // step >= _FEWEST_STEPS]
    exact = [step for step in fitting if tier.for_ % step == 0 and tier.keep_firing % step == 0]
    return next(step for step in (*(s for s in exact if s >= fitting[0] // 10), *fitting))


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    """Path → content of the tests of every SLO, and of its rules alone.

    promtool evaluates every rule of a file at every step; with those of a whole agent it takes ten times as long.
    """
    groups, header = rule_groups(slo_file), f"# {origin(slo_file.path, version)}\n"
    made: dict[str, bytes] = {}
    for slo in slo_file.slos:
        own = [group for group in groups if group.identity.get(names.SLO) == slo.name]
        made |= dict(_of_slo(slo_file, slo, own, header))
    return made


def tested_rules_path(agent: str, slo: str) -> str:
    return f"prometheus_rules/generated/tests/{agent}/{slo}.tested-rules.yaml"


def _of_slo(file: SloFile, slo: Slo, groups: list[Group], header: str) -> Iterator[tuple[str, bytes]]:
    rules = tested_rules_path(file.agent, slo.name)
    folder, _, loaded = rules.rpartition("/")
    made = {pace: own for pace, own in tests(file, slo).items() if own}
    if made:
        yield rules, (header + yaml_text.dump({"groups": [group.as_dict() for group in groups]})).encode()
    for pace, own in made.items():
        document = unit_test.document(header, loaded, [group.name for group in groups], own[0].step, own)
        yield f"{folder}/{slo.name}.{pace}.test.yaml", document
