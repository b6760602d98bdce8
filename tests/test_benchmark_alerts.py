"""The alerts benchmark: it asks the generated alerts what Prometheus would answer, and counts as the exporter does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.alerts import cells, incidents
from benchmarks.alerts.__main__ import MARK, simulated
from benchmarks.alerts.cells import BASES, FLOWS, Cell
from benchmarks.alerts.episodes import episodes, first_within, merged
from benchmarks.alerts.failures import Units, counted
from benchmarks.alerts.figures import Rate, Told, precision
from benchmarks.alerts.incidents import INCIDENTS
from benchmarks.alerts.promql_arrays import Array, NotSupported, Read, Series, compiled
from benchmarks.alerts.results import LIMITS, Results
from benchmarks.alerts.rules import Guard, Variant, burn_alerts, generated, slo_file, with_guard
from benchmarks.alerts.traffic import DAY, PROFILES, SMALL, SPIKY, TINY
from benchmarks.alerts.windows import Windows
from prometheus_rules import slo_series
from prometheus_rules.rule import Record
from prometheus_rules.rule_files import rule_groups
from tests.tools import tool
from voice_slo import names, promql

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks" / "alerts.md"
VARIANTS = [Variant(policy, "generated", "call", "99.5%", 3) for policy in ("guarded", "sre-workbook")] + [
    Variant("guarded", "generated", "turn", "95%", 3)
]
MINUTES = st.lists(st.integers(0, 60), unique=True).map(lambda found: np.array(sorted(found), np.intp))

# Alerts over arrays


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"{variant.policy}-{variant.unit}")
def test_alerts_are_true_where_promtool_finds_them_true(tmp_path: Path, variant: Variant) -> None:
    """Counts around every limit, some absent, for three budgets at 200 moments that do not see each other."""
    moments = 200
    values = _random_series(variant, np.random.default_rng(7), moments)
    labels = generated(variant).labels
    series = Series(labels, _among(values))
    asked = [(expr, compiled(expr)(series)) for expr in _expressions(variant)]
    true = [int(np.isfinite(found).any(axis=0).sum()) for _, found in asked]
    assert min(true) > 10
    assert max(true) < moments
    tests = [
        {"expr": f"count({expr})", "eval_time": f"{10 * moment}m", "exp_samples": _counted(found[:, moment])}
        for expr, found in asked
        for moment in range(moments)
    ]
    _promtool(tmp_path, _shown(values, labels), tests)


def test_totals_are_those_of_promtool(tmp_path: Path) -> None:
    variant = VARIANTS[0]
    values = _random_series(variant, np.random.default_rng(8), 50)
    labels = generated(variant).labels
    totals = {n: e for n, e in _records(variant).items() if n.startswith("voice_slo:total_bad") and "period" not in n}
    assert len(totals) == 9
    tests = []
    for expr in totals.values():
        (found,) = compiled(expr)(Series(labels, _among(values)))
        for moment, value in enumerate(found):
            samples = [] if np.isnan(value) else [{"labels": "{}", "value": float(value)}]
            tests.append({"expr": f"sum({expr})", "eval_time": f"{10 * moment}m", "exp_samples": samples})
    _promtool(tmp_path, _shown(values, labels), tests)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("2 + 3 * 2 ^ 2 - 8 / 4", 12), ("a > 1 and b", 2), ("a > 2", None), ("a unless b", None), ("gone or a", 2),
        ("a or b", 2), ("gone and a", None), ("a and gone", None), ("a unless gone", 2), ('a{flow="x"} == 2', 2),
        ('a{flow="y"}', None), ('a{flow=~"x|y"}', 2), ("sum by (agent, slo) (gone)", None), ("sqrt(b)", 3),
        ("gone * 2", None), ("a >= 2 < 3 != 1 <= 2", 2),
    ],
)  # fmt: skip
def test_what_an_expression_gives(expr: str, value: float | None) -> None:
    known = {"a": 2.0, "b": 9.0, "gone": np.nan}
    found = compiled(expr)(
        Series([{"flow": "x"}], _among({name: np.array([[value]]) for name, value in known.items()}))
    )
    assert found.shape == (1, 1)
    assert (None if np.isnan(found).any() else float(found[0, 0])) == value


@pytest.mark.parametrize(
    "expr",
    [
        "rate(a[5m])", "a offset 5m", "a and on (agent) b", "a > bool 1", 'a{flow!="x"}', "max(a)", "sum(a)",
        "a % 2", "sum without (agent, slo) (a)", "count_values('x', a)",
    ],
)  # fmt: skip
def test_what_is_not_evaluated_is_refused(expr: str) -> None:
    with pytest.raises(NotSupported):
        compiled(expr)


def test_a_total_does_not_meet_single_budgets() -> None:
    """Numpy would repeat the one row; Prometheus would find nothing to pair."""
    series = Series([{"flow": "x"}, {"flow": "y"}], _among({"a": np.ones((2, 3))}))
    with pytest.raises(NotSupported):
        compiled("a > sum by (agent, slo) (a)")(series)


@pytest.mark.parametrize("unit", ["call", "turn"])
def test_forms_of_the_guard_differ_in_nothing_else(unit: str) -> None:
    """`generated` is `callers` for calls but in the slow tier, and `events` for turns, of callers that weigh less."""
    guards: dict[Guard, list[str]] = {g: _guarded(unit, g) for g in ("generated", "callers", "events")}
    if unit == "call":
        assert guards["generated"] == [*guards["callers"][:2], guards["events"][2]]
    else:
        assert guards["generated"][0] == guards["events"][0]
        assert [e.replace(" / 3", "") for e in guards["generated"][1:]] == guards["events"][1:]
    for callers, events in zip(guards["callers"], guards["events"], strict=True):
        assert callers != events
        assert len(callers) == len(events) + len("_callers")


def test_an_alert_without_a_guard_has_no_other_form() -> None:
    with pytest.raises(NotSupported):
        with_guard("a > 1", "events")


# Episodes


@given(MINUTES, st.integers(0, 5))
def test_episodes_are_those_of_prometheus(true: Sequence[int], keep_firing: int) -> None:
    """Minute by minute, as Prometheus does: a silence is timed from its first evaluation on."""
    expected, silent_since = list[list[int]](), None
    firing = False
    for minute in range(70):
        if minute in true:
            if not firing:
                expected.append([minute, minute])
            firing, silent_since = True, None
        elif firing:
            silent_since = minute if silent_since is None else silent_since
            firing = minute - silent_since < keep_firing
        if firing:
            expected[-1][1] = minute
    assert episodes(np.array(true, np.intp), keep_firing).tolist() == expected


@given(st.lists(MINUTES, max_size=4))
def test_alerts_together_fire_when_any_does(alerts: list[Sequence[int]]) -> None:
    together = np.array(sorted(set().union(*(set(map(int, true)) for true in alerts))), np.intp)
    assert merged([episodes(np.array(t, np.intp), 0) for t in alerts]).tolist() == episodes(together, 0).tolist()


@pytest.mark.parametrize(
    ("start", "end", "after"), [(0, 5, None), (0, 6, 5), (5, 9, 0), (7, 9, 0), (8, 20, None), (8, 21, 12)]
)
def test_when_an_incident_is_told(start: int, end: int, after: int | None) -> None:
    assert first_within(np.array([[5, 7], [20, 21]]), start, end) == after


# Traffic, failures, windows


@pytest.mark.parametrize("profile", PROFILES)
def test_a_month_has_as_many_calls_as_in_the_reference(profile: object) -> None:
    """3,242, 16,363 and 164,054 calls in 30 days."""
    expected = {TINY: 3242, SMALL: 16363, SPIKY: 164054}
    for known, calls in expected.items():
        if known is profile:
            assert known.rate(30 * DAY).sum() == pytest.approx(calls, rel=0.05)
            made = known.calls(30 * DAY, np.random.default_rng(3)).sum()
            assert made == pytest.approx(calls, rel=0.15)


@pytest.mark.parametrize("share", [0.004, 0.04, 0.5, 1])
@pytest.mark.parametrize(
    "units", [Units(redials=2), Units(12, 0, 0), Units(12, 0.5, 1), Units(20, 0.5, 2), Units(20, 1, 0)]
)
def test_redials_and_wholly_bad_calls_do_not_change_the_share(units: Units, share: float) -> None:
    random, calls = np.random.default_rng(4), np.full(20000, 5)
    found = counted(units, calls, np.full(20000, share), random)
    assert found["bad"].sum() / found["eligible"].sum() == pytest.approx(share, rel=0.15)
    assert (found["bad"] <= found["eligible"]).all()
    assert (found["bad_callers"] <= found["bad"]).all()


@pytest.mark.parametrize(("units", "bad_of_a_caller"), [
    (Units(), 1), (Units(redials=2), 3), (Units(12, 1, 0), 12), (Units(12, 1, 1), 24), (Units(20, 1, 2), 60),
])  # fmt: skip
def test_a_caller_counts_once_whatever_fails_of_the_calls(units: Units, bad_of_a_caller: int) -> None:
    found = counted(units, np.full(30000, 2), np.full(30000, 0.02), np.random.default_rng(5))
    assert found["bad"].sum() / found["bad_callers"].sum() == pytest.approx(bad_of_a_caller, rel=0.1)


def test_slow_turns_come_when_their_share_says() -> None:
    """All turns from minute 100 to 119, none else: of a call that began at 97, the turns from 100 on."""
    share = np.zeros(200)
    share[100:120] = 1
    found = counted(Units(12, 0, 0), np.ones(200, int), share, np.random.default_rng(6))
    assert (found["bad"] == np.where(share > 0, found["eligible"], 0)).all()
    assert found["bad_callers"][99:121].tolist() == [0, 4, *[1] * 19, 0]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.data())
def test_windows_hold_the_events_of_their_minutes(counts: list[int], data: st.DataObject) -> None:
    start, minutes = data.draw(st.integers(0, len(counts) - 1)), data.draw(st.integers(1, 50))
    windows = Windows({"bad": np.array([counts, counts])}, start)
    expected = [sum(counts[max(0, at - minutes + 1) : at + 1]) for at in range(start, len(counts))]
    assert windows.events("bad", minutes).tolist() == [expected, expected]


# Figures


def test_intervals() -> None:
    """Exact Poisson limits of 3 are 0.62 and 8.77, of 0 are 0 and 3.69; Wilson's of 8 in 10 are 49 and 94 %."""
    assert (Rate(3, 1).low, Rate(3, 1).high) == pytest.approx((0.62, 8.77), abs=0.02)
    assert (Rate(0, 300).low, Rate(0, 300).high) == pytest.approx((0, 3.69 / 300), rel=0.02)
    told = Told([5, 7, 6, None, 8, 9, None, 1, 2, 3])
    assert (told.recall, told.delay) == (0.8, 5.5)
    assert told.interval == pytest.approx((0.49, 0.94), abs=0.005)
    assert (str(told), str(Told([None]))) == ("80 % (49–94) 6m", "0 % (0–79)")
    assert str(Rate(3, 300)) == "0.010 (0.002–0.029)"


