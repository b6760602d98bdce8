from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.slo_schema import refusals
from voice_slo import loading, parse_slo
from voice_slo.catalog import catalog, parse_catalog
from voice_slo.conditions import Has, Known, Not, describe
from voice_slo.diagnostics import SloFileError
from voice_slo.policies import POLICIES
from voice_slo.spec import BusinessHours, Links, Outage, PrometheusSettings, Segment, Slo, SloFile, Synthetic

TESTS = Path(__file__).parent
BROKEN = TESTS / "broken_slos"
SLOS = TESTS.parent / "slos"
DAY = 86400
HEAD = "version: voice-slo/v1\nagent: front-desk\nowner: voice-platform\n"
SEGMENTS = "segments:\n  flow: [booking, billing, faq]\n  language: {en: [en-US, en-GB], es: []}\n"


def load(text: str) -> SloFile:
    """The file, which the JSON Schema for editors takes too."""
    content = (HEAD + text).encode()
    assert refusals(content) == []
    return loading.load([("front-desk.yaml", content)])[0]


def one(body: str, before: str = "") -> Slo:
    return load(f"{before}slos:\n  the-slo: {{{body}}}\n").slos[0]


def errors(*files: tuple[str, bytes]) -> str:
    with pytest.raises(SloFileError) as error:
        loading.load(files)
    return "".join(f"{problem}\n" for problem in error.value.problems)


def condition(text: str) -> str:
    """What `text` means as the `good` of a custom SLI that judges calls."""
    slo = one(f"objective: 98%, sli: {{unit: call, settles: operational, eligible: {{}}, good: {text}}}", SEGMENTS)
    return describe(slo.sli.good)


# What a file may say


def test_the_smallest_file_has_the_documented_defaults() -> None:
    file = load("slos:\n  turn-latency: {sli: turn_latency, objective: 95%}\n")
    assert (file.path, file.agent, file.owner) == ("front-desk.yaml", "front-desk", "voice-platform")
    assert (file.period, file.budget_by, file.segments) == (30 * DAY, (), {})
    assert (file.exclusions, file.outages, file.synthetics, file.business_hours) == ((), (), (), None)
    assert (file.links, file.prometheus) == (Links(), PrometheusSettings(30, 30))
    (slo,) = file.slos
    assert slo == Slo(
        agent="front-desk",
        name="turn-latency",
        sli=catalog()["turn_latency"],
        objective=Decimal("0.95"),
        owner="voice-platform",
        title="Turn latency",
        threshold=Decimal("1.2"),
        exclusions=catalog()["turn_latency"].exclusions,
        alerting=POLICIES["guarded"],
    )


def test_a_policy_can_be_changed_without_writing_it_anew() -> None:
    tier = "{name: fast, burn: 8, long: 30m, short: 5m, severity: page}"
    file = load(
        "alerting: {disable: [medium, budget_low], severity: {exporter_down: ticket, slow: info}}\n"
        "slos:\n  a: {sli: turn_latency, objective: 95%}\n"
        "  b: {sli: turn_latency, objective: 95%, alerting: {disable: [no_traffic]}}\n"
        f"  c: {{sli: turn_latency, objective: 95%, alerting: {{policy: article, tiers: [{tier}]}}}}\n"
        "  d: {sli: turn_latency, objective: 95%, alerting: guarded}\n"
    )
    a, b, c, d = (slo.alerting for slo in file.slos)
    assert a == file.alerting
    assert [(t.name, t.enabled, t.severity) for t in a.tiers] == [
        ("fast", True, "page"), ("medium", False, "page"), ("slow", True, "info"),
    ]  # fmt: skip
    assert a.disabled == {"budget_low"}
    assert a.severities == {"exporter_down": "ticket"}
    assert b == replace(a, disabled=frozenset({"budget_low", "no_traffic"}))
    assert [(t.name, t.burn) for t in c.tiers] == [("fast", Decimal(8)), ("slow", Decimal("1.5"))]
    assert d == POLICIES["guarded"]


