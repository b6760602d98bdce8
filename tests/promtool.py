"""Scenarios for `promtool test rules`, built in Python: what an exporter showed and what must follow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

from prometheus_rules import generate
from tests.tools import tool
from voice_slo import names, promql
from voice_slo.spec import SloFile

Numbers = Sequence[float | None]
"""One value for each step from 0; None where nothing was scraped."""
Labels = Mapping[str, str]


def counting(*runs: tuple[int, float]) -> list[float | None]:
    """A counter that starts at 0 and grows by `per_step` for `steps` steps, run after run: (steps, per_step)."""
    return [0, *accumulate(per_step for steps, per_step in runs for _ in range(steps))]


def absent(steps: int) -> list[float | None]:
    return [None] * steps


@dataclass
class Exporter:
    """One scrape target. `at` lays its series onto a later start."""

    instance: str = "exporter-1"
    agent: str = "front-desk"
    slo: str = "task-completion"
    series: list[dict[str, str]] = field(default_factory=list)

    def shows(
        self, eligible: Numbers, good: Numbers, callers: Numbers, created: float = 0, *, from_step: int = 0,
        window: tuple[Numbers, Numbers] | None = None, **segments: str,
    ) -> Exporter:  # fmt: skip
        """The counters of one budget; `window`: eligible and bad by event time."""
        births: Numbers = [None if value is None else created for value in eligible]
        for metric, values in (
            (names.ELIGIBLE, eligible),
            (names.GOOD, good),
            (names.BAD_CALLERS, callers),
            (names.CREATED, births),
        ):
            self._add(metric.name, [*absent(from_step), *values], segments)
        if window:
            for verdict, values in zip(("eligible", "bad"), window, strict=True):
                self._add(names.WINDOW_EVENTS.name, [*absent(from_step), *values], {**segments, names.VERDICT: verdict})
        return self

    def shows_more(
        self, metric: names.Metric, values: Numbers, *, from_step: int = 0, slo: bool = True, **labels: str
    ) -> Exporter:  # fmt: skip
        """Any other series; `slo`: it carries one."""
        self._add(metric.name, [*absent(from_step), *values], labels, slo=slo)
        return self

    def _add(self, metric: str, values: Numbers, more: Labels, *, slo: bool = True) -> None:
        whose = {"agent": self.agent, "slo": self.slo} if slo else {"agent": self.agent}
        labels = {**whose, **more, "instance": self.instance, "job": "voice-slo"}
        notation = " ".join("_" if value is None else repr(value) for value in values)
        self.series.append({"series": _selector(metric, labels), "values": notation})


@dataclass
class Scenario:
    """`minutes` per step. Expectations are added in any order; moments are minutes from the start."""

    exporters: Iterable[Exporter]
    minutes: int = 1
    alerts: list[dict[str, object]] = field(default_factory=list)
    samples: list[dict[str, object]] = field(default_factory=list)

    def silent(self, *moments: int, alerts: Sequence[str] = ()) -> Scenario:
        for alert in alerts or (names.FAST_BURN, names.MEDIUM_BURN, names.SLOW_BURN):
            for moment in moments:
                self.fires(alert, moment)
        return self

    def fires(self, alert: str, moment: int, *expected: tuple[Labels, Labels]) -> Scenario:
        """Exactly these alerts fire; each with all its labels and annotations."""
        listed = [{"exp_labels": dict(labels), "exp_annotations": dict(texts)} for labels, texts in expected]
        self.alerts.append({"eval_time": f"{moment}m", "alertname": alert, "exp_alerts": listed})
        return self

    def gives(self, expr: str, moment: int, *expected: tuple[Labels, float]) -> Scenario:
        """Exactly these samples, labels without the name."""
        listed = [{"labels": _selector("", labels), "value": value} for labels, value in expected]
        self.samples.append({"expr": expr, "eval_time": f"{moment}m", "exp_samples": listed})
        return self

    def is_(self, expr: str, moment: int, value: float) -> Scenario:
        """`sum(expr)` is `value`."""
        return self.gives(f"sum({expr})", moment, ({}, value))

    def firing(self, alert: str, moment: int, budgets: int, scope: str = "segment") -> Scenario:
        """So many budgets fire, whatever their labels say."""
        firing = f'ALERTS{{alertname="{alert}",alertstate="firing",scope="{scope}"}}'
        return self.gives(f"count({firing})", moment, *([({}, budgets)] if budgets else []))

    def never_nan(self, *moments: int) -> Scenario:
        for moment in moments:
            self.gives('count(abs(sum({__name__=~"voice_slo:.+"})) < +Inf)', moment, ({}, 1))
        return self


def run(
    directory: Path, slo_file: SloFile, *scenarios: Scenario, alert: str = "", beside: Sequence[SloFile] = ()
) -> None:  # fmt: skip
    """Fails with promtool's own words unless every expectation holds.

    `alert`: only the rules that this one needs, where weeks have to be evaluated. `beside`: files whose rules are
    in the same Prometheus.
    """
    promtool = tool("promtool")
    contents = [content for file in (slo_file, *beside) for content in generate(file, "0.0.0").values()]
    groups = [group for content in contents for group in yaml.load(content, Loader=yaml.CSafeLoader)["groups"]]
    kept = _needed(groups, alert) if alert else groups
    (directory / "rules.yaml").write_text(json.dumps({"groups": kept}))
    step = {scenario.minutes for scenario in scenarios}
    assert len(step) == 1, "promtool has one evaluation interval for a file"
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{step.pop()}m",
        "group_eval_order": [group["name"] for group in kept],
        "tests": [_test(scenario) for scenario in scenarios],
    }
    (directory / "test.yaml").write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yaml"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _needed(groups: Sequence[dict[str, Any]], alert: str) -> list[dict[str, Any]]:
    """The rules that an alert reads, directly or not, in their groups."""
    wanted, rules = {alert}, [rule for group in groups for rule in group["rules"]]
    while True:
        used = [rule for rule in rules if rule.get("alert", rule.get("record")) in wanted]
        more = {name for rule in used for name in promql.series_read(rule["expr"])} | wanted
        if more == wanted:
            break
        wanted = more
    kept = ({**group, "rules": [rule for rule in group["rules"] if rule in used]} for group in groups)
    return [group for group in kept if group["rules"]]


def check(directory: Path, content: bytes) -> None:
    """`promtool check rules`, where warnings count too."""
    promtool = tool("promtool")
    (directory / "rules.yaml").write_bytes(content)
    done = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", "rules.yaml"],
        cwd=directory, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _test(scenario: Scenario) -> dict[str, object]:
    return {
        "interval": f"{scenario.minutes}m",
        "input_series": [series for exporter in scenario.exporters for series in exporter.series],
        "alert_rule_test": scenario.alerts,
        "promql_expr_test": scenario.samples,
    }


def _selector(name: str, labels: Labels) -> str:
    return f"{name}{{{','.join(promql.equals(label, value) for label, value in labels.items())}}}"
