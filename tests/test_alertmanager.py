"""The Alertmanager fragment: asked of amtool, and seen in a running Alertmanager."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from prometheus_rules import alertmanager, enabled_alerts, go_template
from prometheus_rules.alertmanager_matchers import equals, shell_word
from prometheus_rules.rule import Alert
from prometheus_rules.rule_files import rule_groups
from tests import alertmanager_process
from tests.alertmanager_process import Alertmanager, Labels
from tests.rules_fixtures import GUARDED, HOSTILE, hostile, policy, row, slo, slo_file, starter
from tests.tools import tool
from voice_slo.alert_classes import ALERT_CLASSES
from voice_slo.loading import DAYS, load
from voice_slo.policies import POLICIES
from voice_slo.spec import BusinessHours, PrometheusSettings, Severity, SloFile, Synthetic

ROOT = Path(__file__).parents[1]
Json = dict[str, Any]

WORKDAYS = BusinessHours("Europe/Berlin", ("mon", "tue", "wed", "thu", "fri"), "09:00", "18:00")
ALWAYS = BusinessHours("UTC", DAYS, "00:00", "24:00")
SYNTHETICS = (Synthetic("faq", 900, 300, False), Synthetic("fraud", 300, 120, True))


def full() -> SloFile:
    (file,) = load([("slos/full.yaml", (ROOT / "slos/full.yaml").read_bytes())])
    return file


def two_owners(agent: str = "front-desk", **more: object) -> SloFile:
    file = slo_file(
        slo("connection-success", "0.995", owner="telephony"),
        slo("turn-latency", "0.95", by=("language", "flow"), owner="runtime"),
        slo("task-completion", owner="runtime", by=()),
        agent=agent,
    )
    return replace(file, alerting=GUARDED, **{"synthetics": SYNTHETICS, "business_hours": WORKDAYS, **more})  # type: ignore[arg-type]


def of_severity(severity: Severity, **classes: Severity) -> SloFile:
    """Exporter down at `severity`; other classes as told, of one SLO and of the agent."""
    graded = replace(GUARDED, severities={"exporter_down": severity, **classes})
    return replace(slo_file(slo("connection-success", alerting=graded), slo("turn-latency")), alerting=graded)


FILES = {
    "full": full(),
    "starter": starter(),
    "hostile": replace(hostile(), owner=HOSTILE, synthetics=(Synthetic(HOSTILE, 60, 0, True),), business_hours=ALWAYS),
    "two owners": two_owners(),
    "no hours": two_owners(business_hours=None),
    "published": slo_file(*(slo(name, alerting=policy, by=()) for name, policy in POLICIES.items())),
    "nothing but the agent's": slo_file(slo(alerting=replace(policy(), disabled=frozenset(ALERT_CLASSES)))),
    "nothing at all": replace(
        slo_file(slo(alerting=replace(policy(), disabled=frozenset(ALERT_CLASSES)))),
        alerting=replace(policy(), disabled=frozenset(ALERT_CLASSES)),
    ),
    "tickets only": of_severity("ticket", fast_burn="ticket"),
}
everywhere = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())


def generated(file: SloFile) -> tuple[bytes, bytes]:
    made = alertmanager.generate(file, "1")
    assert list(made) == [alertmanager.fragment_path(file.agent), alertmanager.checks_path(file.agent)]
    return made[alertmanager.fragment_path(file.agent)], made[alertmanager.checks_path(file.agent)]


def parsed(file: SloFile) -> Json:
    found = yaml.safe_load(generated(file)[0])
    assert isinstance(found, dict)
    return found


def amtools() -> list[str]:
    """Of Debian, and any others that VOICE_SLO_AMTOOLS names, `:` between them."""
    return [tool("amtool"), *filter(None, os.environ.get("VOICE_SLO_AMTOOLS", "").split(":"))]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@everywhere
def test_amtool_accepts_it_and_every_alert_goes_where_it_should(file: SloFile, tmp_path: Path) -> None:
    fragment, checks = generated(file)
    config, script = tmp_path / "x.alertmanager.yaml", tmp_path / "x.alertmanager.test.sh"
    config.write_bytes(fragment)
    script.write_bytes(checks)
    count = checks.count(b"\ngoes_to '")
    for amtool in amtools():
        ran = run("sh", script, AMTOOL=amtool)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        assert ran.stdout == f"{count} of {count} alerts go where they should\n"


def test_the_commands_fail_where_the_merge_went_wrong(tmp_path: Path) -> None:
    fragment, checks = generated(two_owners())
    script, config = tmp_path / "checks.sh", tmp_path / "alertmanager.yml"
    script.write_bytes(checks)
    config.write_bytes(fragment.replace(b'owner="telephony"', b'owner="telefony"'))
    ran = run("sh", script, config, AMTOOL=tool("amtool"))
    assert ran.returncode == 1
    assert "does not go to voice-slo:front-desk:telephony:pager: alertname=" in ran.stderr
    assert 'owner="runtime"' not in ran.stderr
    config.write_bytes(fragment.replace(b"- name: voice-slo:front-desk:telephony:pager\n", b""))
    ran = run("sh", script, config, AMTOOL=tool("amtool"))
    assert ran.returncode == 2
    assert "telephony:pager" in ran.stderr
    assert run("sh", script, config, AMTOOL="no-such-amtool").returncode == 2


VALUES = [
    HOSTILE, "plain", 'quote "q" and \\ and \\" and \\\\', "ends with \\", '{a="b"}', "a, b=~c", "line\nbreak",
    "tab\tand \\t", "$HOME `id` $(id) ${x}", "{{ .Labels }}", "é ü 電話 🙂 \u2028", "it's", " blanks ",
    "=~", "\\n", "%s", "a|b", "#",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_values_reach_both_parsers_as_they_are(value: str, tmp_path: Path) -> None:
    """A route by that value, asked for an alert of that value, and for one whose value is all but the same."""
    config = tmp_path / "alertmanager.yml"
    routes = [{"matchers": [equals("owner", value)], "receiver": "right"}]
    receivers = [{"name": "wrong"}, {"name": "right"}]
    config.write_text(yaml.safe_dump({"route": {"receiver": "wrong", "routes": routes}, "receivers": receivers}))
    for asked, receiver in ((value, "right"), (value + "x", "wrong"), (value.replace("\\", "", 1) + "\n", "wrong")):
        words = [f"--verify.receivers={receiver}", f"--config.file={config}", equals("owner", asked)]
        for amtool in amtools():
            quoted = " ".join(shell_word(word) for word in ["config", "routes", "test", *words])
            ran = run("sh", "-c", f"{shell_word(amtool)} {quoted}")
            assert ran.returncode == 0, ran.stdout + ran.stderr


@everywhere
def test_it_routes_every_alert_of_the_rules(file: SloFile) -> None:
    """The rules and the fragment are written apart; they agree on what alerts there are, and on their labels."""
    expected = [
        (alert.slo.name if alert.slo else None, alert.alert, alert.alert_class, alert.severity, alert.page_hours,
         alert.scope, go_template.literal(alert.owner))
        for alert in enabled_alerts.of_file(file)
    ]  # fmt: skip
    labels = ("alert_class", "severity", "page_hours", "scope", "owner")
    sent = [
        (group.identity.get("slo"), rule.alert, *(rule.labels[label] for label in labels))
        for group in rule_groups(file)
        for rule in group.rules
        if isinstance(rule, Alert)
    ]
    assert sorted(sent, key=str) == sorted(expected, key=str)


def names_of(file: SloFile) -> list[str]:
    return [receiver["name"] for receiver in parsed(file)["receivers"]]


def test_receivers_are_named_by_agent_owner_and_role() -> None:
    assert names_of(two_owners()) == [
        "your-root-receiver",
        "voice-slo:front-desk:info",
        "voice-slo:front-desk:runtime:pager",
        "voice-slo:front-desk:runtime:tickets",
        "voice-slo:front-desk:telephony:pager",
        "voice-slo:front-desk:telephony:tickets",
        "voice-slo:front-desk:voice-platform:pager",
        "voice-slo:front-desk:voice-platform:tickets",
    ]


def test_owners_that_look_alike_have_receivers_of_their_own() -> None:
    owners = ("Team A", "team-a", "team a", "Ärzte", "電話", "a,b")
    file = slo_file(*(slo(f"slo-{n}", owner=owner, by=()) for n, owner in enumerate(owners)))
    pagers = [name for name in names_of(file) if name.endswith(":pager") and ":voice-platform:" not in name]
    assert len(pagers) == len(set(pagers)) == len(owners)
    assert "voice-slo:front-desk:team-a:pager" in pagers
    assert all(name.isascii() and "," not in name for name in pagers)


def test_a_class_that_is_switched_off_has_no_route_and_no_rule() -> None:
    off = replace(GUARDED, disabled=frozenset({"budget_low", "counts_disagree", "no_traffic"}))
    of_agent = replace(GUARDED, disabled=frozenset({"exporter_down", "synthetic_failing", "source_silent"}))
    file = replace(two_owners(), alerting=of_agent)
    text = generated(replace(file, slos=tuple(replace(each, alerting=off) for each in file.slos)))[0].decode()
    for word in ("exporter_down", "budget_low", "no_traffic", "synthetic", "source_silent", ":info", "business"):
        assert word not in text


def rules_about(file: SloFile, source: str) -> list[Json]:
    return [rule for rule in parsed(file)["inhibit_rules"] if f'alert_class="{source}"' in rule["source_matchers"]]


def test_what_is_less_urgent_silences_nothing_that_is_more() -> None:
    (page,) = rules_about(of_severity("page"), "exporter_down")
    assert page["source_matchers"][-1] == 'severity="page"'
    assert page["target_matchers"][1:] == ['alert_class=~"counts_vanished|no_traffic|source_silent|.+_burn"']
    (ticket,) = rules_about(of_severity("ticket"), "exporter_down")
    assert ticket["source_matchers"][-1] == 'severity="ticket"'
    assert ticket["target_matchers"][-1] == 'severity=~"ticket|info"'
    (rule,) = rules_about(of_severity("page", no_traffic="page", source_silent="info"), "exporter_down")
    assert "no_traffic" in rule["target_matchers"][1]
    assert rules_about(of_severity("page", budget_low="page"), "budget_exhausted")[0]["target_matchers"][-1] == (
        'severity=~"ticket|info"'
    )


def test_one_list_of_labels_serves_budgets_of_every_kind() -> None:
    (rule,) = rules_about(two_owners(), "budget_exhausted")
    assert rule["equal"] == ["agent", "slo", "flow", "language"]
    for matchers in (rule["source_matchers"], rule["target_matchers"]):
        assert 'slo=~".+"' in matchers


@everywhere
def test_a_rule_that_compares_slos_asks_for_one_on_both_sides(file: SloFile) -> None:
    for rule in parsed(file).get("inhibit_rules", []):
        both = (rule["source_matchers"], rule["target_matchers"])
        assert all(equals("agent", file.agent) in matchers for matchers in both)
        assert all(('slo=~".+"' in matchers) == ("slo" in rule["equal"]) for matchers in both)


def test_what_tells_two_installations_apart_is_compared_and_grouped_by() -> None:
    file = replace(two_owners(), prometheus=PrometheusSettings(identity_labels=("cluster", "env")))
    made = parsed(file)
    assert all(rule["equal"][:3] == ["agent", "cluster", "env"] for rule in made["inhibit_rules"])
    (route,) = made["route"]["routes"]
    assert route["group_by"] == ["alertname", "alert_class", "agent", "cluster", "env", "slo"]


def test_only_a_burn_alert_over_all_segments_speaks_for_them() -> None:
    """The other alerts about a whole SLO have the same scope."""
    (rule,) = [rule for rule in parsed(two_owners())["inhibit_rules"] if 'scope="all"' in rule["source_matchers"]]
    assert 'alert_class=~".+_burn"' in rule["source_matchers"]
    assert "alert_class" in rule["equal"]


def test_roll_ups_speak_only_where_there_are_some() -> None:
    def scopes(file: SloFile) -> int:
        return generated(file)[0].count(b'scope="segment"\'')

    assert scopes(slo_file(slo())) == 1
    assert scopes(slo_file(slo(by=()))) == 0
    assert scopes(slo_file(slo(values=("booking",)))) == 0
    assert scopes(slo_file(slo(alerting=POLICIES["article"]))) == 0
    assert scopes(slo_file(slo(objectives=(row("0.9", "observe", flow=("faq", "fraud")),)))) == 0


def test_business_hours_are_those_of_the_file() -> None:
    assert parsed(two_owners())["time_intervals"] == [
        {
            "name": "voice-slo:front-desk:business-hours",
            "time_intervals": [
                {
                    "times": [{"start_time": "09:00", "end_time": "18:00"}],
                    "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                    "location": "Europe/Berlin",
                }
            ],
        }
    ]


def test_without_business_hours_a_page_of_business_hours_comes_at_any_hour() -> None:
    fragment, checks = generated(two_owners(business_hours=None))
    assert b"time_intervals" not in fragment
    assert b"every page comes at any hour" in fragment
    (line,) = [line for line in checks.decode().splitlines() if "synthetic_failing" in line]
    assert line.startswith("goes_to 'voice-slo:front-desk:voice-platform:pager' ")


def test_it_says_from_what_it_was_made() -> None:
    fragment, checks = (content.decode().splitlines() for content in generated(replace(starter(), path="slos/a\nb")))
    assert fragment[0] == checks[1] == "# generated from slos/a?b by voice-slo 1, do not edit"


def never() -> BusinessHours:
    """A day three days off: neither today nor, past midnight, tomorrow."""
    return BusinessHours("UTC", (DAYS[(datetime.now(UTC).weekday() + 3) % 7],), "00:00", "24:00")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Two agents in one Alertmanager: `day` is always, `night` never inside its business hours."""
    files = (two_owners("day", business_hours=ALWAYS), two_owners("night", business_hours=never()))
    folder = tmp_path_factory.mktemp("alertmanager")
    with alertmanager_process.running(folder, [generated(file)[0] for file in files]) as running:
        yield running


