"""The promtool tests generated of each SLO: they pass, and they are about the rules that page."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from prometheus_rules import rule_tests
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.rule_tests.test_files import tested_rules_path as rules_of
from tests.rules_fixtures import HOSTILE, hostile
from tests.tools import tool
from voice_slo import names
from voice_slo.burn_threshold import MANY_PER_CALL
from voice_slo.loading import load
from voice_slo.spec import Slo, SloFile

ROOT = Path(__file__).parents[1]
(FULL,) = load([("slos/full.yaml", (ROOT / "slos/full.yaml").read_bytes())])


def shape(slo: Slo) -> object:
    """SLOs of one shape have the same alerts, with other numbers."""
    return slo.alerting.tiers, slo.sli.unit in MANY_PER_CALL, len(slo.budget_by), bool(slo.objectives), slo.mode


SHAPES = list({shape(slo): slo for slo in reversed(FULL.slos)}.values())


def write(folder: Path, file: SloFile, slo: Slo) -> list[Path]:
    """The SLO's test files; beside them the rules that they load."""
    prefix = rules_of(file.agent, slo.name).removesuffix("tested-rules.yaml")
    for path, content in rule_tests.generate(file, "0").items():
        if path.startswith(prefix):
            (folder / path.rpartition("/")[2]).write_bytes(content)
    return sorted(folder.glob("*.test.yaml"))


def run(test: Path) -> subprocess.CompletedProcess[str]:
    command = [tool("promtool"), "test", "rules", test.name]
    return subprocess.run(command, cwd=test.parent, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("slo", SHAPES, ids=lambda slo: slo.name)
def test_they_pass(tmp_path: Path, slo: Slo) -> None:
    files = write(tmp_path, FULL, slo)
    assert files
    for test in files:
        done = run(test)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_tested_are_the_rules_of_the_slo() -> None:
    made = rule_tests.generate(FULL, "0")
    for slo in FULL.slos:
        tested = yaml.load(made[rules_of(FULL.agent, slo.name)], Loader=yaml.CSafeLoader)
        own = [group.as_dict() for group in rule_groups(FULL) if group.identity.get(names.SLO) == slo.name]
        assert tested == {"groups": own}


def test_nothing_of_a_hostile_file_is_injected() -> None:
    for content in rule_tests.generate(hostile(), "0").values():
        document = yaml.load(content, Loader=yaml.CSafeLoader)
        assert set(document) <= {"groups", "rule_files", "evaluation_interval", "group_eval_order", "tests"}
    assert rule_tests.generate(hostile(), "0") == rule_tests.generate(hostile(), "0")
    assert HOSTILE not in "".join(rule_tests.generate(hostile(), "0"))
