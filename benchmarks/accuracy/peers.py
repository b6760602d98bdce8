"""What sloth and pyrra generate for the same counters; see peers/ for their specs and output, and docs for versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.accuracy.disturbances import Scale
from benchmarks.accuracy.prometheus_server import Prometheus, Sample
from benchmarks.accuracy.rules import Rule
from benchmarks.accuracy.simulated import BUDGET

FOLDER = Path(__file__).parent / "peers"
SLOTH, SLOTH_WITHOUT_NAN, PYRRA = "sloth", "sloth, idle left out", "pyrra"
_FILES = {SLOTH: "sloth", SLOTH_WITHOUT_NAN: "sloth-without-nan", PYRRA: "pyrra"}
_RATIO = "slo:sli_error:ratio_rate"
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """`recorded`: what its figure of the period is made from at every evaluation; empty where that are the counters."""

    name: str
    rules: list[Rule]
    recorded: list[Rule]


def peers(scale: Scale) -> list[Peer]:
    return [_peer(name, file, scale) for name, file in _FILES.items()]


def consumed(peer: Peer, server: Prometheus, at: float, scale: Scale) -> Mapping[Labels, float]:
    """Budget labels → share of the error budget that is spent, as the peer has it."""
    by_name = {rule.record: rule for rule in peer.rules if rule.record}
    if peer.name == PYRRA:
        errors, total = (by_name[f"voice_sli_{kind}:increase{scale.period_days}d"] for kind in ("bad", "eligible"))
        return _shares(server.query(f"({errors.expr}) / ({total.expr}) / {BUDGET}", at).result)
    ratio = by_name[f"{_RATIO}{scale.period_days}d"]
    return _shares(server.query(f"({ratio.expr}) / {BUDGET}", at).result)


def _shares(samples: Sequence[Sample]) -> dict[Labels, float]:
    return {
        frozenset((name, sample.metric[name]) for name in ("flow", "route")): float(sample.value[1])
        for sample in samples
    }


def _peer(name: str, file: str, scale: Scale) -> Peer:
    """Its generated rules; for another period than 30 days only that is put in its place."""
    text = (FOLDER / f"{file}.rules.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text.replace("30d", f"{scale.period_days}d"))
    found = [_rule(name, rule) for group in document["groups"] for rule in group["rules"]]
    return Peer(name, found, [rule for rule in found if rule.record == f"{_RATIO}5m"])


def _rule(peer: str, rule: Mapping[str, object]) -> Rule:
    labels = rule.get("labels", {})
    assert isinstance(labels, dict)
    return Rule(peer, str(rule.get("record", "")), str(rule["expr"]), labels)