def alert(agent: str, alert_class: str, **labels: str) -> Labels:
    """With the labels that the rules give it."""
    known = {each.alert_class: each for each in enabled_alerts.of_file(two_owners(agent))}[alert_class]
    scope = "agent" if known.scope == "agent" else "segment"
    return {
        "agent": agent, "alertname": known.alert, "alert_class": alert_class, "severity": known.severity,
        "owner": "voice-platform", "page_hours": known.page_hours, "scope": scope, **labels,
    }  # fmt: skip


def test_a_page_of_business_hours_is_a_ticket_outside_them(server: Alertmanager) -> None:
    for agent, told in (("day", "pager"), ("night", "tickets")):
        failing = alert(agent, "synthetic_failing", flow="hours")
        server.post(failing)
        server.wait_until_told({f"voice-slo:{agent}:voice-platform:{told}"}, failing)


def test_owners_and_severities_are_told_apart(server: Alertmanager) -> None:
    page = alert("day", "fast_burn", slo="one", flow="a", owner="telephony")
    ticket = alert("day", "slow_burn", slo="two", flow="a", owner="runtime")
    info = alert("day", "budget_low", slo="one", flow="a", owner="telephony")
    of_nobody = alert("day", "fast_burn", slo="three", owner="left the file")
    foreign = {"alertname": "DiskFull", "agent": "day", "severity": "page"}
    server.post(page, ticket, info, of_nobody, foreign)
    server.wait_until_told({"voice-slo:day:telephony:pager"}, page)
    server.wait_until_told({"voice-slo:day:runtime:tickets"}, ticket)
    server.wait_until_told({"voice-slo:day:info"}, info)
    server.wait_until_told({"voice-slo:day:voice-platform:pager"}, of_nobody)
    server.wait_until_told({"your-root-receiver"}, foreign)


