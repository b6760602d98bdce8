"""`voice-slo openslo` through the real command line: what is carried over, what is said to be lost, what is refused."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import interchange
from interchange import Choices
from interchange.definition import Definition, dns_label
from interchange.slo_file_text import comment, render
from interchange.tiers import pyrra
from tests import openslo_schema
from tests.command_line import EXAMPLES, FULL, ROOT, STARTER, voice_slo
from voice_slo import promql
from voice_slo.diagnostics import VoiceSloError
from voice_slo.loading import load, load_with_warnings
from voice_slo.quantities import percent
from voice_slo_cli import openslo

GOLDEN = ROOT / "tests" / "openslo"
SPECS = {"sloth": (), "pyrra": ("--agent", "phone-line"), "openslo": ()}
SLOTH = (
    "version: prometheus/v1\nservice: line\nslos:\n  - {name: a, objective: 99, sli: {raw: {error_ratio_query: q}}}\n"
)


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def objects(*argv: str | Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(voice_slo("openslo", "export", *argv).out))


def slos_of(*argv: str | Path) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in objects(*argv) if found["kind"] == "SLO"}


def queries(slo: dict[str, Any]) -> tuple[str, str]:
    ratio = slo["spec"]["indicator"]["spec"]["ratioMetric"]
    good, total = (ratio[key]["metricSource"]["spec"]["query"] for key in ("good", "total"))
    return good, total


# import ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS)
def test_what_an_import_writes_and_says(spec: str) -> None:
    ran = voice_slo("openslo", "import", f"tests/openslo/{spec}.yaml", *SPECS[spec])
    assert ran.code == 0
    assert ran.out == (GOLDEN / f"{spec}.slo.yaml").read_text()
    assert ran.err == (GOLDEN / f"{spec}.notes.txt").read_text()


@pytest.mark.parametrize("spec", SPECS)
def test_check_takes_an_import_and_tells_what_is_undecided(spec: str) -> None:
    path = GOLDEN / f"{spec}.slo.yaml"
    ran = voice_slo("check", path)
    assert ran.code == 0
    slos = yaml.safe_load(path.read_text())["slos"]
    for name in slos:
        assert f"slos.{name}.sli.eligible: is undecided, so nothing is counted" in ran.err
        assert f"slos.{name}.sli.good: is undecided" in ran.err


def test_nothing_is_counted_while_an_sli_is_undecided() -> None:
    ran = voice_slo("judge", "--all", "--slos", GOLDEN / "sloth.slo.yaml", EXAMPLES)
    assert (ran.code, [line["verdict"] for line in ran.lines if line["verdict"] != "not_concerned"]) == (0, [])


def test_an_sli_of_the_catalog_decides() -> None:
    chosen = ("--sli", "connection_success", "--sli", "answers=turn_latency")
    ran = voice_slo("openslo", "import", GOLDEN / "sloth.yaml", *chosen)
    loaded = load_with_warnings([("x.yaml", ran.out.encode())])
    assert [(slo.name, slo.sli.name, slo.mode) for slo in loaded.files[0].slos] == [
        ("calls-connected", "connection_success", "strict"),
        ("answers", "turn_latency", "strict"),
    ]
    assert loaded.warnings == ()
    assert "undecided" not in ran.out
    assert "to be decided" not in ran.err
    assert "error_query: sum(rate(calls_total" in ran.out


def test_an_import_for_machines() -> None:
    ran = voice_slo(
        "openslo", "import", GOLDEN / "openslo.yaml", "--output", "json", "--sli", "turns-promise=turn_latency"
    )
    said = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert load([("x.yaml", said["file"].encode())])
    assert [(slo["name"], slo["sli"], slo["undecided"]) for slo in said["slos"]] == [
        ("turns-promise", "turn_latency", False),
        ("turns-95-5", None, True),
    ]
    (lost,) = [note for note in said["notes"] if note["field"].endswith("budgetingMethod")]
    assert (lost["line"], lost["column"], lost["slos"]) == (20, 20, ["turns"])
    assert lost["message"] == "Timeslices became a budget of units: time slices are not counted"
    assert {warning["field"] for warning in said["warnings"]} == {
        "slos.turns-95-5.sli.eligible",
        "slos.turns-95-5.sli.good",
    }


def test_the_command_line_fills_what_a_spec_leaves_open() -> None:
    given = ("--agent", "hotline", "--owner", "me: # you", "--period", "28d")
    ran = voice_slo("openslo", "import", *given, stdin=SLOTH.encode())
    (file,) = load([("x.yaml", ran.out.encode())])
    assert (file.agent, file.owner, file.period) == ("hotline", "me: # you", 28 * 86400)
    # sloth's windows are shares of the budget, so over 28 days they are not the factors of the workbook.
    assert [percent(tier.budget or Decimal(0)) for tier in file.slos[0].alerting.tiers] == ["2%", "5%", "10%", "10%"]


def test_pyrras_windows_are_parts_of_the_slos_window() -> None:
    minutes = [(tier.long // 60, tier.short // 60, tier.for_ // 60) for tier in pyrra(30 * 86400, {}, enabled=True)]
    assert minutes == [(64, 5, 2), (386, 32, 16), (1543, 129, 64), (6171, 386, 193)]


READABLE = "those that can: openslo/v1, prometheus/v1 (sloth), pyrra.dev/v1alpha1 (pyrra)"
ONE_OF_SLOTH = "slos[0].sli: has to hold exactly one of events, raw, plugin"
PYRRA = """apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: a}
spec:
  target: '99'
  window: month
  indicator: {}
  partial: 1
