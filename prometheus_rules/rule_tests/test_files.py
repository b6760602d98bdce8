"""The promtool test files of one voice agent: which test is in which file, and the rules that a file loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_rules import yaml_text
from prometheus_rules.rule import Group
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.rule_tests import unit_test
from prometheus_rules.rule_tests.tier_stories import TierTests
from prometheus_rules.rule_tests.total_stories import TotalTests
from prometheus_rules.rule_tests.unit_test import UnitTest
from voice_slo import names
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import Slo, SloFile, Tier

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Pace:
    """promtool evaluates all of a file at one interval. `most`: seconds between evaluations, at most."""

    name: str
    most: int
    shortest: int
    """Short windows from which a tier is tested at this pace."""


PACES = (Pace("days", 30 * MINUTE, 2 * HOUR), Pace("hours", 5 * MINUTE, 30 * MINUTE), Pace("minutes", 30, 0))
_STEPS = (1800, 900, 600, 300, 120, 60, 30, 20, 15, 10, 5, 4, 3, 2, 1)


def tests(file: SloFile, slo: Slo) -> Mapping[str, list[UnitTest]]:
    found: dict[str, list[UnitTest]] = {pace.name: [] for pace in reversed(PACES)}
    for pace in PACES:
        tiers = [tier for tier in slo.alerting.tiers if tier.enabled and _pace(tier) == pace]
        step = next(s for s in _STEPS if s <= pace.most and all(tier.short % s == 0 for tier in tiers))
        for tier in tiers:
            one = TierTests(file, slo, tier, step)
            found[pace.name] += [*one.all(), *TotalTests(one).all()]
    return found


def _pace(tier: Tier) -> Pace:
    return next(pace for pace in PACES if tier.short >= pace.shortest)


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    groups = rule_groups(slo_file)
    made = {}
    for slo in slo_file.slos:
        own = [group for group in groups if group.identity.get(names.SLO) == slo.name]
        made |= dict(_of_slo(slo_file, slo, own, version))
    return made


def _of_slo(file: SloFile, slo: Slo, groups: list[Group], version: str) -> Iterator[tuple[str, bytes]]:
    folder = f"prometheus_rules/generated/tests/{file.agent}"
    header = f"# generated from ... by voice-slo {version}, do not edit\n"
    yield f"{folder}/{slo.name}.tested-rules.yaml", (header + yaml_text.dump({"groups": [g.as_dict() for g in groups]})).encode()
    for pace, made in tests(file, slo).items():
        if made:
            yield (
                f"{folder}/{slo.name}.{pace}.test.yaml",
                unit_test.document(header, f"{slo.name}.tested-rules.yaml", [g.name for g in groups], made[0].step, made),
            )