def test_an_slo_inherits_from_the_file_and_overrides() -> None:
    file = load(
        SEGMENTS + "period: 28d\nbudget_by: [flow]\nalerting: article\n"
        "release_policy: {watch_below: 60%, on_unknown: block}\n"
        "slos:\n  a: {sli: turn_latency, objective: 95%}\n"
        "  b: {sli: turn_latency, objective: 0.95, owner: runtime, title: Answers, period: 7d, budget_by: [language],"
        " mode: observe, threshold: 900ms, parameters: {tool_threshold: 3s}, sla: 90%, expected_traffic: 86400/d,"
        " alerting: sre-workbook, release_policy: {freeze_below: 30%}, audit_horizon: 14d}\n"
    )
    a, b = file.slos
    assert (a.period, a.budget_by, a.alerting.name, a.owner) == (28 * DAY, ("flow",), "article", "voice-platform")
    assert (a.release_policy.watch_below, a.release_policy.on_unknown) == (Decimal("0.6"), "block")
    assert (b.period, b.budget_by, b.alerting.name, b.owner) == (7 * DAY, ("language",), "sre-workbook", "runtime")
    assert (b.title, b.mode, b.threshold, b.sla) == ("Answers", "observe", Decimal("0.9"), Decimal("0.9"))
    assert b.sli.parameters == {"tool_threshold": Decimal(3)}
    assert catalog()["turn_latency"].parameters == {"tool_threshold": Decimal("2.5")}
    assert (b.expected_traffic, b.audit_horizon) == (Decimal(1), 14 * DAY)
    assert b.release_policy.watch_below == Decimal("0.6")
    assert b.release_policy.freeze_below == Decimal("0.3")


def test_quantities_are_exact_and_spelling_does_not_change_the_definition() -> None:
    seconds = one("sli: turn_latency, objective: 95%, threshold: 1.2s")
    assert str(seconds.objective) == "0.95"
    assert str(seconds.target({}).error_budget) == "0.05"
    assert seconds.definition == one("sli: turn_latency, objective: 0.950, threshold: 1200ms").definition
    assert seconds.definition != one("sli: turn_latency, objective: 95%, threshold: 1.3s").definition


def test_segments() -> None:
    file = load(
        "segments:\n"
        "  flow: [booking, billing]\n"
        "  language: {en: [en-US, en-GB], es: []}\n"
        "  route: {values: [pstn, web], known: connect}\n"
        "  intent: {values: {buy: [purchase]}, known: end}\n"
        "  agent_version: {max: 20}\n"
        "slos:\n  a: {sli: turn_latency, objective: 95%}\n"
    )
    assert file.segments == {
        "flow": Segment("flow", ("booking", "billing")),
        "language": Segment("language", ("en", "es"), {"en-US": "en", "en-GB": "en"}),
        "route": Segment("route", ("pstn", "web"), known="connect"),
        "intent": Segment("intent", ("buy",), {"purchase": "buy"}, known="end"),
        "agent_version": Segment("agent_version", max_values=20),
    }
    assert file.slos[0].segments == file.segments


def test_rows_of_objectives_inherit_what_they_do_not_say() -> None:
    slo = load(
        SEGMENTS + "slos:\n  turns:\n    sli: turn_latency\n    objective: 95%\n    sla: 80%\n    threshold: 1.5s\n"
        "    budget_by: [flow, language]\n    objectives:\n"
        "      - {flow: booking, language: en, threshold: 900ms}\n"
        "      - {flow: [booking, faq], objective: 90%, mode: observe, sla: 85%}\n"
    ).slos[0]
    first, second = (slo.target({"flow": "booking", "language": language}) for language in ("en", "es"))
    rest = slo.target({"flow": "billing", "language": "en"})
    assert (first.objective, first.threshold, first.mode, first.sla) == (
        Decimal("0.95"), Decimal("0.9"), "strict", Decimal("0.8"),
    )  # fmt: skip
    assert (second.objective, second.threshold, second.mode, second.sla) == (
        Decimal("0.9"), Decimal("1.5"), "observe", Decimal("0.85"),
    )  # fmt: skip
    assert (rest.objective, rest.mode) == (Decimal("0.95"), "strict")


