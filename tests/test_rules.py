"""The shape of the generated rules: groups, selectors, numbers, texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prometheus_rules import generate, yaml_text
from prometheus_rules.rule import Alert, Group, Record
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.yaml_text import Node
from tests.rules_fixtures import DAY, GUARDED, HOSTILE, HOUR, LINKS, hostile, policy, row, slo, slo_file, starter
from voice_slo import names, promql
from voice_slo.policies import POLICIES
from voice_slo.spec import PrometheusSettings, SloFile, Tier, Unit

FILES = {
    "starter": starter(),
    "hostile": hostile(),
    "published": slo_file(*(slo(name, alerting=policy) for name, policy in POLICIES.items())),
    "no alerts": slo_file(slo(alerting=policy())),
    "many tiers": slo_file(
        slo(alerting=policy(*(Tier(f"t-{n}", n * HOUR, n * 60, "ticket", burn=Decimal(n)) for n in range(1, 31))))
    ),
}
REMEMBERED = {names.RELEASE_STATE, names.SETTLED_CREATED}
everywhere = pytest.mark.parametrize("slo_file", FILES.values(), ids=FILES.keys())


def expressions(groups: Iterable[Group], record: str) -> list[str]:
    return [rule.expr for group in groups for rule in group.rules if isinstance(rule, Record) and rule.record == record]


def every_alert(slo_file: SloFile) -> list[Alert]:
    return [rule for group in rule_groups(slo_file) for rule in group.rules if isinstance(rule, Alert)]


def alerts(slo_file: SloFile, scope: str = "segment") -> list[Alert]:
    """The burn alerts."""
    return [a for a in every_alert(slo_file) if a.alert.endswith("Burn") and a.labels[names.SCOPE] == scope]


def only(slo_file: SloFile, record: str) -> str:
    (found,) = expressions(rule_groups(slo_file), record)
    return found


def test_the_groups_of_an_slo() -> None:
    groups = rule_groups(starter())
    assert [group.name for group in groups[:10]] == [
        "voice-slo:front-desk:sources",
        "voice-slo:front-desk:connection-success:counts",
        "voice-slo:front-desk:connection-success:windows-1",
        "voice-slo:front-desk:connection-success:windows-2",
        "voice-slo:front-desk:connection-success:budget",
        "voice-slo:front-desk:connection-success:totals-1",
        "voice-slo:front-desk:connection-success:totals-2",
        "voice-slo:front-desk:connection-success:state",
        "voice-slo:front-desk:connection-success:settled",
        "voice-slo:front-desk:connection-success:alerts",
    ]
    assert groups[-1].name == "voice-slo:front-desk:alerts"
    assert {group.interval for group in groups} == {30}


def test_one_budget_needs_no_sum() -> None:
    """Not where one segment is enforced, none is declared, or the tiers fire on each quiet budget anyway."""
    rest = slo(objectives=(row("0.9", "observe", flow=("booking", "faq")),))
    for own in (slo(by=()), rest, slo(alerting=POLICIES["article"])):
        assert not [g.name for g in rule_groups(slo_file(own)) if ":totals" in g.name]
        assert alerts(slo_file(own), "all") == []
    assert len(alerts(slo_file(slo()), "all")) == 3


@everywhere
def test_no_group_is_larger_than_a_ruler_takes(slo_file: SloFile) -> None:
    groups = rule_groups(slo_file)
    assert all(1 <= len(group.rules) <= 20 for group in groups)
    assert len({group.name for group in groups}) == len(groups)


def test_large_parts_are_numbered_and_windows_stay_whole() -> None:
    groups = rule_groups(FILES["many tiers"])
    parts = [group.name.rpartition(":")[2] for group in groups]
    assert parts[:5] == ["sources", "counts", "windows-1", "windows-2", "windows-3"]
    assert {"alerts-1", "alerts-2", "budget-1", "budget-2", "state-1", "state-2"} <= set(parts)
    for group in groups:
        recorded = {rule.record for rule in group.rules if isinstance(rule, Record)}
        windows = {name.partition(":eligible:")[2] for name in recorded if ":eligible:events" in name}
        assert windows == {name.partition(":bad:")[2] for name in recorded if ":bad:events" in name}


@everywhere
def test_no_rule_reads_another_of_its_own_group(slo_file: SloFile) -> None:
    """What is remembered over births is read from what it was itself an evaluation before; nothing else tells."""
    for group in rule_groups(slo_file):
        recorded = {rule.record for rule in group.rules if isinstance(rule, Record)}
        for rule in group.rules:
            read = {name for expr in rule.expressions() for name in promql.series_read(expr)}
            own = {rule.record} & REMEMBERED if isinstance(rule, Record) else set()
            assert not recorded & read - own, group.name


@everywhere
def test_rules_read_only_what_the_exporter_shows_or_a_group_before_recorded(slo_file: SloFile) -> None:
    scraped = {metric.name for metric in names.METRICS}
    per_slo: dict[str, set[str]] = {}
    for group in rule_groups(slo_file):
        known = per_slo.setdefault(group.identity.get(names.SLO, ""), set(scraped))
        for rule in group.rules:
            known |= {rule.record} & REMEMBERED if isinstance(rule, Record) else set()
            for expr in rule.expressions():
                assert promql.series_read(expr) <= known, (group.name, expr)
        known |= {rule.record for rule in group.rules if isinstance(rule, Record)}


@everywhere
def test_every_expression_is_checked_and_every_selector_fixes_agent_and_slo(slo_file: SloFile) -> None:
    for group in rule_groups(slo_file):
        for rule in group.rules:
            for expr in rule.expressions():
                promql.check(expr)


def test_two_agents_with_the_same_slo_names_share_no_selector() -> None:
    front, back = (generate(starter(agent), "1")[f"prometheus_rules/generated/{agent}.rules.yaml"].decode()
                   for agent in ("front-desk", "back-desk"))  # fmt: skip
    assert 'agent="back-desk"' not in front
    assert front.replace("front-desk", "back-desk") == back


def test_the_same_input_gives_the_same_bytes() -> None:
    assert generate(starter(), "0.1.0") == generate(starter(), "0.1.0")


def test_path_and_header() -> None:
    ((path, content),) = generate(starter(), "0.1.0").items()
    assert path == "prometheus_rules/generated/front-desk.rules.yaml"
    assert content.startswith(b"# generated from slos/starter.yaml by voice-slo 0.1.0, do not edit\ngroups:\n")
    ((_, content),) = generate(hostile(), "0.1.0").items()
    assert content.decode().splitlines()[1] == "groups:"


@everywhere
def test_the_file_holds_what_was_meant(slo_file: SloFile) -> None:
    ((_, content),) = generate(slo_file, "0.1.0").items()
    assert yaml.safe_load(content) == {"groups": [group.as_dict() for group in rule_groups(slo_file)]}


def test_windows_are_the_usual_and_those_of_the_tiers() -> None:
    own = slo(alerting=policy(Tier("fast", 3 * DAY, 5400, "page", burn=Decimal(2))))
    recorded = [r.record for g in rule_groups(slo_file(own)) for r in g.rules if isinstance(r, Record)]
    usual = ["5m", "15m", "30m", "1h", "1h30m", "2h", "6h", "1d", "3d", "period"]
    assert [n for n in recorded if ":bad:events" in n] == [names.events("bad", window) for window in usual]
    assert [n for n in recorded if ":bad_callers:events" in n] == [
        names.events("bad_callers", window) for window in ("15m", "3d")
    ]
    assert [n for n in recorded if ":burn_rate:" in n] == [names.burn_rate(window) for window in usual[:-1]]


def test_what_prometheus_could_not_parse_is_never_written() -> None:
    """Prometheus reads a label of this name as a number."""
    with pytest.raises(promql.PromqlError, match="invalid promql query"):
        generate(slo_file(slo(by=("inf",))), "0.1.0")


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ("30m", "((last_over_time(COUNT[15m] offset 30m) and (last_over_time(BORN[15m] offset 30m) == BORN))"),
        ("1h", "((last_over_time(COUNT[1h] offset 1h) and (last_over_time(BORN[1h] offset 1h) == BORN))"),
        ("1d", "((last_over_time(COUNT[1h] offset 1d) and (last_over_time(BORN[1h] offset 1d) == BORN))"),
        ("period", "((last_over_time(COUNT[1h] offset 7d) and (last_over_time(BORN[1h] offset 7d) == BORN))"),
    ],
)
def test_how_far_a_window_looks_back(window: str, text: str) -> None:
    expr = only(slo_file(slo(period=7 * DAY)), names.events("bad", window))
    for name, short in ((names.count("bad"), "COUNT"), (names.EVENTS_CREATED, "BORN")):
        expr = expr.replace(promql.selector(name, "front-desk", "task-completion"), short)
    assert text in expr


@pytest.mark.parametrize(("scrape", "evaluation", "found"), [
    (30, 30, ("[5m]", "[15m]")), (75, 60, ("[5m]", "[15m]")), (120, 300, ("[8m]", "[20m]")),
])  # fmt: skip
def test_look_backs_hold_at_least_four_samples(scrape: int, evaluation: int, found: tuple[str, str]) -> None:
    file = slo_file(slo(), prometheus=PrometheusSettings(scrape, evaluation))
    assert found[0] in only(file, names.EVENTS_CREATED)
    assert found[1] in only(file, names.events("bad", "5m"))


def test_objectives_are_exact_and_the_first_row_that_matches_comes_first() -> None:
    rows = (row("0.97", flow="fraud"), row("0.85", "observe", flow=("faq", "a|b")), row("0.9", flow="booking"))
    file = slo_file(slo(objectives=rows))
    own = 'voice_slo:eligible:count{agent="front-desk",slo="task-completion"'
    assert only(file, names.ERROR_BUDGET_RATIO) == (
        f'(0 * {own},flow="fraud"}} + 0.03) or (0 * {own},flow=~"faq|a\\\\|b"}} + 0.15) or (0 * {own}}} + 0.1)'
    )
    assert only(file, names.ENFORCED) == (
        f'(0 * {own},flow=~"other|unknown"}} + 0) or (0 * {own},flow="fraud"}} + 1)'
        f' or (0 * {own},flow=~"faq|a\\\\|b"}} + 0) or (0 * {own}}} + 1)'
    )


def test_a_row_like_the_default_shields_from_rows_after_it() -> None:
    rows = (row("0.9", flow="fraud"), row("0.8", flow=("fraud", "faq")))
    assert only(slo_file(slo(objectives=rows)), names.OBJECTIVE_RATIO).count("+ 0.9)") == 2


@pytest.mark.parametrize(
    ("objective", "burn", "threshold"),
    [
        ("0.995", "10", "0.05"),
        ("0.995", "1.5", "0.0075"),
        ("0.9", "10", "0.5"),
        ("0.4", "10", "0.6"),
        ("0.999", "14.4", "0.0144"),
        ("0.99", "0.5", "0.01"),
        ("1", "10", "0"),
    ],
)
def test_the_threshold_of_a_tier(objective: str, burn: str, threshold: str) -> None:
    """max(min(f·B, 0.5), B)"""
    own = slo(objective=objective, by=(), alerting=policy(Tier("x-y", HOUR, 60, "page", burn=Decimal(burn))))
    expr = only(slo_file(own), "voice_slo:x_y_threshold:ratio")
    assert expr == f'(0 * voice_slo:eligible:count{{agent="front-desk",slo="task-completion"}} + {threshold})'


def test_a_tier_of_a_share_of_the_budget_takes_the_slos_period() -> None:
    tier = Tier("share", HOUR, 60, "page", budget=Decimal("0.02"))
    thresholds = [only(slo_file(slo(objective="0.999", by=(), period=days * DAY, alerting=policy(tier))),
                       names.threshold("share")) for days in (28, 30)]  # fmt: skip
    assert [expr.rpartition("+ ")[2] for expr in thresholds] == ["0.01344)", "0.0144)"]


def test_the_short_window_is_compared_with_ge_only_where_the_long_one_is_under_an_hour() -> None:
    fast, medium, slow = alerts(slo_file(slo()))
    short = 'voice_slo:bad:events{}{{agent="front-desk",slo="task-completion"}} {} voice_slo'
    assert short.format("5m", ">=") in fast.expr
    assert short.format("30m", ">") in medium.expr
    assert short.format("2h", ">") in slow.expr


def test_the_alerts_of_the_guarded_policy() -> None:
    fast, medium, slow = alerts(slo_file(slo()))
    assert [a.alert for a in (fast, medium, slow)] == [names.FAST_BURN, names.MEDIUM_BURN, names.SLOW_BURN]
    assert fast.as_dict({"agent": "front-desk", "slo": "task-completion"})["labels"] == {
        "agent": "front-desk", "slo": "task-completion", "severity": "page", "alert_class": "fast_burn",
        "owner": "voice-platform", "page_hours": "always", "scope": "segment",
    }  # fmt: skip
    assert [a.as_dict({})["keep_firing_for"] for a in (fast, medium, slow)] == ["10m", "30m", "2h"]
    assert "for" not in fast.as_dict({})


@pytest.mark.parametrize(
    ("unit", "counted"),
    [
        ("call", "bad_callers"), ("task", "bad_callers"), ("escalation", "bad_callers"), ("handoff", "bad_callers"),
        ("synthetic", "bad_callers"), ("turn", "bad"), ("evaluation", "bad"),
    ],
)  # fmt: skip
def test_the_guard_compares_callers_unless_a_call_has_many_units(unit: Unit, counted: str) -> None:
    assert len(get_args(Unit)) == 7, "a new unit has to be told here"
    (fast, *_) = alerts(slo_file(slo(unit=unit)))
    own = '{agent="front-desk",slo="task-completion"}'
    assert (
        f"(voice_slo:{counted}:events15m{own} * (1 - 1 / (9 * voice_slo:bad_callers:events15m{own})"
        f" - 3.09 / (3 * sqrt(voice_slo:bad_callers:events15m{own}))) ^ 3"
        f" > voice_slo:error_budget:ratio{own} * voice_slo:eligible:events15m{own})"
    ) in fast.expr


@pytest.mark.parametrize(
    ("tier", "counted"),
    [
        (Tier("x", DAY, 2 * HOUR, "ticket", burn=Decimal(3), z=Decimal(2)), "bad"),
        (Tier("x", DAY, 2 * HOUR, "ticket", burn=Decimal("3.1"), z=Decimal(2)), "bad_callers"),
        (Tier("x", DAY, 2 * HOUR, "page", budget=Decimal("0.1"), z=Decimal(2)), "bad"),
        (Tier("x", DAY, 2 * HOUR, "page", budget=Decimal("0.11"), z=Decimal(2)), "bad_callers"),
    ],
)
def test_a_slow_tier_counts_events_of_every_unit(tier: Tier, counted: str) -> None:
    """Where failed callers redial, nothing would be left of 1.5 times the budget's pace if callers were compared."""
    (alert,) = alerts(slo_file(slo(alerting=policy(tier))))
    assert f'(voice_slo:{counted}:events1d{{agent="front-desk",slo="task-completion"}} * (1 - 1 / (9 ' in alert.expr


