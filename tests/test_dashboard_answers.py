"""What the Operator dashboard's queries answer, evaluated by promtool over recorded series."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.words import CALLERS, RELEASE_STATES
from tests import dashboard_fixtures as files
from tests.test_dashboards import operator, panel, substituted
from tests.tools import tool
from voice_slo.spec import SloFile

FILE = files.starter()
CALLERS_WORDS = {word.code: word.text for word in CALLERS}
STATE_WORDS = {word.code: word.text for word in RELEASE_STATES}

AFFECTED, RELEASE, NEXT_GONE, BUDGETS, FAILURES, EXCLUDED, COUNTS, FIRING = 101, 105, 106, 107, 110, 111, 201, 202

Samples = dict[str, str]
"""Series → values in promtool's notation."""
Found = dict[str, float]
"""Labels as text → value."""


def expression(id_: int, query: int = 0, slo_file: SloFile = FILE) -> str:
    dashboard = operator(slo_file)
    return substituted(str(panel(dashboard, id_)["targets"][query]["expr"]), dashboard)


def check(tmp_path: Path, samples: Samples, expr: str, expected: Found, *, at: str = "10m", step: str = "1m") -> None:
    """Fails with promtool's words unless `expr` gives exactly `expected` at `at`."""
    test = {
        "interval": step,
        "input_series": [{"series": series, "values": values} for series, values in samples.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": at,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
            }
        ],
    }
    path = tmp_path / "answers.test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": step, "tests": [test]}))
    done = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def constant(values: dict[str, float]) -> Samples:
    return {series: f"{value}+0x60" for series, value in values.items()}


def of(name: str, slo: str = "connection-success", **segments: str) -> str:
    labels = {"agent": "front-desk", "slo": slo, **segments}
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels.items())}}}"


def now(eligible: float, bad: float, callers: float, slo: str = "connection-success") -> Samples:
    return constant(
        {
            of("voice_slo:eligible:events15m", slo): eligible,
            of("voice_slo:bad:events15m", slo): bad,
            of("voice_slo:bad_callers:events15m", slo): callers,
            of("voice_slo:error_budget:ratio", slo): 0.005,
            of("voice_slo:fast_threshold:ratio", slo): 0.05,
        }
    )


@pytest.mark.parametrize(
    ("eligible", "bad", "callers", "word"),
    [
        (0, 0, 0, "NO CALLS"),
        (400, 0, 0, "NO"),
        (400, 2, 2, "NO"),
        (400, 3, 3, "SOME"),
        (1, 1, 1, "SOME"),
        (40, 20, 2, "SOME"),
        (40, 2, 3, "YES"),
    ],
)
def test_whether_callers_are_affected(tmp_path: Path, eligible: float, bad: float, callers: float, word: str) -> None:
    (code,) = [code for code, text in CALLERS_WORDS.items() if text == word]
    check(tmp_path, now(eligible, bad, callers), expression(AFFECTED), {"{}": code})


def test_without_data_there_is_no_answer_to_whether_callers_are_affected(tmp_path: Path) -> None:
    check(tmp_path, {}, expression(AFFECTED), {})


def test_the_worst_slo_answers_and_a_page_is_an_answer_by_itself(tmp_path: Path) -> None:
    alert = of("ALERTS", "turn-latency", alertname="VoiceSLOMediumBurn", alertstate="firing", severity="page")
    samples = now(400, 0, 0) | now(0, 0, 0, "turn-latency") | {alert: "1+0x60"}
    check(tmp_path, samples, expression(AFFECTED), {"{}": 3})


def test_a_ticket_does_not_say_that_callers_are_affected_now(tmp_path: Path) -> None:
    alert = of("ALERTS", alertname="VoiceSLOSlowBurn", alertstate="firing", severity="ticket")
    check(tmp_path, now(400, 0, 0) | {alert: "1+0x60"}, expression(AFFECTED), {"{}": 1})


def state(slo: str, code: float, enforced: float, **segments: str) -> Samples:
    values = {
        of("voice_slo:release_state:code", slo, **segments): code,
        of("voice_slo:enforced:bool", slo, **segments): enforced,
    }
    return constant(values) | info(slo)


def info(slo: str) -> Samples:
    return {of("voice_slo:info", slo, owner="operations", period="30d"): "1+0x60"}


def test_the_release_state_is_that_of_the_worst_enforced_budget(tmp_path: Path) -> None:
    samples = (
        state("task-completion", 3, 0, flow="faq")
        | state("task-completion", 1, 1, flow="fraud")
        | state("task-completion", 0, 1, flow="booking")
        | state("turn-latency", 3, 0)
        | info("connection-success")
    )
    expected = {"task-completion": "Watch", "turn-latency": "Observed", "connection-success": "Unknown"}
    codes = {text: code for code, text in STATE_WORDS.items()}
    found = {f'{{owner="operations", slo="{slo}"}}': float(codes[word]) for slo, word in expected.items()}
    check(tmp_path, samples, expression(RELEASE), found)