def test_outages_synthetics_hours_and_links() -> None:
    file = load(
        SEGMENTS + "outages:\n  - {reason: external_outage, from: 2026-11-02T11:00:00+01:00,"
        ' to: "2026-11-02T11:30:00.5Z", match: {stage: tts, provider: acme-tts, language: en}, ticket: INC-1042,'
        " approved_by: sre-lead}\n"
        "synthetics: [{flow: faq, every: 5m, grace: 0s}, {flow: billing, every: 1h, grace: 2m, critical: true}]\n"
        'business_hours: {zone: Europe/Berlin, days: [mon, fri], from: "09:00", to: "24:00"}\n'
        "links: {runbooks: https://runbooks.example.com/x/, traces: 'https://traces.example.com/{trace_id}'}\n"
        "prometheus: {scrape_interval: 15s, evaluation_interval: 1m}\n"
        "slos:\n  a: {sli: turn_latency, objective: 95%}\n  b: {sli: synthetic_success, objective: 95%}\n"
    )
    outage = Outage(
        "external_outage",
        datetime(2026, 11, 2, 10, tzinfo=UTC),
        datetime(2026, 11, 2, 11, 30, 0, 500_000, tzinfo=UTC),
        {"stage": "tts", "provider": "acme-tts", "language": "en"},
        "INC-1042",
        "sre-lead",
    )
    assert file.outages == (outage,)
    assert [slo.outages for slo in file.slos] == [(outage,), ()]
    assert file.synthetics == (Synthetic("faq", 300, 0, False), Synthetic("billing", 3600, 120, True))
    assert file.business_hours == BusinessHours("Europe/Berlin", ("mon", "fri"), "09:00", "24:00")
    assert file.links == Links("https://runbooks.example.com/x/", "", "https://traces.example.com/{trace_id}")
    assert file.prometheus == PrometheusSettings(15, 60)


def test_which_exclusions_hold() -> None:
    file = load(
        "exclusions:\n"
        "  - {reason: test_call, when: {call.synthetic: true}}\n"
        "  - {reason: abuse, when: {call.end_reason: abuse}, units: [call, task]}\n"
        "slos:\n"
        "  turns: {sli: tool_turn_latency, objective: 95%}\n"
        "  tasks: {sli: task_completion, objective: 95%}\n"
        "  named: {sli: task_completion, objective: 95%, exclusions: [abuse]}\n"
        "  none: {sli: task_completion, objective: 95%, exclusions: []}\n"
        "  synthetic: {sli: synthetic_success, objective: 95%}\n"
    )
    assert {slo.name: [(e.reason, e.origin) for e in slo.exclusions] for slo in file.slos} == {
        "turns": [
            ("caller_left_before_answer", "catalog.tool_turn_latency.exclusions[0]"),
            ("test_call", "exclusions[0]"),
        ],
        "tasks": [
            ("caller_abandoned", "catalog.task_completion.exclusions[0]"),
            ("test_call", "exclusions[0]"),
            ("abuse", "exclusions[1]"),
        ],
        "named": [("caller_abandoned", "catalog.task_completion.exclusions[0]"), ("abuse", "exclusions[1]")],
        "none": [("caller_abandoned", "catalog.task_completion.exclusions[0]")],
        "synthetic": [],
    }


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{call.ended_by: caller}", "call.ended_by is caller and call.failed_stage is absent"),
        (
            "{call.ended_by: caller, call.first_audio: false}",
            "call.ended_by is caller and call.first_audio is false and call.failed_stage is absent",
        ),
        (
            "{any: [{call.ended_by: caller}, {call.synthetic: true}]}",
            "(call.ended_by is caller or call.synthetic is true) and call.failed_stage is absent",
        ),
        ("{call.ended_by: caller, call.failed_stage: crm}", "call.ended_by is caller and call.failed_stage is crm"),
        ("{call.synthetic: true}", "call.synthetic is true"),
    ],
)
def test_a_caller_who_leaves_after_our_failure_is_not_excluded(when: str, expected: str) -> None:
    file = load(f"exclusions: [{{reason: left, when: {when}}}]\nslos: {{a: {{sli: turn_latency, objective: 95%}}}}\n")
    assert describe(file.exclusions[0].when) == expected


def test_a_custom_sli() -> None:
    slo = one(
        "objective: 98%, threshold: 3s, parameters: {share: 20%}, sli: {title: Goodbyes, unit: turn, settles: quality,"
        " threshold: 2s, parameters: {share: 10%}, eligible: {call.connected: true},"
        " good: {turn.latency_seconds: {lt: $threshold}, turn.wer: {le: $share}},"
        " reasons: [{reason: cut_off, when: {turn.interrupted: true}}, {reason: rest}],"
        " unknown_reasons: [{reason: no_reference}],"
        " exclusions: [{reason: short, when: {call.duration_seconds: {lt: 1s}}}]}"
    )
    assert (slo.sli.name, slo.sli.builtin, slo.sli.unit, slo.sli.settles) == ("the-slo", False, "turn", "quality")
    assert (slo.title, slo.sli.threshold, slo.threshold) == ("Goodbyes", Decimal(2), Decimal(3))
    assert slo.sli.parameters == {"share": Decimal("0.2")}
    assert [(r.name, r.when and describe(r.when)) for r in slo.sli.reasons] == [
        ("cut_off", "turn.interrupted is true"),
        ("rest", None),
    ]
    assert [(r.name, r.when) for r in slo.sli.unknown_reasons] == [("no_reference", None)]
    assert [(e.reason, e.origin) for e in slo.exclusions] == [("short", "slos.the-slo.sli.exclusions[0]")]