def test_a_page_silences_the_ticket_of_its_segment_and_nothing_else(server: Alertmanager) -> None:
    page = alert("day", "fast_burn", slo="s", flow="booking", language="en", owner="runtime")
    server.post(page)
    server.wait_until_told({"voice-slo:day:runtime:pager"}, page)
    ticket = {**page, **alert("day", "slow_burn"), "owner": "runtime"}
    other_slo = {**ticket, "slo": "t"}
    other_flow, other_language, other_agent = {**ticket, "flow": "faq"}, {**ticket, "language": "es"}, {
        **ticket, "agent": "night"
    }  # fmt: skip
    no_slo = {
        "alertname": "TeamsOwn",
        "agent": "day",
        "alert_class": "x_burn",
        "severity": "ticket",
        "owner": "runtime",
    }
    other_class = alert("day", "exclusions_high", slo="s", scope="all", owner="runtime")
    server.post(ticket, other_slo, other_flow, other_language, other_agent, no_slo, other_class)
    server.wait_until_muted("inhibitedBy", ticket)
    server.wait_until_told(
        {"voice-slo:day:runtime:tickets"}, other_slo, other_flow, other_language, no_slo, other_class
    )
    server.wait_until_told({"voice-slo:night:runtime:tickets"}, other_agent)
    assert server.inbox.told(ticket) == set()