def test_precision() -> None:
    assert precision(Rate(300, 300), [Told([1, None]), Told([2])]) == pytest.approx(1.5 / 2.5)
    assert precision(Rate(0, 300), [Told([None])]) is None


# The simulation


def test_the_guard_keeps_quiet_months_quiet() -> None:
    quiet = [Cell(SPIKY, Units(redials=redials), base) for redials in (0, 1) for base in BASES]
    results = _simulated(quiet, 8)
    for cell in quiet:
        guarded, published = results.pages(cell, "guarded"), results.pages(cell, "article")
        assert published.value > 10
        assert guarded.value <= LIMITS[cell.base] + 0.2
        assert results.pages(cell, "guarded, callers") == guarded


@pytest.mark.parametrize("turns", [12, 20])
def test_every_turn_slow_is_told_and_not_by_callers_alone(turns: int) -> None:
    noon = Cell(SMALL, Units(turns, 0.5), 0.3, INCIDENTS[2])
    assert noon.incident is not None
    assert noon.incident.all_bad_at_noon
    results = _simulated([noon], 10)
    assert results.told(noon, "guarded").recall == 1
    assert results.told(noon, "guarded, callers").recall < 0.8


def test_a_night_without_a_good_call_is_told_by_the_sum_of_quiet_flows() -> None:
    night = Cell(TINY, Units(), 0.3, INCIDENTS[1], FLOWS)
    results = _simulated([night], 20)
    each, together, both = (results.told(night, heading).recall for heading in cells.ROLLED_UP)
    assert each + 0.2 < together <= both