def test_a_custom_sli_without_reasons_has_one() -> None:
    slo = one("objective: 98%, sli: {unit: call, settles: operational, eligible: {}, good: {call.route_ok: true}}")
    assert [(reason.name, reason.when) for reason in slo.sli.reasons] == [("not_good", None)]
    assert (describe(slo.sli.eligible), slo.title) == ("always", "The slo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{call.connected: true}", "call.connected is true"),
        ("{call.ended_by: [caller, agent]}", "call.ended_by in [caller, agent]"),
        ("{call.ended_by: {not: caller}}", "not (call.ended_by is caller)"),
        ("{call.ended_by: {not: [caller, agent]}}", "not (call.ended_by in [caller, agent])"),
        ("{call.tags: {has: vip}}", "call.tags has vip"),
        ("{call.tags: {not: {has: vip}}}", "not (call.tags has vip)"),
        ("{call.failed_stage: {known: false}}", "call.failed_stage is absent"),
        ("{call.duration_seconds: {gt: 1m, le: 90}}", "call.duration_seconds > 60 and call.duration_seconds <= 90"),
        ("{segment.language: [en, unknown]}", "segment.language in [en, unknown]"),
        ("{call.connected: true, call.route_ok: true}", "call.connected is true and call.route_ok is true"),
        (
            "{call.connected: true, any: [{call.route_ok: true}, {call.synthetic: true}]}",
            "call.connected is true and (call.route_ok is true or call.synthetic is true)",
        ),
        (
            "{not: {call.connected: true, call.route_ok: true}}",
            "not (call.connected is true and call.route_ok is true)",
        ),
        (
            "{all: [{call.connected: true}, {not: {call.route_ok: true}}]}",
            "call.connected is true and not (call.route_ok is true)",
        ),
    ],
)
def test_conditions(text: str, expected: str) -> None:
    assert condition(text) == expected


def test_parameters_stand_for_what_the_slo_sets() -> None:
    good = "call.first_audio is true and call.first_audio_seconds < $threshold"
    assert describe(catalog()["time_to_first_word"].good) == good


def test_the_condition_tree_is_typed() -> None:
    slo = one(
        "objective: 98%, sli: {unit: call, settles: operational, eligible: {call.failed_stage: {known: true}},"
        " good: {call.tags: {not: {has: rude}}}}"
    )
    assert slo.sli.eligible == Known("call.failed_stage", True)
    assert slo.sli.good == Not(Has("call.tags", "rude"))


def test_tiers() -> None:
    slo = one(
        "sli: turn_latency, objective: 95%, alerting: {tiers: [{name: quick, burn: 14.4, long: 1h, short: 5m, z: 2.33,"
        " min_bad_callers: 3, min_bad_events: 9, for: 1m, keep_firing: 10m, severity: page},"
        " {name: slow, budget: 5%, long: 3d, short: 6h, severity: ticket, enabled: false}]}"
    )
    quick, slow = slo.alerting.tiers
    assert slo.alerting.name == "custom"
    assert (quick.name, quick.long, quick.short, quick.severity) == ("quick", 3600, 300, "page")
    assert (quick.burn, quick.z) == (Decimal("14.4"), Decimal("2.33"))
    assert (quick.min_bad_callers, quick.min_bad_events) == (3, 9)
    assert (quick.for_, quick.keep_firing, quick.enabled) == (60, 600, True)
    assert (slow.factor(30 * DAY), slow.enabled) == (Decimal("0.5"), False)