"""
OPENSLO = """apiVersion: openslo/v1
kind: SLO
metadata: {name: a}
spec:
  service: s
  budgetingMethod: Occurrences
  objectives: [{target: 0.9, targetPercent: 90}, {target: 99}]
  timeWindow: [{duration: 30 d, isRolling: false}]
"""
UNIT = 'has to be a number and one of m, h, d, w, M, Q, Y, found "30 d"'
WRONG = [
    ("openslo/v2: x\n", f"stdin:1:1: no version cannot be read; {READABLE}"),
    ("apiVersion: openslo/v1alpha\nkind: SLO\n", f"stdin:1:1: openslo/v1alpha cannot be read; {READABLE}"),
    ("[]\n", f"stdin:1:1: no version cannot be read; {READABLE}"),
    ("a: &x 1\n", "stdin:1:4: a: anchors (&x) are not allowed"),
    (SLOTH.replace("99", "101"), "stdin:4:26: slos[0].objective: 101 is not between 0 and 100"),
    (SLOTH.replace("99", "0"), "stdin:4:26: slos[0].objective: 0 asks for nothing and leaves nothing to watch"),
    (SLOTH.replace("99", "9e1"), "stdin:4:26: slos[0].objective: has to be a plain decimal number, found 9e1"),
    (SLOTH.replace("raw: {error_ratio_query: q}", ""), f"stdin:4:35: {ONE_OF_SLOTH}"),
    (SLOTH.replace("name: a, ", ""), "stdin:4:5: slos[0]: name is missing"),
    (SLOTH, "stdin:4: a has no owner: say --owner TEXT"),
    (PYRRA, 'stdin:6:11: spec.window: has to be a duration such as 4w or 28d, found "month"'),
    (PYRRA, "stdin:8:3: spec.partial: unknown key; "),
    (OPENSLO, "stdin:7:16: spec.objectives[0]: has to hold either target or targetPercent"),
    (OPENSLO, "stdin:7:59: spec.objectives[1].target: 99 is not between 0 and 1"),
    (OPENSLO, f"stdin:8:27: spec.timeWindow[0].duration: {UNIT}"),
    (OPENSLO, "stdin:8:16: spec.timeWindow[0]: calendar has to be there where isRolling is false, and only there"),
    (
        OPENSLO.replace("isRolling: false", "isRolling: false, calendar: {timezone: UTC}"),
        "spec.timeWindow[0].calendar.timezone: unknown key; did you mean timeZone? (allowed: startTime, timeZone)",
    ),
    (OPENSLO.replace("name: a", "name: A_b"), 'metadata.name: "A_b" is not a name of a-z, 0-9 and - (RFC 1123)'),
    (f"{OPENSLO}---\n{OPENSLO}", "stdin:10:1: SLO a is already defined in stdin:1"),
]


def monthly(duration: str = "1M", start: str = "2026-01-01 00:00:00", zone: str = "Europe/Berlin") -> str:
    calendar = f"calendar: {{startTime: {start}, timeZone: {zone}}}"
    return (
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a, labels: {owner: me}}\nspec:\n  service: s\n"
        "  budgetingMethod: Occurrences\n  objectives: [{target: 0.9}]\n"
        f"  timeWindow: [{{duration: {duration}, isRolling: false, {calendar}}}]\n"
    )


def test_whole_calendar_months_stay() -> None:
    ran = voice_slo("openslo", "import", "-", stdin=monthly().encode())
    (slo,) = load([("x.yaml", ran.out.encode())])[0].slos
    assert (slo.calendar, slo.period) == ("Europe/Berlin", 30 * 86400)
    assert "timeWindow" not in ran.err


@pytest.mark.parametrize(
    ("spec", "period"),
    [
        (monthly(duration="1Q"), 90), (monthly(duration="1w"), 7), (monthly(duration="2M"), 60),
        (monthly(start="2026-01-15 00:00:00"), 30), (monthly(start="2026-01-01 06:00:00"), 30),
        (monthly(zone="Mars/Base"), 30),
    ],
)  # fmt: skip
def test_other_calendar_windows_become_rolling_ones_with_a_note(spec: str, period: int) -> None:
    ran = voice_slo("openslo", "import", "-", stdin=spec.encode())
    (slo,) = load([("x.yaml", ran.out.encode())])[0].slos
    assert (slo.calendar, slo.period) == ("", period * 86400)
    assert "stdin:8:16: spec.timeWindow[0]: a calendar window became a rolling one; one that stays is of 1M" in ran.err


@pytest.mark.parametrize(("spec", "said"), WRONG)
def test_what_is_wrong_in_a_spec_is_said_with_its_place(spec: str, said: str) -> None:
    ran = voice_slo("openslo", "import", "-", stdin=spec.encode())
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_every_mistake_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(SLOTH.replace("99", "0").replace("service: line\n", ""))
    ran = voice_slo("openslo", "import", tmp_path / "a", tmp_path / "b")
    assert [line.rpartition(f"{tmp_path}/")[2][:5] for line in ran.err.splitlines()] == [
        "a:1:1",
        "a:3:2",
        "b:1:1",
        "b:3:2",
    ]


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#" * (1024 * 1024 + 1))
    ran = voice_slo("openslo", "import", tmp_path / "large")
    assert (ran.code, "at most 1048576 (1 MiB) are read" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("import", "--per-segment"), "--per-segment is not for import"),
        (("export", "--sli", "turn_latency"), "--sli is not for export"),
        (("import", "--sli", "turn_latncy"), "--sli turn_latncy: unknown SLI; did you mean turn_latency?"),
        (("import", "--agent", "A"), "--agent A: has to start with a-z and hold at most 63 of a-z, 0-9 and -"),
        (("import", "--period", "100d"), "--period 100d: has to be of whole days, from 1d to 90d"),
        (("import", "--period", "30"), "30 has no unit; write 30s, 30m, 30h or 30d"),
        (("import", "--owner", " "), "--owner: has to be text of at most 200 characters"),
        (("import", "--sli", "b=turn_latency", "--owner", "x"), "--sli b: there is no such SLO; there are: a"),
        (("import", "none.yaml"), "none.yaml: No such file or directory"),
        (("import", "slos"), "slos: Is a directory"),
        (("export", "none.yaml"), "none.yaml: no such file or folder"),
        (("sideways",), "invalid choice: 'sideways'"),
    ],
)
def test_what_a_mistake_is_told(argv: tuple[str, ...], said: str) -> None:
    ran = voice_slo("openslo", *argv, stdin=SLOTH.encode())
    assert ran.code == 2
    assert said in ran.err


def test_one_file_is_of_one_agent() -> None:
    two = f"{SLOTH}---\n{SLOTH.replace('service: line', 'service: other')}".encode()
    ran = voice_slo("openslo", "import", "--owner", "x", stdin=two)
    assert (ran.code, ran.err.startswith("the files are of 2 services (line, other)")) == (2, True)
    ran = voice_slo("openslo", "import", "--owner", "x", "--agent", "both", stdin=two)
    (file,) = load([("x.yaml", ran.out.encode())])
    first, second = (slo.name for slo in file.slos)
    assert (ran.code, first, second[:2]) == (0, "a", "a-")


def test_nothing_is_renamed_or_cut_quietly() -> None:
    spec = SLOTH.replace("service: line", f"service: Line\nlabels: {{owner: {'o' * 201}}}")
    spec = spec.replace("objective: 99", f"objective: 99, description: {'d' * 201}")
    ran = voice_slo("openslo", "import", stdin="---\n".join([spec] * 3).encode())
    (file,) = load([("x.yaml", ran.out.encode())])
    first, second, third = (slo.name for slo in file.slos)
    assert len({first, second, third}) == 3
    for name in (second, third):
        assert f"name: a became {name} ({name})" in ran.err
    assert "service: Line became the agent line" in ran.err
    assert f"owner: {'o' * 64}… became" in ran.err
    assert f"# {'d' * 201}\n" in ran.out


# export ---------------------------------------------------------------------------------------------------------------


def test_what_an_export_writes_and_says() -> None:
    ran = voice_slo("openslo", "export", "slos/starter.yaml")
    assert ran.code == 0
    assert ran.out == (GOLDEN / "starter.openslo.yaml").read_text()
    assert ran.err == (GOLDEN / "starter.notes.txt").read_text()


@pytest.mark.parametrize("options", [(), ("--per-segment",)])
def test_an_export_is_valid_openslo_over_our_own_counters(options: tuple[str, ...]) -> None:
    found = objects("slos/", *options)
    for one in found:
        openslo_schema.is_valid(one)
        if one["kind"] == "SLO":
            for query in queries(one):
                promql.check(query)
    named = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(named)) == len(named)
    machine = json.loads(voice_slo("openslo", "export", "slos/", *options, "--output", "json").out)
    assert machine["objects"] == found


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "SLOs"},
        {"extra": 1},
        {"metadata": {"name": "A"}},
        {"metadata": {"name": "a", "displayName": "x" * 64}},
        {"spec": {}},
    ],
)
def test_the_schema_refuses(broken: dict[str, Any]) -> None:
    whole = slos_of(STARTER)["front-desk-turn-latency"]
    openslo_schema.is_valid(whole)
    with pytest.raises((AssertionError, KeyError)):
        openslo_schema.is_valid({**whole, **broken})


def test_rows_of_objectives_become_slos_that_share_no_unit() -> None:
    found = slos_of(FULL)
    assert queries(found["contact-centre-turn-latency-faq"])[0] == (
        'sum(voice_sli_good_total{agent="contact-centre",slo="turn-latency",flow="faq",flow!="fraud"})'
    )
    rest = found["contact-centre-turn-latency"]
    assert queries(rest)[1] == (
        'sum(voice_sli_eligible_total{agent="contact-centre",slo="turn-latency",flow!="fraud",flow!="faq",'
        'flow!~"other|unknown"})'
    )
    # Observed: shown, never alerted on.
    assert "alertPolicies" not in found["contact-centre-turn-latency-faq"]["spec"]
    assert "alertPolicies" in rest["spec"]


def test_a_row_of_two_segments_is_left_out_of_the_rest_as_a_whole(tmp_path: Path) -> None:
    text = """version: voice-slo/v1
