"""The runbook pages: one for every alert, with the SLO's own numbers, and nothing in them that a user injected."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import grafana
from prometheus_rules import alertmanager, enabled_alerts, runbooks, slo_series
from prometheus_rules.in_words import about, chance, exact_percent, last, percent
from prometheus_rules.rule import Alert, Record
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.runbook_templates import template
from tests import alertmanager_process
from tests.rules_fixtures import GUARDED, HOSTILE, LINKS, policy, row, slo, slo_file, starter
from tests.test_alertmanager import ALWAYS, FILES, full, two_owners
from voice_slo import names, promql
from voice_slo.alert_classes import ALERT_CLASSES
from voice_slo.catalog import catalog
from voice_slo.policies import DAY, HOUR, MINUTE, POLICIES
from voice_slo.spec import Links, PrometheusSettings, Sli, SloFile, Synthetic, Tier, Unit

READER = MarkdownIt("commonmark").enable("table")
FENCE = re.compile(r"^```(\w+)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
TEMPLATES = Path(runbooks.__file__).parent / "templates" / "runbooks"
SECTIONS = [
    "Figures", "What callers notice", "Look", "Act", "When it ends", "Silence", "Whom to ask", "If the alert is wrong",
]  # fmt: skip
everywhere = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())


def generated(file: SloFile) -> dict[str, str]:
    return {path: content.decode() for path, content in runbooks.generate(file, "1").items()}


def pages(file: SloFile) -> dict[str, str]:
    return {path: page for path, page in generated(file).items() if path != runbooks.index_path(file.agent)}


def page(file: SloFile, alert_class: str, name: str = "task-completion") -> str:
    return pages(file)[runbooks.path(file.agent, name, alert_class)]


def figures(text: str) -> dict[str, str]:
    """Rows of the first table: its first cell → the rest."""
    rows = re.findall(r"^\| ([^|]+) \| (.+) \|$", text.partition("## What")[0], re.MULTILINE)
    return {first: rest for first, rest in rows if first not in ("figure", "---")}


def fences(text: str, language: str) -> list[str]:
    return [content for found, content in FENCE.findall(text) if found == language]


@everywhere
def test_every_alert_of_the_rules_leads_to_a_page(file: SloFile) -> None:
    file = replace(file, links=LINKS)
    base = LINKS.runbooks.rstrip("/")
    made, folder = pages(file), runbooks.index_path("x").rpartition("/x/")[0]
    urls = [
        rule.annotations["runbook_url"].partition("?")[0]
        for group in rule_groups(file) for rule in group.rules if isinstance(rule, Alert)
    ]  # fmt: skip
    assert {f"{folder}{url.removeprefix(base)}.md" for url in urls} == set(made)


@everywhere
def test_every_page_has_the_sections_in_the_order_in_which_they_are_needed(file: SloFile) -> None:
    for path, text in pages(file).items():
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS, path
        assert "\n\n\n" not in text, path
        assert re.findall(r"[^\n]\n## ", text) == [], path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path


def test_a_page_is_short_enough_to_read_at_night() -> None:
    longest = max(pages(full()).values(), key=lambda text: len(text.splitlines()))
    assert len(longest.splitlines()) <= 130


def test_every_class_has_a_page_of_its_own_words() -> None:
    file = full()
    classes = {alert.alert_class for alert in enabled_alerts.of_file(file)}
    assert classes >= set(ALERT_CLASSES)
    leads = {name: page_of_class(file, name).split("\n\n")[2] for name in ALERT_CLASSES}
    assert len(set(leads.values())) == len(leads)


def page_of_class(file: SloFile, name: str) -> str:
    return next(text for path, text in pages(file).items() if path.endswith(f"/{name}.md"))


def test_a_class_that_is_switched_off_has_no_page() -> None:
    off = replace(GUARDED, disabled=frozenset({"no_traffic", "exclusions_high"}), tiers=GUARDED.tiers[:1])
    made = pages(slo_file(slo(alerting=off)))
    assert {path.rpartition("/")[2] for path in made if "/task-completion/" in path} == {
        "fast_burn.md", "budget_low.md", "budget_exhausted.md", "counts_disagree.md", "counts_vanished.md",
        "unknown_verdicts.md", "unknown_segments.md", "definition_drift.md",
    }  # fmt: skip
    assert [path for path in made if "/task-completion/" not in path] == [
        runbooks.path("front-desk", "", name) for name in ("exporter_down", "source_silent")
    ]


def test_the_figures_of_a_guarded_tier() -> None:
    found = figures(page(slo_file(slo("turn-latency", "0.95", unit="turn")), "fast_burn", "turn-latency"))
    assert found == {
        "objective": "95 % of turns good in 30 days; 5 % may fail: the error budget",
        "fires at": "at least 50 % of turns failed in the last 15 minutes, and at least as many in the last 5 minutes",
        "that pace": "10 times the budget's: 15 minutes spend 0.347 % of the budget, 3 days all of it",
        "callers": "at least 3 different ones in 15 minutes; one who fails again within 15 minutes counts once",
        "not by chance": "an SLO that just keeps its objective fails as much in fewer than 1 of 1,000 such windows"
        " (z = 3.09, judged by callers)",
        "smallest case": "4 turns and nothing else, all failed, each of another caller",
    }


def test_a_factor_that_a_cap_lowers_is_told_for_each_row() -> None:
    rows = (row("0.97", flow="fraud"), row("0.85", "observe", flow="faq"))
    text = page(slo_file(slo(objectives=rows)), "fast_burn")
    assert figures(text)["that pace"].startswith("5 times the budget's (the policy's 10 is lowered: half of all calls")
    assert "| flow `fraud` | 97 % | 30 % failed | 10 |" in text
    assert "| flow `faq` | 85 % | never: observe mode | 3.33, not 10 |" in text
    assert "| all others | 90 % | 50 % failed | 5, not 10 |" in text


def test_limits_are_told_where_rows_differ_in_them() -> None:
    text = page(full(), "fast_burn", "turn-latency")
    assert "| flow `fraud` | 97 % | 30 % failed | 10 | 0.9 seconds |" in text
    assert "People wait 1.2 seconds or longer" in text
    assert "limit" not in page(full(), "fast_burn", "task-completion").partition("## What")[0]


def test_a_slow_tier_without_a_guard() -> None:
    tier = Tier("slow", 3 * DAY, 6 * HOUR, "ticket", budget=Decimal("0.2"), min_bad_events=20, for_=5 * MINUTE)
    text = page(slo_file(slo(objective="0.98", by=(), alerting=policy(tier))), "slow_burn")
    assert figures(text) == {
        "objective": "98 % of calls good in 30 days; 2 % may fail: the error budget",
        "fires at": "at least 4 % of calls failed in the last 3 days, and more than that in the last 6 hours",
        "that pace": "2 times the budget's: 3 days spend 20 % of the budget, 15 days all of it",
        "failures": "at least 20 in 3 days",
        "smallest case": "20 calls and nothing else, all failed",
        "waits": "5 minutes before it is sent",
    }
    assert "never fire" not in text


def test_an_objective_of_all_has_no_pace() -> None:
    text = page(slo_file(slo(objective="1")), "fast_burn")
    assert "allows no failure" in text
    assert "that pace" not in text


def test_synthetic_runs_have_no_callers() -> None:
    text = page(slo_file(slo("synthetic-calls", "0.99", unit="synthetic")), "fast_burn", "synthetic-calls")
    assert figures(text)["failures"] == "at least 3 in 15 minutes"
    assert names.events("bad_callers", "15m") not in text


def test_nothing_enforced_is_said_first() -> None:
    assert "this alert cannot fire" in page(slo_file(slo(mode="observe")), "fast_burn").partition("## Figures")[0]
    assert "cannot fire" not in page(slo_file(slo()), "fast_burn")


def test_a_calendar_month_is_called_so() -> None:
    file = slo_file(slo(calendar="Europe/Berlin"))
    assert figures(page(file, "budget_exhausted"))["objective"].startswith("90 % of calls good in the calendar month")
    assert "the rest of the month" in page(file, "fast_burn")
    assert names.REASON_RATIO not in page(file, "budget_low")


def test_the_limits_of_the_data_alerts_are_those_of_their_rules() -> None:
    for unit in ("call", "turn"):
        file = slo_file(slo(unit=unit))
        alerts = {
            str(rule.labels["alert_class"]): rule.expr
            for group in rule_groups(file) for rule in group.rules if isinstance(rule, Alert)
        }  # fmt: skip
        for name in ("exclusions_high", "unknown_verdicts", "unknown_segments"):
            found = figures(page(file, name))
            day, week = re.findall(r"\d+", found["not under"])
            assert re.findall(r">= (\d+)", alerts[name]) == [day, week]
            assert ("a dozen turns weigh as one" in found["fires at"]) == (unit == "turn") == ("/ 12" in alerts[name])
        (usual,) = re.findall(r"at least (\d+)", figures(page(file, "no_traffic"))["usual"])
        assert re.findall(r"min_over_time\S+ offset \S+ >= (\d+)", alerts["no_traffic"]) == [usual, usual]


def test_the_guard_says_whom_it_takes_for_one() -> None:
    def guard(unit: Unit, tier: str) -> str:
        return figures(page(slo_file(slo("turn-latency", unit=unit)), tier, "turn-latency"))["not by chance"]

    assert "judged by callers, 3 of whom weigh as one)" in guard("turn", "slow_burn")
    assert "judged by callers)" in guard("turn", "fast_burn")
    assert "judged by callers)" in guard("call", "slow_burn")


def test_late_evaluations_are_no_disagreement() -> None:
    text = page(full(), "counts_disagree", "prompt-compliance")
    assert "never fires" in text
    assert "came late" not in text.partition("## Act")[2]
    assert "came late" in page(full(), "counts_disagree", "turn-latency").partition("## Act")[2]


def test_business_hours_are_told_or_that_there_are_none() -> None:
    def failing(file: SloFile) -> str:
        return pages(file)[runbooks.path(file.agent, "", "synthetic_failing")]

    assert "pages from 09:00 to 18:00 (Europe/Berlin; mon, tue, wed, thu, fri)" in failing(two_owners())
    assert "pages at any hour" in failing(two_owners(business_hours=None))
    assert figures(failing(two_owners()))["fraud"] == "5 minutes | 3 failed or missed runs in a row | 12 minutes"
    assert "faq" not in figures(failing(two_owners()))


def macros(name: str) -> set[str]:
    return {macro for macro in dir(template(name).module) if not macro.startswith("_")}


@pytest.mark.parametrize("sli", catalog().values(), ids=catalog().keys())
def test_there_is_advice_on_every_reason_of_the_catalog(sli: Sli) -> None:
    assert macros(f"sli/{sli.name}") == {"impact", *(reason.name for reason in sli.reasons)}
    text = page(slo_file(replace(slo(), sli=sli, threshold=sli.threshold)), "fast_burn")
    advice = re.findall(r"^\* `(\w+)`: [A-Z].{60,}$", text.partition("## Act")[2].partition("## When")[0], re.MULTILINE)
    assert advice == [reason.name for reason in sli.reasons]


def test_an_sli_of_ones_own_shows_its_conditions() -> None:
    text = page(full(), "fast_burn", "polite-goodbye")
    assert "A call is good when `call.tags has said_goodbye`" in text
    assert "* `caller_hung_up`: `call.ended_by is caller`\n* `no_goodbye`: all others\n" in text


def test_reasons_that_are_named_like_our_own_words_are_reasons() -> None:
    own = slo()
    sli = replace(
        own.sli, builtin=False, reasons=tuple(replace(own.sli.reasons[0], name=n) for n in ("impact", "other"))
    )
    text = page(slo_file(replace(own, sli=sli)), "fast_burn")
    assert "* `impact`: all others\n* `other`: all others\n" in text


@everywhere
def test_queries_parse_and_read_what_is_there(file: SloFile) -> None:
    recorded = {rule.record for group in rule_groups(file) for rule in group.rules if isinstance(rule, Record)}
    known = recorded | {metric.name for metric in names.METRICS}
    for path, text in pages(file).items():
        asked = fences(text, "promql")
        assert asked, path
        for query in asked:
            assert promql.series_read(query) <= known, (path, query)
            if names.REJECTED.name not in query:
                promql.check(query)


@everywhere
def test_a_page_asks_only_for_its_own_slo(file: SloFile) -> None:
    made = pages(file)
    for own in slo_series.of(file):
        others = {promql.equals("slo", each.name) for each in file.slos if each != own.slo}
        for alert in enabled_alerts.of_slo(own):
            text = made[runbooks.path(file.agent, own.slo.name, alert.alert_class)]
            assert [other for other in others if other in text] == []


def dashboard_titles() -> list[tuple[str, str]]:
    """(type, title) of rows and panels, in their order."""
    (made,) = grafana.generate(full(), "1").values()
    return [(panel["type"], panel["title"]) for panel in json.loads(made)["panels"]]


def named_in_templates(filter_: str) -> set[str]:
    return {
        title for path in TEMPLATES.glob("*.md") for title in re.findall(rf'"([^"]+)" \| {filter_} ', path.read_text())
    }


def test_rows_and_panels_are_called_as_the_dashboard_calls_them() -> None:
    shown = dashboard_titles()
    assert named_in_templates("row") <= {title for type_, title in shown if type_ == "row"}
    assert named_in_templates("panel") <= {title for type_, title in shown if type_ != "row"}


def test_the_rows_of_the_dashboard_are_looked_at_in_their_order() -> None:
    rows = [title for type_, title in dashboard_titles() if type_ == "row"]
    for path in TEMPLATES.glob("*.md"):
        named = re.findall(r'"([^"]+)" \| row ', path.read_text())
        assert named == [title for title in rows if title in named], path


def spans(text: str) -> Iterator[str]:
    for block in READER.parse(text):
        yield block.type
        yield from (child.type for child in block.children or [])


@pytest.mark.parametrize("name", ["hostile", "full"])
def test_nothing_is_injected(name: str) -> None:
    for path, text in generated(FILES[name]).items():
        assert not {"html_block", "html_inline", "image"} & set(spans(text)), path
        for block in READER.parse(text):
            for child in block.children or []:
                if child.type == "link_open":
                    assert re.match(r"https://grafana\.example\.com/|[a-z_/-]+\.md$", str(child.attrs["href"])), path


def test_hostile_texts_are_shown_as_they_are() -> None:
    file = FILES["hostile"]
    shown = "".join(character if character.isprintable() else " " for character in HOSTILE)
    text = page(file, "fast_burn")
    title, *_ = [token for token in READER.parse(text) if token.type == "inline"]
    assert "".join(child.content for child in title.children or []) == f"{shown}: fast burn"
    rendered = [
        "".join(child.content for child in token.children or [])
        for token in READER.parse(text)
        if token.type == "inline"
    ]
    assert f"flow {shown}, a|b; end c.d" in rendered
    assert any(paragraph.endswith(f"owner {shown} · operator dashboard") for paragraph in rendered)
    assert sum(token.type == "heading_open" for token in READER.parse(text)) == 1 + len(SECTIONS)


def test_a_dashboard_that_is_no_web_address_is_no_link() -> None:
    text = page(slo_file(slo(), links=Links(dashboards="javascript:alert(1)")), "fast_burn")
    assert "javascript" not in text
    assert "operator dashboard" not in page(slo_file(slo(), links=Links()), "fast_burn")


def test_silences_name_what_tells_the_alert_from_others(tmp_path: Path) -> None:
    """The commands of the pages, run against a running Alertmanager: they mute their alert, and no other."""
    file = replace(FILES["hostile"], synthetics=(Synthetic(HOSTILE, 60, 0, True),), business_hours=ALWAYS)
    fragment = alertmanager.generate(file, "1")[alertmanager.fragment_path(file.agent)]
    alerts = {
        alert.alert_class: enabled_alerts.identity(file, alert)
        for alert in reversed(enabled_alerts.of_file(file))
    }  # fmt: skip
    others = {name: {**labels, "agent": "other"} for name, labels in alerts.items()}
    with alertmanager_process.running(tmp_path, [fragment]) as server:
        server.post(*alerts.values(), *others.values())
        for name, labels in alerts.items():
            (command,) = [c for c in fences(page_of_class(file, name), "sh") if c.startswith("amtool")]
            added = subprocess.run(
                ["sh", "-c", command], env=environment(server.url), capture_output=True, text=True, check=False
            )
            assert added.returncode == 0, added.stderr
            server.wait_until_muted("silencedBy", labels)
            assert len(server.status(labels)["silencedBy"]) == 1
        assert [name for name, labels in others.items() if server.status(labels)["silencedBy"]] == []


def environment(url: str) -> Mapping[str, str]:
    return {**os.environ, "ALERTMANAGER_URL": url, "USER": "somebody"}


def test_a_planned_stop_of_the_exporter_is_silenced_for_every_slo() -> None:
    (command,) = fences(page(slo_file(slo()), "exporter_down", ""), "sh")
    assert "slo=" not in command


def test_what_tells_installations_apart_is_to_be_added_to_a_silence() -> None:
    file = slo_file(slo(), prometheus=PrometheusSettings(identity_labels=("cluster", "env")))
    assert "Add cluster and env as the alert has it" in page(file, "fast_burn")
    assert "or the others go quiet too" not in page(slo_file(slo()), "fast_burn")


def test_owners_are_named() -> None:
    text = page(two_owners(), "fast_burn", "connection-success")
    assert "telephony owns this SLO; voice-platform owns the SLO file of the agent" in text
    assert "call the next in line, then voice-platform" in text
    text = page(slo_file(slo(owner="voice-platform")), "slow_burn")
    assert "voice-platform owns this SLO, the SLO file of the agent" in text
    assert "It can wait for the working day" in text


def test_the_index_leads_to_every_page() -> None:
    file = full()
    made = generated(file)
    index = runbooks.index_path(file.agent)
    folder = index.rpartition("/")[0]
    linked = {f"{folder}/{target}" for target in re.findall(r"\]\(([a-z/_-]+\.md)\)", made[index])}
    assert linked == set(made) - {index}


def test_pages_without_a_burn_page_do_not_lead_to_one() -> None:
    text = page(slo_file(slo(alerting=policy())), "budget_low")
    assert "fast_burn" not in text


def test_the_same_file_gives_the_same_bytes() -> None:
    assert runbooks.generate(full(), "1") == runbooks.generate(full(), "1")
    (text,) = {content for path, content in generated(replace(starter(), path="slos/x")).items() if "README" in path}
    assert text.endswith("\n---\n\ngenerated from slos/x by voice-slo 1, do not edit\n")


def test_every_policy_has_its_tiers_pages() -> None:
    for name, of_name in POLICIES.items():
        made = pages(slo_file(slo(alerting=of_name)))
        for tier in of_name.tiers:
            assert runbooks.path("front-desk", "task-completion", names.alert_class(tier.name)) in made, name


@pytest.mark.parametrize(
    ("seconds", "words"),
    [("60", "1 minute"), ("5400", "90 minutes"), ("6480", "1.8 hours"), ("172800", "48 hours"), ("259200", "3 days"),
     ("180000", "2.08 days")],
)  # fmt: skip
def test_durations_in_words(seconds: str, words: str) -> None:
    assert about(Decimal(seconds)) == words


def test_shares_and_chances_in_words() -> None:
    assert [percent(Decimal(share)) for share in ("0.00347222", "0.5", "0.0144", "0")] == [
        "0.347 %",
        "50 %",
        "1.44 %",
        "0 %",
    ]
    assert exact_percent(Decimal("0.99995")) == "99.995 %"
    assert [chance(Decimal(z)) for z in ("3.09", "2.33", "1.64")] == ["1 of 1,000", "1 of 100", "1 of 20"]
    assert [last(HOUR), last(15 * MINUTE), last(DAY)] == ["last hour", "last 15 minutes", "last day"]