def test_over_hours_three_callers_weigh_as_one_where_a_call_has_many_units() -> None:
    """Over 15 minutes one caller who redials cannot weigh much."""
    short, long = "/ (9 * {}) - {} / (3 * sqrt({})))", "/ (9 * {} / 3) - {} / (3 * sqrt({} / 3)))"
    units: Mapping[Unit, Sequence[str]] = {"turn": (short, long, long), "call": (short, short, short)}
    for unit, forms in units.items():
        tiers = zip(alerts(slo_file(slo(unit=unit))), ("15m", "6h", "1d"), ("3.09", "3.09", "2.33"), forms, strict=True)
        for alert, window, z, form in tiers:
            callers = f'voice_slo:bad_callers:events{window}{{agent="front-desk",slo="task-completion"}}'
            assert form.format(callers, z, callers) in alert.expr


def test_a_published_policy_has_no_guard_and_a_disabled_tier_no_rule() -> None:
    unguarded = alerts(slo_file(slo(alerting=POLICIES["sre-workbook"])))
    assert [a.alert for a in unguarded][-1] == "VoiceSLOTrickleBurn"
    assert not any("sqrt" in a.expr or "bad_callers" in a.expr for a in unguarded)
    off = policy(*(replace(tier, enabled=False) for tier in GUARDED.tiers))
    assert alerts(slo_file(slo(alerting=off))) == []