agent: line
owner: me
budget_by: [flow, language]
segments: {flow: [a, b.c], language: [en, es]}
slos:
  turns:
    sli: turn_latency
    objective: 95%
    objectives: [{flow: b.c, language: en, objective: 90%}]
"""
    (tmp_path / "slos.yaml").write_text(text)
    assert queries(slos_of(tmp_path / "slos.yaml")["line-turns"])[0] == (
        'sum(voice_sli_good_total{agent="line",slo="turns",flow!~"other|unknown",language!~"other|unknown"} '
        'unless voice_sli_good_total{agent="line",slo="turns",flow="b.c",language="en"})'
    )


def test_per_segment_each_label_set_keeps_its_budget() -> None:
    found = slos_of(FULL, "--per-segment")
    fraud = found["contact-centre-task-completion-fraud-es"]
    assert fraud["spec"]["objectives"][0]["target"] == 0.97
    assert queries(fraud)[0].endswith('slo="task-completion",flow="fraud",language="es"})')
    assert len([name for name in found if name.startswith("contact-centre-task-completion-")]) == 15


def test_an_alert_burns_at_the_factor_that_can_be_reached(tmp_path: Path) -> None:
    (tmp_path / "slos.yaml").write_text(
        "version: voice-slo/v1\nagent: a\nowner: me\nslos: {t: {sli: task_completion, objective: 85%}}\n"
    )
    policies = slos_of(tmp_path / "slos.yaml")["a-t"]["spec"]["alertPolicies"]
    burns = [policy["spec"]["conditions"][0]["spec"]["condition"]["threshold"] for policy in policies]
    # Half of all calls bad burns a budget of 15 % at 3.33 times the sustainable pace; more than that cannot be asked.
    assert burns == [3.333333, 3.333333, 1.5]


def test_an_objective_that_openslo_cannot_say_is_left_out_aloud(tmp_path: Path) -> None:
    path = tmp_path / "slos.yaml"
    path.write_text("version: voice-slo/v1\nagent: a\nowner: me\nslos: {t: {sli: task_completion, objective: 100%}}\n")
    assert slos_of(path) == {}
    assert "objective: 100% cannot be written in OpenSLO, whose targets are below 1; left out (t)" in (
        voice_slo("openslo", "export", path).err
    )


# both ways ------------------------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True)
OWNERS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)
PERIODS = st.integers(1, 90).map(lambda days: f"{days}d") | st.sampled_from(
    ["Europe/Berlin", "Etc/GMT+1", "UTC", "America/Argentina/Buenos_Aires"]
).map(lambda zone: f"{{calendar: month, zone: {zone}}}")
OBJECTIVES = st.decimals("0.0001", "0.9999", places=4)


@settings(max_examples=40, deadline=None)
@given(NAMES, NAMES, OBJECTIVES, PERIODS, OWNERS, st.sampled_from(["turn_latency", "task_completion"]))
def test_an_export_comes_back_as_it_was(
    agent: str, name: str, objective: Decimal, period: str, owner: str, sli: str
) -> None:
    text = (
        f"version: voice-slo/v1\nagent: {json.dumps(agent)}\nowner: {json.dumps(owner, ensure_ascii=False)}\n"
        f"slos:\n  {json.dumps(name)}: {{sli: {sli}, objective: {objective}, period: {period}}}\n"
    )
    files = load([("slos.yaml", text.encode())])
    made = interchange.export(files, per_segment=False)
    for one in made.objects:
        openslo_schema.is_valid(json.loads(json.dumps(one, default=float)))
    back = openslo._documents(made.objects)
    (file,) = load([("back.yaml", interchange.imported([("o.yaml", back.encode())], Choices()).text.encode())])
    (was,), (now,) = files[0].slos, file.slos
    assert (now.name, now.objective, now.period, now.owner) == (was.name, was.objective, was.period, was.owner)
    assert now.calendar == was.calendar
    assert (now.sli.name, now.threshold, now.alerting) == (was.sli.name, was.threshold, was.alerting)
    assert now.definition == was.definition


HOSTILE = st.text(max_size=300) | st.sampled_from(
    [
        "\nagent: evil",
        "x\u2028evil: 1",
        "\x85owner: y",
        '"}], slos: {',
        "#",
        "%YAML",
        "\\",
        "{{ .window }}",
        "---\n...",
        "'",
    ]
)


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_of_a_spec_becomes_yaml(name: str, description: str, query: str, owner: str) -> None:
    definition = Definition(
        "a" + name, "x:1", "t", Decimal("0.9"), description=description, title=owner, queries=((query, query),)
    )
    planned = interchange.Planned("a", definition, "", "o" + owner, 86400)
    (file,) = load([("x.yaml", render("line", [planned]).encode("utf-8", "replace"))])
    assert (file.agent, [slo.name for slo in file.slos]) == ("line", ["a"])


@given(st.text())
def test_a_comment_stays_one(text: str) -> None:
    lines = list(comment(text))
    assert all(line.startswith("#") and line.isprintable() for line in lines)


@given(st.lists(st.text(), max_size=6))
def test_names_are_names_and_differ(texts: list[str]) -> None:
    taken: set[str] = set()
    made = [dns_label(text, taken) for text in dict.fromkeys(texts)]
    assert all(re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_mutilated_anywhere_is_read_or_refused(spec: str) -> None:
    lines = (GOLDEN / f"{spec}.yaml").read_text().splitlines(keepends=True)
    refused = 0
    for index, line in enumerate(lines):
        key = line.partition(":")[0]
        for instead in ("", f"{key}:\n", f"{key}: []\n", f"{key}: {{a: 1}}\n", f"{key}: -7\n", f"{key}: [[x], 1]\n"):
            text = "".join([*lines[:index], instead, *lines[index + 1 :]])
            try:
                made = interchange.imported([("x", text.encode())], Choices(agent="line", owner="me"))
            except VoiceSloError:
                refused += 1
            else:
                assert load([("y", made.text.encode())])
    assert refused > len(lines)
