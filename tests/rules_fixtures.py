"""SLO files built by hand for the rule tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from voice_slo.conditions import Equals
from voice_slo.policies import POLICIES
from voice_slo.spec import (
    AlertPolicy,
    Links,
    Mode,
    ObjectiveOverride,
    PrometheusSettings,
    Reason,
    Segment,
    Sli,
    Slo,
    SloFile,
    Target,
    Tier,
    Unit,
)

GUARDED = POLICIES["guarded"]
LINKS = Links("https://runbooks.example.com/voice-slo/", "https://grafana.example.com", "")
HOSTILE = 'a "b" {{ $labels.x }} {{"{{"}} }} `c` \\d %s %q \' # é\u2028\ud7ff {'
"""Text that would break PromQL strings, Go templates, format strings or YAML if it were pasted."""

EVERY_30_SECONDS = PrometheusSettings(30, 30)
MINUTE, HOUR, DAY = 60, 3600, 86400


def slo(
    name: str = "task-completion", objective: str = "0.9", *, by: tuple[str, ...] = ("flow",), unit: Unit = "call",
    values: tuple[str, ...] = ("booking", "faq", "fraud"), **more: object,
) -> Slo:  # fmt: skip
    eligible, good = Equals("call.connected", (True,)), Equals("call.route_ok", (True,))
    sli = Sli(name.replace("-", "_"), unit, "operational", eligible, good, (Reason("not_good", None),))
    segments = {segment: Segment(segment, values) for segment in by}
    made = Slo(
        "front-desk", name, sli, Decimal(objective), "voice-platform", name.replace("-", " ").capitalize(),
        budget_by=by, segments=segments, alerting=GUARDED,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def row(objective: str = "0.9", mode: Mode = "strict", **match: str | tuple[str, ...]) -> ObjectiveOverride:
    values = {name: (value,) if isinstance(value, str) else value for name, value in match.items()}
    return ObjectiveOverride(values, Target(Decimal(objective), mode, None, None))


def slo_file(
    *slos: Slo, agent: str = "front-desk", path: str = "slos/starter.yaml", links: Links = LINKS,
    prometheus: PrometheusSettings = EVERY_30_SECONDS,
) -> SloFile:  # fmt: skip
    segments: Mapping[str, Segment] = {name: segment for s in slos for name, segment in s.segments.items()}
    return SloFile(
        path, agent, "voice-platform", 30 * DAY, (), segments, (), (), (), None, links, prometheus,
        tuple(replace(s, agent=agent) for s in slos),
    )  # fmt: skip


def policy(*tiers: Tier) -> AlertPolicy:
    return AlertPolicy("custom", tiers)


def starter(agent: str = "front-desk") -> SloFile:
    """The shape of slos/starter.yaml, with rows for single flows."""
    return slo_file(
        slo("connection-success", "0.995"),
        slo("turn-latency", "0.95", unit="turn"),
        slo("task-completion", unit="task", objectives=(row("0.97", flow="fraud"), row("0.85", "observe", flow="faq"))),
        slo("escalation-correctness", "0.97", unit="escalation", by=()),
        agent=agent,
    )


def hostile() -> SloFile:
    """Hostile text wherever an SLO file has free text: title, owner, links, segment values, path."""
    return slo_file(
        slo(
            title=HOSTILE,
            owner=HOSTILE,
            by=("flow", "end"),
            values=(HOSTILE, "a|b", "c.d"),
            objectives=(row("0.97", flow=(HOSTILE, "a|b"), end="c.d"), row("0.8", "observe", end=HOSTILE)),
        ),
        links=Links(f"https://runbooks.example.com/{HOSTILE}", f"https://grafana.example.com/{HOSTILE}", ""),
        path=f"slos/{HOSTILE}\nx.yaml",
    )