def test_the_roll_up_silences_the_segments_of_its_tier(server: Alertmanager) -> None:
    whole = alert("day", "fast_burn", slo="rolled", scope="all", owner="telephony")
    server.post(whole)
    server.wait_until_told({"voice-slo:day:telephony:pager"}, whole)
    segments = [{**whole, "scope": "segment", "flow": flow} for flow in ("booking", "faq")]
    other_tier = {**segments[0], "alert_class": "medium_burn", "alertname": "VoiceSLOMediumBurn"}
    vanished = alert("day", "counts_vanished", slo="rolled", scope="all", owner="telephony")
    server.post(*segments, other_tier, vanished)
    server.wait_until_muted("inhibitedBy", *segments)
    server.wait_until_told({"voice-slo:day:telephony:pager"}, other_tier)
    server.wait_until_told({"voice-slo:day:telephony:tickets"}, vanished)
    assert [server.inbox.told(labels) for labels in segments] == [set(), set()]


def test_an_overspent_budget_is_not_also_low(server: Alertmanager) -> None:
    spent = alert("day", "budget_exhausted", slo="spent", flow="a", owner="telephony")
    server.post(spent)
    server.wait_until_told({"voice-slo:day:telephony:tickets"}, spent)
    low, elsewhere = (alert("day", "budget_low", slo="spent", flow=flow, owner="telephony") for flow in ("a", "b"))
    server.post(low, elsewhere)
    server.wait_until_muted("inhibitedBy", low)
    server.wait_until_told({"voice-slo:day:info"}, elsewhere)


