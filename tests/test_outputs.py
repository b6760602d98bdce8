"""The same rules for every kind of ruler: what each format holds, and what a target version leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from prometheus_rules import fitting, generate, operator_objects, render, target, yaml_text
from prometheus_rules.rule import Alert, Record
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.target import FORMATS, OLDEST, Format, Target, TargetError
from tests.promtool import check
from tests.rules_fixtures import HOSTILE, HOUR, hostile, policy, row, slo, slo_file, starter
from voice_slo import names, promql
from voice_slo.loading import load
from voice_slo.policies import POLICIES
from voice_slo.spec import SloFile, Tier

ROOT = Path(__file__).parent.parent


def committed(name: str) -> SloFile:
    (file,) = load([(f"slos/{name}.yaml", (ROOT / "slos" / f"{name}.yaml").read_bytes())])
    return file


FILES = {
    "starter": starter(),
    "full": committed("full"),
    "hostile": hostile(),
    "published": slo_file(*(slo(name, alerting=policy) for name, policy in POLICIES.items())),
    "no alerts": slo_file(slo(alerting=policy())),
    "many tiers": slo_file(
        slo(alerting=policy(*(Tier(f"t-{n}", n * HOUR, n * 60, "ticket", burn=Decimal(n)) for n in range(1, 31))))
    ),
}
everywhere = pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
readable = pytest.mark.parametrize(
    "file", [file for name, file in FILES.items() if name != "full"], ids=[name for name in FILES if name != "full"]
)
"""But the largest: to read it back takes a second each time."""


def many(count: int, agent: str = "front-desk") -> SloFile:
    """SLOs of three shapes."""
    shapes = [slo("a", "0.99"), slo("b", by=()), slo("c", objectives=(row("0.97", flow="fraud"),))]
    return slo_file(*(replace(shapes[n % 3], name=f"slo-{n}", title=f"SLO {n}") for n in range(count)), agent=agent)


def documents(file: SloFile, aim: Target) -> list[dict[str, Any]]:
    ((_, content),) = generate(file, "0.1.0", aim).items()
    return list(yaml.load_all(content, Loader=yaml.CSafeLoader))


def groups_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document.get("spec", document)["groups"]
    return found


def nodes(expr: str) -> Iterator[promql_parser.Expr]:
    left = [promql_parser.parse(expr)]
    while left:
        yield (node := left.pop())
        left += promql._parts(node)


# One rendering for a shape --------------------------------------------------------------------------------------------


def direct(file: SloFile) -> str:
    """Every rule built and written by itself."""
    return yaml_text.dump({"groups": [group.as_dict() for group in rule_groups(file)]})


def shared(*files: SloFile) -> list[str]:
    """Without the header, all files by one writer."""
    made = render(files, "0.1.0", Target())
    return [content.decode().split("\n", 1)[1] for own in made.files.values() for content in own.values()]


@everywhere
def test_sharing_changes_no_byte(file: SloFile) -> None:
    assert shared(file) == [direct(file)]


def test_shapes_are_shared_between_agents() -> None:
    files = [many(7, f"agent-{n}") for n in range(3)]
    assert shared(*files) == [direct(file) for file in files]


NAMES = ["no", "y", "null", "on", "true", "a", "a-", "x" * 20, "x" * 21, "x" * 63, "e1", "zz", "agent", "slo"]
TEXTS = [
    "", "Calls", "no", "12", "1e3", "Two words", "it's", 'say "x"', "{{ x }}", "a: b # c", " led", "trailed ", "50 %",
    "$x", "back`tick", "back\\slash", "é😀", "a\nb", "zZtitlezZ", "zZ owner zZ", "zZnamezZ", "zZagentzZ",
    "- a", "[a]", "\u2028",
    HOSTILE,
]  # fmt: skip


@pytest.mark.parametrize("agent", NAMES)
def test_names_of_every_kind_are_written_as_by_themselves(agent: str) -> None:
    file = slo_file(*(slo(name) for name in dict.fromkeys([agent, "no", "a-", "plain"])), agent=agent)
    assert shared(file, starter("else")) == [direct(file), direct(starter("else"))]


def test_texts_of_every_kind_are_written_as_by_themselves() -> None:
    file = slo_file(
        *(slo(f"t-{n}", title=title, owner=owner) for n, title in enumerate(TEXTS) for owner in (title, "team"))
    )
    assert shared(file) == [direct(file)]
    values = slo_file(*(slo(f"t-{n}", values=("zZnamezZ",), title=title) for n, title in enumerate(("a", "b"))))
    assert shared(values) == [direct(values)]


@settings(max_examples=30)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
)
def test_any_text_is_written_as_by_itself(text: str, name: str) -> None:
    file = slo_file(slo("first"), slo(name, title=text, owner=text), agent=name)
    assert shared(file) == [direct(file)]


# What all formats share -----------------------------------------------------------------------------------------------


@readable
@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_holds_the_same_groups(file: SloFile, format_: Format) -> None:
    found = [g for document in documents(file, Target(format_, most_groups=1000)) for g in groups_of(document)]
    wanted = [group.as_dict() for group in rule_groups(file)]
    assert sorted(found, key=itemgetter("name")) == sorted(wanted, key=itemgetter("name"))
    assert format_ == "operator" or found == wanted


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_has_a_path_and_a_header_of_its_own(format_: Any) -> None:
    ((path, content),) = generate(starter(), "0.1.0", Target(format_)).items()
    suffix = {"prometheus": "rules", "operator": "prometheusrules"}.get(format_, format_)
    assert path == f"prometheus_rules/generated/front-desk.{suffix}.yaml"
    assert content.startswith(b"# generated from slos/starter.yaml by voice-slo 0.1.0, do not edit\n")


# Target versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "found"), [
    ("2.26", (2, 26)), ("2.42", (2, 42)), ("2.42.1", (2, 42)), ("v3.5.0", (3, 5)), ("3.13", (3, 13)),
])  # fmt: skip
def test_versions(text: str, found: tuple[int, int]) -> None:
    assert target.version(text) == found


@pytest.mark.parametrize("text", ["2.25", "2.9", "1.8", "0.26", "v2.25.3"])
def test_versions_that_are_too_old(text: str) -> None:
    with pytest.raises(TargetError, match=re.escape(f"Prometheus {text} is too old: the rules need 2.26 or newer")):
        target.version(text)


@pytest.mark.parametrize(
    "text", ["", "2", "2.", ".42", "2.x", "latest", "2,42", "-2.42", "2.42 ", "2.42.1.1", "12345.1"]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(TargetError, match=r"is not a version of Prometheus such as 2\.42 or 3\.5"):
        target.version(text)


FIELDS_OF_GROUPS = {"name", "interval", "rules"}
FIELDS_OF_RULES = {"record", "alert", "expr", "for", "labels", "annotations"}
"""What Prometheus 2.26 knows; an older or unknown field makes it refuse the file."""


@readable
@pytest.mark.parametrize(("version", "more"), [
    (OLDEST, set()), ((2, 41), set()), ((2, 42), {"keep_firing_for"}), ((3, 5), {"keep_firing_for"}),
])  # fmt: skip
@pytest.mark.parametrize("format_", ["prometheus", "operator", "mimir"])
def test_no_field_is_newer_than_the_target(
    file: SloFile, version: tuple[int, int], more: set[str], format_: Any
) -> None:
    groups = [g for document in documents(file, Target(format_, version)) for g in groups_of(document)]
    assert {field for group in groups for field in group} <= FIELDS_OF_GROUPS
    fields = {field for group in groups for rule in group["rules"] for field in rule}
    assert fields <= FIELDS_OF_RULES | more
    assert (
        not more or "keep_firing_for" in fields or not any(t.keep_firing for s in file.slos for t in s.alerting.tiers)
    )


def test_what_a_version_leaves_out_is_told() -> None:
    assert render([starter()], "1", Target(version=(2, 41))).notes == (
        "front-desk: warning: keep_firing_for is left out: it needs Prometheus 2.42",
    )
    assert render([starter()], "1", Target()).notes == ()
    assert render([FILES["no alerts"]], "1", Target(version=(2, 41))).notes == ()


FUNCTIONS_OF_THE_OLDEST = frozenset(
    "abs absent absent_over_time avg_over_time ceil changes clamp clamp_max clamp_min count_over_time day_of_month "
    "day_of_week days_in_month delta deriv exp floor histogram_quantile holt_winters hour idelta increase irate "
    "label_join label_replace last_over_time ln log10 log2 max_over_time min_over_time minute month predict_linear "
    "quantile_over_time rate resets round scalar sgn sort sort_desc sqrt stddev_over_time stdvar_over_time "
    "sum_over_time time timestamp vector year".split()
)
"""Of Prometheus 2.26; later ones must not be used, whatever the target."""


@everywhere
def test_expressions_use_nothing_newer_than_the_oldest_target(file: SloFile) -> None:
    for group in rule_groups(file):
        for rule in group.rules:
            for expr in rule.expressions():
                for node in nodes(expr):
                    _assert_old(node)


def _assert_old(node: promql_parser.Expr) -> None:
    match node:
        case promql_parser.Call():
            assert node.func.name in FUNCTIONS_OF_THE_OLDEST
        case promql_parser.BinaryExpr():
            assert str(node.op) != "atan2"
        case promql_parser.VectorSelector():
            assert node.at is None
            assert node.offset is None or node.offset.total_seconds() >= 0


@pytest.mark.parametrize("version", [OLDEST, (2, 42)])
def test_promtool_accepts_the_rules_of_every_target(version: tuple[int, int], tmp_path: Path) -> None:
    for file in FILES.values():
        for content in generate(file, "1", Target(version=version)).values():
            check(tmp_path, content)


# PrometheusRule objects -----------------------------------------------------------------------------------------------

DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
DURATION = re.compile(r"([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?")
"""As the schema of the objects has them."""


@readable
def test_there_is_an_object_for_each_slo(file: SloFile) -> None:
    objects = documents(file, Target("operator"))
    assert {(o["apiVersion"], o["kind"]) for o in objects} == {("monitoring.coreos.com/v1", "PrometheusRule")}
    wanted = [f"voice-slo.{file.agent}.{own.name}" for own in file.slos]
    found = [o["metadata"]["name"] for o in objects]
    assert list(dict.fromkeys(re.sub(r"\.[0-9]+$", "", name) for name in found if name.count(".") > 1)) == wanted
    assert len(set(found)) == len(found)
    for own in objects:
        assert set(own) == {"apiVersion", "kind", "metadata", "spec"}
        groups = groups_of(own)
        assert len({group["name"] for group in groups}) == len(groups)
        for group in groups:
            assert all(DURATION.fullmatch(r.get(k, "1s")) for r in group["rules"] for k in ("for", "keep_firing_for"))
            assert all(isinstance(value, str) for rule in group["rules"] for value in rule["labels"].values())


def test_objects_carry_what_selects_them() -> None:
    aim = Target("operator", labels={"release": "monitoring", "app.kubernetes.io/managed-by": "us"}, namespace="voice")
    for own in documents(starter(), aim):
        assert own["metadata"]["namespace"] == "voice"
        assert own["metadata"]["labels"] == {"release": "monitoring", "app.kubernetes.io/managed-by": "us"}
    (_, own, *_) = documents(starter(), Target("operator"))
    assert own["metadata"] == {
        "name": "voice-slo.front-desk.connection-success", "labels": {"app.kubernetes.io/managed-by": "voice-slo"},
    }  # fmt: skip


def test_large_objects_are_cut_between_groups() -> None:
    tiers = [Tier(f"t-{n}", n * 300, n * 60, "ticket", burn=Decimal(n)) for n in range(1, 101)]
    file = slo_file(slo(alerting=policy(*tiers)), slo("small"))
    objects = documents(file, Target("operator"))
    found = [o["metadata"]["name"] for o in objects if "task-completion" in o["metadata"]["name"]]
    assert len(found) > 1
    assert found == [f"voice-slo.front-desk.task-completion.{n}" for n in range(1, len(found) + 1)]
    assert "voice-slo.front-desk.small" in [o["metadata"]["name"] for o in objects]
    for own in objects:
        assert len(json.dumps(own, ensure_ascii=False).encode()) <= operator_objects.LARGEST


@pytest.mark.parametrize("parts", [
    ("a", "b"), ("a-", "b"), ("a", "b-"), ("a" * 63, "b" * 63), ("a" * 63, "b" * 63, "123"), ("a-" * 31, "b-"),
    ("a" * 63, "b" * 63, "123456789", "123456789"), ("a---", "b---", "7"),
])  # fmt: skip
def test_names_of_objects_are_valid(parts: tuple[str, ...]) -> None:
    name = operator_objects.object_name(*parts)
    assert DNS_NAME.fullmatch(name)
    assert len(name) <= operator_objects.LONGEST_NAME


def test_names_of_objects_are_apart() -> None:
    cases = [
        ("a-b", "c"),
        ("a", "b-c"),
        ("a-b-c",),
        ("a-", "b"),
        ("a", "b"),
        ("a--", "b"),
        ("a", "b", "1"),
        ("a", "b-1"),
    ]
    long = [("x" * 63, "y" * 63, "z" * 60 + str(n)) for n in range(3)]
    assert len({operator_objects.object_name(*parts) for parts in cases + long}) == len(cases + long)


@pytest.mark.parametrize("text", ["release=monitoring", "a/b=c", "prometheus.io/x=", "a=B_c.d-1", "a.b.c/d_e=f"])
def test_labels(text: str) -> None:
    assert target.label(text) == tuple(text.split("="))


@pytest.mark.parametrize("text", [
    "", "a", "=b", "a=b c", "a=-b", "a=b-", "A/b=c/d", "/a=b", "a b=c", "a=" + "x" * 64, "x" * 64 + "=a", "a={b}",
    "a=b\n",
])  # fmt: skip
def test_what_is_no_label(text: str) -> None:
    with pytest.raises(TargetError, match="is not a Kubernetes label such as release=monitoring"):
        target.label(text)


@pytest.mark.parametrize("text", ["", "A", "a.b", "-a", "a-", "a" * 64, "a b"])
def test_what_is_no_namespace(text: str) -> None:
    with pytest.raises(TargetError, match="is not the name of a Kubernetes namespace"):
        target.namespace(text)


# Mimir ----------------------------------------------------------------------------------------------------------------


def test_a_namespace_for_mimirtool() -> None:
    (own,) = documents(starter(), Target("mimir"))
    assert list(own) == ["namespace", "groups"]
    assert own["namespace"] == "voice-slo-front-desk"
    (own,) = documents(starter(), Target("mimir", namespace_prefix="team-a."))
    assert own["namespace"] == "team-a.front-desk"


@pytest.mark.parametrize("text", ["", "/", "a/b", "../x", "a b", "é", "-a", "a" * 101, "a\n"])
def test_what_is_no_prefix_of_namespaces(text: str) -> None:
    with pytest.raises(TargetError, match="is not a prefix such as voice-slo-"):
        target.namespace_prefix(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "70.0", "1e3", "1234567", "x"])
def test_what_is_no_number_of_groups(text: str) -> None:
    with pytest.raises(TargetError, match="is not a number of groups such as 70"):
        target.most_groups(text)


def test_groups_are_counted_and_left_apart_while_they_fit() -> None:
    file = many(4)
    apart = len(rule_groups(file))
    made = render([file], "1", Target("mimir", most_groups=apart))
    rules = sum(len(group.rules) for group in rule_groups(file))
    assert made.notes == (f"mimir: note: {apart} groups, {rules} rules",)
    assert [group.name for group in made.groups["front-desk"]] == [group.name for group in rule_groups(file)]


def test_groups_are_packed_when_they_are_too_many() -> None:
    """The limit is one for the tenant, so for all agents together."""
    files = [many(9, "desk"), many(9, "shop")]
    apart = sum(len(rule_groups(file)) for file in files)
    made = render(files, "1", Target("mimir", most_groups=apart - 1))
    packed = sum(map(len, made.groups.values()))
    rules = sum(len(group.rules) for file in files for group in rule_groups(file))
    assert made.notes == (
        f"mimir: note: {apart} groups are more than {apart - 1}: several SLOs share a group",
        f"mimir: note: {packed} groups, {rules} rules",
    )
    assert rules / 20 <= packed < apart * 0.75


def test_it_is_told_when_they_still_do_not_fit() -> None:
    notes = render([many(9)], "1", Target("mimir", most_groups=5)).notes
    assert re.fullmatch(
        r"mimir: warning: \d+ groups are still more than the 5 of a tenant: raise its limit"
        " ruler_max_rule_groups_per_tenant and say so by --max-groups, or give some agents a tenant of their own",
        notes[-1],
    )


@readable
def test_packing_moves_rules_and_changes_none(file: SloFile) -> None:
    packed = [group for document in documents(file, Target("mimir", most_groups=1)) for group in groups_of(document)]
    apart = [group.as_dict() for group in rule_groups(file)]

    def rules(groups: Sequence[Any]) -> list[str]:
        return sorted(json.dumps(rule, sort_keys=True) for group in groups for rule in group["rules"])

    assert rules(packed) == rules(apart)
    assert len({group["name"] for group in packed}) == len(packed)
    assert all(1 <= len(group["rules"]) <= 20 for group in packed)
    assert {group["interval"] for group in packed} == {group["interval"] for group in apart}


@pytest.mark.parametrize("file", [starter(), hostile(), FILES["published"], many(9)])
def test_no_rule_reads_another_of_its_own_group_when_packed(file: SloFile) -> None:
    queries = {(r.alert, json.dumps(dict(r.annotations))): r.queries for r in _alerts(file)}
    for (document,) in [documents(file, Target("mimir", most_groups=1))]:
        for group in groups_of(document):
            recorded = {rule["record"] for rule in group["rules"] if "record" in rule}
            for rule in group["rules"]:
                asked = queries.get((rule.get("alert"), json.dumps(rule.get("annotations"))), ())
                read = {name for expr in (rule["expr"], *asked) for name in promql.series_read(expr)}
                read.discard(rule.get("record"))
                assert not recorded & read, group["name"]


@readable
def test_packed_groups_stand_in_the_order_in_which_figures_flow(file: SloFile) -> None:
    known = {metric.name for metric in names.METRICS}
    for group in groups_of(documents(file, Target("mimir", most_groups=1))[0]):
        for rule in group["rules"]:
            assert promql.series_read(rule["expr"]) <= {*known, rule.get("record")}, group["name"]
        known |= {rule["record"] for rule in group["rules"] if "record" in rule}


def test_what_is_compared_stays_together_when_packed() -> None:
    for group in groups_of(documents(many(9), Target("mimir", most_groups=1))[0]):
        recorded = [(rule["record"], rule["labels"].get("slo")) for rule in group["rules"] if "record" in rule]
        for name, own in recorded:
            if ":eligible:events" in name:
                assert (name.replace("eligible", "bad"), own) in recorded


def _alerts(file: SloFile) -> list[Alert]:
    return [rule for group in rule_groups(file) for rule in group.rules if isinstance(rule, Alert)]


# vmalert --------------------------------------------------------------------------------------------------------------


@everywhere
def test_everything_that_is_generated_means_the_same_to_vmalert(file: SloFile) -> None:
    assert render([file], "1", Target("vmalert")).notes == ()


def test_what_means_something_else_is_left_out_and_named() -> None:
    exact = Record("voice_slo:exact", "last_over_time(x[5m])")
    rated = Record("voice_slo:rated", "rate(x[5m])")
    on_exact = Alert("Exact", "voice_slo:exact > 1", {}, {})
    on_rated = Alert("OnRated", "voice_slo:rated > 1", {}, {})
    asking = Alert("Asking", "voice_slo:exact > 1", {}, {}, queries=("topk(1, x)", "changes(x[5m])"))
    chained = Record("voice_slo:chained", "voice_slo:rated * 2")
    on_chained = Alert("OnChained", "voice_slo:chained > 1", {}, {})
    about = [[on_exact, on_rated], [asking, on_chained]]
    parts: list[fitting.Part] = [("a", [[exact, rated]]), ("b", [[chained]]), ("c", [*about])]
    found = fitting.fitting(Target("vmalert"), parts)
    assert found.parts == [("a", [[exact]]), ("b", [[]]), ("c", [[on_exact], []])]
    assert found.left_out == (
        "voice_slo:rated is left out: rate may mean something else in MetricsQL",
        "voice_slo:chained is left out: it reads voice_slo:rated, which is left out",
        "OnRated is left out: it reads voice_slo:rated, which is left out",
        "Asking is left out: changes may mean something else in MetricsQL",
        "OnChained is left out: it reads voice_slo:chained, which is left out",
    )
    assert found.unrecorded == {"voice_slo:rated", "voice_slo:chained"}
    assert fitting.fitting(Target("mimir"), parts).parts == parts