def test_summaries_do_not_depend_on_the_budget_and_links_do() -> None:
    for alert in alerts(slo_file(slo(by=("flow", "datasource")))):
        assert "$" not in alert.annotations["summary"]
        assert alert.annotations["runbook_url"].endswith(
            f"/front-desk/task-completion/{alert.labels['alert_class']}?flow={{{{ $labels.flow | urlquery }}}}"
            "&datasource={{ $labels.datasource | urlquery }}"
        )
        assert alert.annotations["dashboard_url"].endswith(
            "/d/voice-slo-front-desk-operator?var-slo=task-completion&var-flow={{ $labels.flow | urlquery }}"
            "&var-segment_datasource={{ $labels.datasource | urlquery }}"
        )
    (bare, *_) = alerts(slo_file(slo(), links=replace(LINKS, runbooks="", dashboards="")))
    assert set(bare.annotations) == {"summary", "description", "burn_rate"}


def test_user_text_cannot_become_a_template() -> None:
    (alert, *_) = alerts(hostile())
    for text in (alert.labels["owner"], alert.annotations["summary"], alert.annotations["runbook_url"]):
        own = re.sub(r"\{\{ \$labels\.\w+ \| urlquery \}\}", "", text)
        assert "{{" not in own.replace('{{"{"}}', "")
        assert text.replace('{{"{"}}', "{").find(HOSTILE.partition(" ")[0]) >= 0
    assert HOSTILE in alert.annotations["summary"].replace('{{"{"}}', "{")