def budget(flow: str, code: float, remaining: float, allowed: float, days: int = 3) -> Samples:
    slo = "task-completion"
    return state(slo, code, 1, flow=flow) | constant(
        {
            of("voice_slo:error_budget_remaining:events", slo, flow=flow): remaining,
            of("voice_slo:error_budget:events", slo, flow=flow): allowed,
            of("voice_slo:error_budget_exhaustion:seconds", slo, flow=flow): 7200 if remaining > 0 else 0,
            of("voice_slo:events:created", slo, flow=flow): -days * 86400,
        }
    )


def test_what_is_left_of_a_budget_is_said_in_failures_or_why_it_cannot_be_said(tmp_path: Path) -> None:
    samples = (
        budget("booking", 0, 38, 119.9999999999)
        | budget("billing", 3, -4.5, 20.5)
        | budget("fraud", -1, -1, 2)
        | budget("faq", -2, 0, 0)
        | budget("password-reset", -1, 1, 2, days=40)
    )
    words = {
        ("booking", "38 of 120"): 1,
        ("billing", "-5 of 20"): 1,
        ("fraud", "collecting, 3 of 30d"): 1,
        ("password-reset", "too few events"): -1,
        ("faq", "no calls yet"): -2,
    }
    found = {
        f'{{budget="task-completion · {flow}", left="{left}"}}': float(value) for (flow, left), value in words.items()
    }
    check(tmp_path, samples, expression(BUDGETS, 2), found)


def test_a_budget_that_is_collecting_has_no_forecast(tmp_path: Path) -> None:
    samples = budget("booking", 0, 38, 120) | budget("fraud", -1, -1, 2)
    check(tmp_path, samples, expression(NEXT_GONE), {'{budget="task-completion · booking"}': 7200})
    check(tmp_path, budget("fraud", -1, -1, 2), expression(NEXT_GONE), {'{budget="every budget"}': -1})


DAY = {"at": "26h", "step": "30m"}


def excluded(reason: str, values: str) -> Samples:
    return {of("voice_sli_excluded_total", reason=reason, verdict="bad"): values}


def test_raw_failures_are_those_that_count_and_those_excluded(tmp_path: Path) -> None:
    samples = (
        {of("voice_slo:bad:events1d"): "7+0x60"}
        | excluded("test_call", "0+0x40 10+1x20")
        | excluded("abuse", "_x49 2 2 2 2 2")
        | excluded("external_outage", "5+0x60")
    )
    slo = '{slo="connection-success"}'
    for query, expected in ((0, 30), (1, 23), (2, 7), (3, 0)):
        check(tmp_path, samples, expression(FAILURES, query), {slo: expected}, **DAY)
    by_reason = {
        '{reason="abuse", slo="connection-success"}': 2.0,
        '{reason="test_call", slo="connection-success"}': 21.0,
    }
    check(tmp_path, samples, expression(EXCLUDED), by_reason, **DAY)


def test_an_slo_without_exclusions_says_none_and_without_data_says_nothing(tmp_path: Path) -> None:
    none = {'{reason="none", slo="connection-success"}': 0.0}
    check(tmp_path, {of("voice_slo:bad:events1d"): "7+0x60"}, expression(EXCLUDED), none, **DAY)
    check(tmp_path, excluded("abuse", "3+0x60"), expression(EXCLUDED), {}, **DAY)


def test_alerts_are_counted_and_listed_and_silence_needs_rules_that_run(tmp_path: Path) -> None:
    labels = {"alertname": "VoiceSLOFastBurn", "severity": "page"}
    firing = {
        of("ALERTS", "turn-latency", alertstate="firing", **labels): "1+0x60",
        of("ALERTS_FOR_STATE", "turn-latency", **labels): "60+0x60",
    }
    silent = {'{alertname="no alert is firing", budget="–", severity="–"}': 0.0}
    listed = {'{alertname="VoiceSLOFastBurn", budget="turn-latency", severity="page"}': 60000.0}
    check(tmp_path, firing | info("turn-latency"), expression(COUNTS), {"{}": 1})
    check(tmp_path, firing | info("turn-latency"), expression(FIRING), listed)
    check(tmp_path, info("turn-latency"), expression(COUNTS), {"{}": 0})
    check(tmp_path, info("turn-latency"), expression(FIRING), silent)
    check(tmp_path, {}, expression(COUNTS), {})
    check(tmp_path, {}, expression(FIRING), {})