def test_the_named_policies() -> None:
    table = {
        name: [(t.name, str(t.burn), t.long, t.short, t.severity, t.min_bad_callers, str(t.z), t.keep_firing)
               for t in policy.tiers]
        for name, policy in POLICIES.items()
    }  # fmt: skip
    assert table == {
        "guarded": [
            ("fast", "10", 900, 300, "page", 3, "3.09", 600),
            ("medium", "6", 21600, 1800, "page", 3, "3.09", 1800),
            ("slow", "1.5", 86400, 7200, "ticket", 3, "2.33", 7200),
        ],
        "article": [
            ("fast", "10", 900, 300, "page", 0, "None", 0),
            ("slow", "1.5", 86400, 7200, "ticket", 0, "None", 0),
        ],
        "sre-workbook": [
            ("fast", "14.4", 3600, 300, "page", 0, "None", 0),
            ("medium", "6", 21600, 1800, "page", 0, "None", 0),
            ("slow", "3", 86400, 7200, "ticket", 0, "None", 0),
            ("trickle", "1", 259200, 21600, "ticket", 0, "None", 0),
        ],
    }


# The catalog and the files that ship


def test_the_catalog_has_the_fourteen_slis() -> None:
    assert list(catalog()) == [
        "connection_success", "first_audio_success", "synthetic_success", "time_to_first_word", "turn_latency",
        "tool_turn_latency", "task_completion", "intent_accuracy", "prompt_compliance", "asr_quality",
        "escalation_recall", "unnecessary_escalation", "context_preserved_handoff", "escalation_correctness",
    ]  # fmt: skip
    for name, sli in catalog().items():
        assert (sli.name, sli.builtin, bool(sli.title)) == (name, True, True)
        assert [reason.when is None for reason in sli.reasons] == [*[False] * (len(sli.reasons) - 1), True]


def test_a_broken_catalog_says_where() -> None:
    entry = b"latency: {unit: turn, settles: operational, eligible: {}, good: {turn.anwered: true}}"
    with pytest.raises(SloFileError) as error:
        parse_catalog("catalog.yaml", entry)
    assert str(error.value) == (
        "catalog.yaml:1:66: catalog.latency.good.turn.anwered: unknown field; did you mean turn.answered?"
    )


def test_the_starter_file() -> None:
    loaded = loading.load_with_warnings([("slos/starter.yaml", (SLOS / "starter.yaml").read_bytes())])
    assert loaded.warnings == ()
    (file,) = loaded.files
    assert file.agent == "front-desk"
    assert [(s.name, s.sli.name, str(s.objective), s.owner, s.budget_by) for s in file.slos] == [
        ("connection-success", "connection_success", "0.995", "telephony", ("flow",)),
        ("turn-latency", "turn_latency", "0.95", "voice-runtime", ("flow",)),
        ("task-completion", "task_completion", "0.9", "voice-platform", ("flow",)),
        ("escalation-correctness", "escalation_correctness", "0.97", "operations", ("flow",)),
    ]
    assert "order_status" in file.segments["flow"].values
    assert file.segments["language"].aliases["en-US"] == "en"
    assert "pstn-us" in file.segments["route"].values


def test_the_full_file_shows_everything() -> None:
    loaded = loading.load_with_warnings([("slos/full.yaml", (SLOS / "full.yaml").read_bytes())])
    assert loaded.warnings == ()
    (file,) = loaded.files
    assert file.agent == "contact-centre"
    assert {slo.sli.name for slo in file.slos if slo.sli.builtin} == set(catalog())
    assert [slo.name for slo in file.slos if not slo.sli.builtin] == ["polite-goodbye"]
    text = (SLOS / "full.yaml").read_text()
    assert [key for key in (*loading.KEYS, *parse_slo.KEYS) if f"{key}:" not in text] == []


def test_the_shipped_files_stand_beside_each_other() -> None:
    files = [(path.name, path.read_bytes()) for path in sorted(SLOS.glob("*.yaml"))]
    assert [file.path for file in loading.load(files)] == [name for name, _ in files]


# Warnings


def test_warnings_come_with_the_files() -> None:
    text = HEAD + "slos:\n  a: {sli: turn_latency, objective: 100%}\n"
    loaded = loading.load_with_warnings([("a.yaml", text.encode())])
    assert [str(warning) for warning in loaded.warnings] == [
        "a.yaml:5:37: warning: slos.a.objective: 100% leaves no error budget: the first bad unit exhausts it"
    ]
    assert loading.load([("a.yaml", text.encode())]) == loaded.files