def test_a_silent_source_explains_that_there_is_no_traffic(server: Alertmanager) -> None:
    silent = alert("day", "source_silent", source="livekit")
    server.post(silent)
    server.wait_until_told({"voice-slo:day:voice-platform:tickets"}, silent)
    quiet = alert("day", "no_traffic", slo="quiet", flow="a", owner="telephony")
    at_night = {**quiet, "agent": "night"}
    server.post(quiet, at_night)
    server.wait_until_muted("inhibitedBy", quiet)
    server.wait_until_told({"voice-slo:night:telephony:tickets"}, at_night)


def test_an_exporter_that_is_down_is_one_page_and_explains_the_rest(server: Alertmanager, tmp_path: Path) -> None:
    """An Alertmanager of its own: it silences nearly all of the agent."""
    with alertmanager_process.running(tmp_path, [generated(two_owners("day"))[0]]) as own:
        down = alert("day", "exporter_down")
        own.post(down)
        own.wait_until_told({"voice-slo:day:voice-platform:pager"}, down)
        follows = [
            alert("day", "counts_vanished", slo="slo-1", scope="all"),
            alert("day", "no_traffic", slo="slo-2", flow="a"),
            alert("day", "synthetic_failing", flow="fraud"),
            alert("day", "synthetic_missing", flow="fraud"),
            alert("day", "fast_burn", slo="slo-3", flow="a"),
            alert("day", "source_silent", source="livekit"),
        ]  # fmt: skip
        stays = alert("day", "budget_exhausted", slo="slo-1", flow="a")
        own.post(*follows, stays)
        own.wait_until_muted("inhibitedBy", *follows)
        own.wait_until_told({"voice-slo:day:voice-platform:tickets"}, stays)
        assert {frozenset(own.inbox.told(labels)) for labels in follows} == {frozenset()}