def test_the_same_seed_gives_the_same_in_any_order() -> None:
    cell = Cell(SMALL, Units(12, 0.5, 1), 0.8)
    (whole,) = _simulated([cell], 3).of.values()
    parts = [cells.runs(cell, 0, 1, [n]) for n in (2, 0, 1)]
    assert [*parts[1], *parts[2], *parts[0]] == whole
    assert cells.runs(cell, 0, 2, range(3)) != whole


def test_an_incident_is_what_its_name_says() -> None:
    (noon,) = [each for each in INCIDENTS if each.name == "1 h at 50 %, 12:00"]
    share = incidents.share(0.005, 0.3, 3 * DAY, noon, DAY + noon.start)
    assert share[DAY + 720 : DAY + 780].tolist() == [0.5] * 60
    assert set(np.delete(share, range(DAY + 720, DAY + 780))) == {0.0015}


def test_the_command_prints_every_table() -> None:
    command = [sys.executable, "-m", "benchmarks.alerts", "--months", "1", "--processes", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    assert _headings(done.stdout) == _headings(PAGE.read_text().partition(MARK)[2])


def test_the_committed_figures_are_within_the_limits() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if re.match(r"\| [^|]+ \| guarded \| ", line)]
    assert [row[0] for row in rows] == ["| calls", "| 12 turns a call", "| 20 turns a call"]
    for row in rows:
        at_low, at_high = (float(cell.split()[0]) for cell in row[2:4])
        assert at_low <= LIMITS[0.3]
        assert at_high <= LIMITS[0.8]
        assert row[4] == "yes"