def test_a_calendar_month_has_a_zone_and_is_inherited() -> None:
    file = load(
        "period: {calendar: month, zone: Europe/Berlin}\nslos:\n"
        "  a: {sli: turn_latency, objective: 95%}\n"
        "  b: {sli: turn_latency, objective: 95%, period: 7d}\n"
        "  c: {sli: turn_latency, objective: 95%, period: {zone: America/New_York, calendar: month}}\n"
    )
    assert [(slo.calendar, slo.period) for slo in file.slos] == [
        ("Europe/Berlin", 30 * DAY), ("", 7 * DAY), ("America/New_York", 30 * DAY),
    ]  # fmt: skip
    assert file.period == 30 * DAY
    assert len({slo.definition for slo in file.slos}) == 1


# What is refused


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_broken_file(path: Path) -> None:
    assert errors((path.name, path.read_bytes())) == path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("folder", sorted(p for p in BROKEN.iterdir() if p.is_dir()), ids=lambda path: path.name)
def test_broken_files_together(folder: Path) -> None:
    files = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.yaml"))]
    assert errors(*files) == (folder / "expected.txt").read_text()


def test_every_expectation_belongs_to_a_broken_file() -> None:
    assert {p.stem for p in BROKEN.glob("*.txt")} == {p.stem for p in BROKEN.glob("*.yaml")}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#" * (2 * 1024 * 1024), "a.yaml:1:1: the file has 2097152 bytes; at most 1048576 (1 MiB) are read\n"),
        (b"slos: " + b"[" * 100_000, "a.yaml:1:38: nested deeper than 32 levels\n"),
        (b"slos: " + b"{a: " * 5_000, "a.yaml:1:128: nested deeper than 32 levels\n"),
    ],
)
def test_a_hostile_file(data: bytes, expected: str) -> None:
    assert errors(("a.yaml", data)) == expected


def test_an_alias_bomb_is_refused_without_growing() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = errors(("bomb.yaml", "\n".join(["a0: &a0 lol", *levels]).encode()))
    assert text.count("aliases (*a") == 29 * 9


def test_a_thousand_mistakes_end_the_reading_of_one_file_only() -> None:
    keys = "".join(f"    objektive{n}: 1\n" for n in range(5000))
    many = f"{HEAD}slos:\n  a:\n{keys}".encode()
    other = HEAD.replace("front-desk", "help-desk") + "slos: {a: {sli: turn_latency, objective: 95}}\n"
    lines = errors(("many.yaml", many), ("other.yaml", other.encode())).splitlines()
    assert len(lines) == 1002
    assert lines[-2].endswith("1000 problems so far; the rest of the file is not checked")
    assert lines[-1].startswith("other.yaml:4:42: slos.a.objective: 95 is not between 0 and 1")


def test_no_files_are_no_slos() -> None:
    assert loading.load([]) == ()


def is_loaded_or_refused(text: str) -> bool:
    try:
        loading.load([("any.yaml", text.encode("utf-8", "surrogatepass"))])
    except SloFileError as error:
        return bool(error.problems)
    return True


WORDS = st.sampled_from([
    *loading.KEYS, *parse_slo.KEYS, "call.connected", "turn_latency", "true", "no", "95%", "1.2s", "$threshold", "lt",
    "flow", "any", "not", "has", "tiers", "burn", "[", "]", "{", "}", ":", ": ", ", ", "- ", "\n", "\n  ", "&a", "*a",
])  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map("".join)))
def test_no_text_raises_anything_else(text: str) -> None:
    assert is_loaded_or_refused(text)
    assert is_loaded_or_refused(HEAD + text)


def _nested(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    key = st.sampled_from([*loading.KEYS, *parse_slo.KEYS, "flow", "call.connected", "turn.wer", "lt", "known", "when"])
    listed = st.lists(leaf, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
    mapped = st.lists(st.tuples(key, leaf), max_size=4, unique_by=lambda pair: pair[0]).map(
        lambda parts: "{" + ", ".join(f"{name}: {value}" for name, value in parts) + "}"
    )
    return listed | mapped


LEAVES = st.sampled_from('95% 1.2s 0 99.9 true flow turn_latency ~ "" $threshold {} []'.split())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({key: st.recursive(LEAVES, _nested, max_leaves=8) for key in loading.KEYS[3:]}))
def test_no_shape_raises_anything_else(values: dict[str, str]) -> None:
    assert is_loaded_or_refused(HEAD + "".join(f"{key}: {value}\n" for key, value in values.items()))
