"""SLO files built by hand for the dashboard tests: two ordinary agents, a bare one and one whose texts are hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from voice_slo.conditions import Equals
from voice_slo.policies import POLICIES
from voice_slo.spec import (
    Links,
    ObjectiveOverride,
    PrometheusSettings,
    Reason,
    Segment,
    Sli,
    Slo,
    SloFile,
    Target,
    Unit,
)

HOSTILE = 'a "quoted" {{ .Labels.x }} $agent ${slo} [[flow]] \\ back\nline <script>alert(1)</script> `tick` %s'

_ALWAYS, _GOOD = Equals("call.connected", (True,)), Equals("call.route_ok", (True,))
_SEGMENTS = {
    "flow": Segment("flow", ("booking", "billing", "faq", "fraud")),
    "language": Segment("language", ("en", "es")),
}


def slo(name: str, objective: str, owner: str, unit: Unit = "call", agent: str = "front-desk", **more: object) -> Slo:
    sli = Sli(
        name.replace("-", "_"), unit, "operational", _ALWAYS, _GOOD, (Reason("not_good", None),),
        title=name.replace("-", " ").capitalize(),
    )  # fmt: skip
    made = Slo(agent, name, sli, Decimal(objective), owner, segments=_SEGMENTS, alerting=POLICIES["guarded"])
    return replace(made, **more)  # type: ignore[arg-type]


def slo_file(
    agent: str, *slos: Slo, path: str = "slos/starter.yaml", segments: Mapping[str, Segment] = _SEGMENTS
) -> SloFile:
    return SloFile(
        path, agent, "voice-platform", 30 * 86400, (), segments, (), (), (), None, Links(), PrometheusSettings(),
        tuple(replace(s, agent=agent) for s in slos),
    )  # fmt: skip


def starter(agent: str = "front-desk") -> SloFile:
    fraud = ObjectiveOverride({"flow": ("fraud",)}, Target(Decimal("0.97"), "strict", None, None))
    faq = ObjectiveOverride({"flow": ("faq",)}, Target(Decimal("0.85"), "observe", None, None))
    return slo_file(
        agent,
        slo("connection-success", "0.995", "telephony"),
        slo("turn-latency", "0.95", "voice-runtime", "turn"),
        slo("task-completion", "0.9", "conversation", "task", budget_by=("flow",), objectives=(fraud, faq)),
        slo("escalation-correctness", "0.97", "operations", "escalation"),
    )


def mixed() -> SloFile:
    """Several segments, policies and periods; one SLO whose objective allows no failure."""
    return slo_file(
        "contact-centre",
        slo("connection-success", "0.995", "telephony", alerting=POLICIES["sre-workbook"], period=7 * 86400),
        slo("task-completion", "0.9", "conversation", "task", budget_by=("flow", "language")),
        slo("handoff", "1", "operations", "handoff", alerting=POLICIES["article"]),
        path="slos/full.yaml",
    )


def without_segments_or_alerts() -> SloFile:
    quiet = replace(POLICIES["guarded"], tiers=())
    return slo_file("bare", slo("connection-success", "0.995", "telephony", alerting=quiet))


def hostile() -> SloFile:
    return slo_file("front-desk", slo("task-completion", "0.9", HOSTILE, title=HOSTILE, budget_by=("flow",)))