def _simulated(which: list[Cell], months: int) -> Results:
    with ThreadPoolExecutor(1) as pool:
        return simulated(pool, which, months, seed=1)


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("#", "| incident", "| units"))]


def _guarded(unit: str, guard: Guard) -> list[str]:
    file = slo_file(Variant("guarded", "generated", "call" if unit == "call" else "turn", "99.5%"))
    (own,) = slo_series.of(file)
    return [alert.expr for alert in burn_alerts(file, own, guard)]


def _records(variant: Variant) -> Mapping[str, str]:
    rules = [rule for group in rule_groups(slo_file(variant)) for rule in group.rules]
    return {rule.record: rule.expr for rule in rules if isinstance(rule, Record)}


def _expressions(variant: Variant) -> list[str]:
    """The alerts about single budgets; totals have a test of their own."""
    file = slo_file(variant)
    (own,) = slo_series.of(file)
    return [alert.expr for alert in burn_alerts(file, own) if alert.labels[names.SCOPE] == "segment"]


def _random_series(variant: Variant, random: np.random.Generator, moments: int) -> Mapping[str, Array]:
    """Bad and callers from none to nearly all, eligible small enough that a few bad ones matter."""
    rules = generated(variant)
    shape = (len(rules.labels), moments)
    eligible = random.integers(0, 60, shape).astype(float)
    values = {}
    for name, (kind, _) in rules.windows.items():
        share = 1 if kind == "eligible" else random.choice([0, 0.02, 0.1, 0.5, 0.9, 1], shape)
        values[name] = np.round(eligible * share * random.choice([1, 1, 0.5], shape))
    for name in rules.records:
        constant = random.choice([0, 0.005, 0.05, 0.3, 0.5], shape)
        values[name] = random.choice([0, 1, 1, 1], shape) if name == names.ENFORCED else constant
    return {name: np.where(random.random(shape) < 0.02, np.nan, found) for name, found in values.items()}


def _among(values: Mapping[str, Array]) -> Read:
    return lambda name, at: values[name] if at is None else values[name][:, at]


def _shown(values: Mapping[str, Array], labels: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """As promtool's series, a value every ten minutes, so that none is seen twice."""
    return [
        {
            "series": promql.selector(
                name, "benchmark", "measured", *(promql.equals(label, value) for label, value in own.items())
            ),
            "values": " ".join("_" if np.isnan(value) else repr(float(value)) for value in row),
        }
        for name, found in values.items()
        for own, row in zip(labels, found, strict=True)
    ]


def _counted(values: Array) -> list[dict[str, object]]:
    present = int(np.isfinite(values).sum())
    return [{"labels": "{}", "value": present}] if present else []


def _promtool(directory: Path, series: list[dict[str, str]], tests: Sequence[Mapping[str, object]]) -> None:
    document = {"tests": [{"interval": "10m", "input_series": series, "promql_expr_test": tests}]}
    (directory / "test.yaml").write_text(json.dumps(document))
    command = [tool("promtool"), "test", "rules", "test.yaml"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr)[:2000]
