"""The promtool test files of one voice agent: which test is in which file, and the rules that a file loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_rules import yaml_text
from prometheus_rules.agent_rules import overdue
from prometheus_rules.origin import origin
from prometheus_rules.rule import Group
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.rule_tests import unit_test
from prometheus_rules.rule_tests.agent_stories import AgentTests
from prometheus_rules.rule_tests.budget_stories import BudgetTests
from prometheus_rules.rule_tests.count_stories import CountTests
from prometheus_rules.rule_tests.presence_stories import PresenceTests
from prometheus_rules.rule_tests.share_stories import ShareTests
from prometheus_rules.rule_tests.silence_stories import NoTrafficTests, SourceTests
from prometheus_rules.rule_tests.tier_stories import TierTests
from prometheus_rules.rule_tests.total_stories import TotalTests
from prometheus_rules.rule_tests.unit_test import UnitTest
from prometheus_rules.rule_tests.window_stories import WindowTests, windows
from voice_slo import names
from voice_slo.spec import Slo, SloFile, Tier

MINUTE, HOUR, DAY = 60, 3600, 86400
_STEPS = (
    6 * HOUR, 4 * HOUR, 3 * HOUR, 2 * HOUR, HOUR, 30 * MINUTE, 20 * MINUTE, 15 * MINUTE, 10 * MINUTE, 5 * MINUTE,
    2 * MINUTE, MINUTE, 30, 20, 15, 10, 5, 4, 3, 2, 1,
)  # fmt: skip
"""Seconds between evaluations: what a person divides hours and minutes into."""
_PACES = (
    (MINUTE, 0, 30 * MINUTE), (30 * MINUTE, 30 * MINUTE, DAY), (DAY, DAY, 200 * DAY),
)  # fmt: skip
"""Steps, and which windows are tested at them, in seconds."""
_MOST_STEPS = 120
_FEWEST_STEPS = 3
"""In the short window of a tier."""


def tests(file: SloFile, slo: Slo) -> Mapping[str, list[UnitTest]]:
    """By what they are about, which ends the name of their file. promtool evaluates all of a file at one interval."""
    paced = {step: [w for w in windows(slo) if least <= w.seconds < most and w.seconds % step == 0]
             for step, least, most in _PACES}  # fmt: skip
    exact = {step: WindowTests(file, slo, own, step).all() for step, own in paced.items()}
    found = {
        "counts": [*CountTests(file, slo).all(), *exact[MINUTE]],
        "presence": PresenceTests(file, slo).all(),
        "windows": exact[30 * MINUTE],
        "budget": BudgetTests(file, slo).all(),
        "days": [*ShareTests(file, slo).all(), *exact[DAY]],
        "weeks": NoTrafficTests(file, slo).all(),
    }
    for tier in slo.alerting.tiers:
        if tier.enabled:
            one = TierTests(file, slo, tier, _step(tier))
            found[names.alert_class(tier.name)] = [*one.all(), *TotalTests(one).all()]
    return found


def agent_tests(file: SloFile) -> Mapping[str, list[UnitTest]]:
    longest = max((overdue(each.every, each.grace) for each in file.synthetics), default=0)
    step = MINUTE * max(1, longest // (MINUTE * _MOST_STEPS))
    return {"minutes": AgentTests(file, step).all(), "weeks": SourceTests(file).all()}


def _step(tier: Tier) -> int:
    """The longest that divides the short window, and if possible what the tier waits and keeps firing."""
    fitting = [step for step in _STEPS if tier.short % step == 0 and tier.short // step >= _FEWEST_STEPS]
    exact = [step for step in fitting if tier.for_ % step == 0 and tier.keep_firing % step == 0]
    return next(step for step in (*(s for s in exact if s >= fitting[0] // 10), *fitting))


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    """Path → content of the tests of every SLO and of the agent, and of the rules of each alone.

    promtool evaluates every rule of a file at every step; with those of a whole agent it takes ten times as long.
    """
    groups, header = rule_groups(slo_file), f"# {origin(slo_file.path, version)}\n"
    made: dict[str, bytes] = {}
    for slo in slo_file.slos:
        own = [group for group in groups if group.identity.get(names.SLO) == slo.name]
        made |= dict(_files(tested_rules_path(slo_file.agent, slo.name), tests(slo_file, slo), own, header))
    of_agent = [group for group in groups if names.SLO not in group.identity]
    return made | dict(_files(tested_rules_path(slo_file.agent, AGENT), agent_tests(slo_file), of_agent, header))


AGENT = "_agent"
"""Where the name of an SLO would stand; none begins so."""


def tested_rules_path(agent: str, slo: str) -> str:
    return f"prometheus_rules/generated/tests/{agent}/{slo}.tested-rules.yaml"


def _files(
    rules: str, made: Mapping[str, list[UnitTest]], groups: list[Group], header: str
) -> Iterator[tuple[str, bytes]]:
    loaded = rules.rpartition("/")[2]
    yield rules, (header + yaml_text.dump({"groups": [group.as_dict() for group in groups]})).encode()
    for about, own in made.items():
        if own:
            document = unit_test.document(header, loaded, [group.name for group in groups], own[0].step, own)
            yield rules.replace("tested-rules", f"{about}.test"), document