def test_what_is_known_of_an_slo_is_recorded_as_labels() -> None:
    own = slo(title=HOSTILE, owner="a {{ b }}", period=7 * DAY)
    (info,) = (
        r for g in rule_groups(slo_file(own)) for r in g.rules if isinstance(r, Record) and r.record == names.INFO
    )
    assert (info.expr, info.labels) == ("vector(1)", {
        "title": HOSTILE, "owner": "a {{ b }}", "unit": "call", "sli": "task_completion", "period": "7d",
        "definition": own.definition,
    })  # fmt: skip


@everywhere
def test_figures_that_are_compared_come_from_one_group(slo_file: SloFile) -> None:
    """A pair of eligible and bad of one window is recorded next to each other."""
    for group in rule_groups(slo_file):
        for first, second in pairwise(group.rules):
            if isinstance(first, Record) and ":eligible:events" in first.record:
                assert isinstance(second, Record)
                assert second.record == first.record.replace("eligible", "bad")


NODES: Mapping[str, Node] = {
    "plain": "voice-slo:front-desk:x", "empty": "", "null": "null", "no": "no", "Yes": "Yes", "y": "y",
    "number": "012", "float": "1e3", "sexagesimal": "10:30", "date": "2026-11-02", "hex": "0x1F", "duration": "30s",
    "quote": "it's", "double": 'say "x"', "colon": "a: b", "hash": "a #b", "dash": "- a", "brace": "{a}",
    "space": " a ", "lines": "a\nb: c\n# d", "indented": "a\n  b", "trailing": "a\n", "blank": "a\n\nb",
    "control": "a\x00\x85\u2028\ufeff",
    "wide": "é😀", "integer": 7, "tilde": "~", "equals": "=", "merge": "<<", "percent": "%x", "at": "@x", "tick": "`x`",
    "none": [], "nothing": {}, "nested": [{"a": ["b", {"c": "d"}], "e": {}}, [], "f", {"g": "h\ni"}],
    "on": {"true": "off", "a b": "c", "?": "!"},
}  # fmt: skip


@pytest.mark.parametrize("key", NODES)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_yaml_reads_back_as_written(key: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]) -> None:
    assert yaml.load(yaml_text.dump({key: NODES[key]}), Loader=loader) == {key: NODES[key]}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_yaml_keeps_any_text(text: str) -> None:
    assert yaml.safe_load(yaml_text.dump({"key": [text, {text: text}]})) == {"key": [text, {text: text}]}
