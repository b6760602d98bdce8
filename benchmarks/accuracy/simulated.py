"""The SLO files that are simulated, and every budget in them with its units and its births.

front-desk / connection-success   flow x route, 24 budgets with all disturbances: the one that peers are compared on
front-desk / task-completion      by route; its definition changes twice within 40 minutes
back-desk / connection-success    by flow; the same SLO name in another file, another exporter, whose store is lost
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from benchmarks.accuracy.disturbances import HOUR, START, Disturbances, Scale, Span
from benchmarks.accuracy.traffic import Unit, peak, units
from voice_slo.loading import load
from voice_slo.spec import Slo, SloFile

FLOWS = (
    "order_status", "booking", "returns", "other", "billing", "delivery", "fraud", "faq", "upgrade", "cancellation",
    "appointments", "feedback",
)  # fmt: skip
"""By traffic. `other` is nobody's word: it is born with its first unit."""
ROUTES = ("pstn", "web")
BACK_FLOWS = ("claims", "parts", "drivers")
AUDITED = (1, 5)
PUT_BACK = 4 * HOUR
"""The exporter puts the birth of a label set that nobody declared this far back."""
OBJECTIVE = 0.995
BUDGET = 0.005

Role = Literal["plain", "audited", "born", "redefined", "store lost"]

_FRONT = """version: voice-slo/v1
agent: front-desk
owner: voice-platform
period: {period}d
budget_by: [flow, route]
segments: {{flow: [{flows}], route: [{routes}]}}
slos:
  connection-success: {{sli: connection_success, objective: 99.5%}}
  task-completion: {{sli: task_completion, objective: 99.5%, budget_by: [route]}}
"""
_BACK = """version: voice-slo/v1
agent: back-desk
owner: voice-platform
period: {period}d
budget_by: [flow]
segments: {{flow: [{flows}]}}
slos:
  connection-success: {{sli: connection_success, objective: 99.5%}}
"""


@dataclass(frozen=True, slots=True)
class Era:
    """From `since` on the counters start at 0, and show the birth `created`."""

    since: float
    created: float


@dataclass(frozen=True, slots=True)
class Budget:
    """One label set of an SLO. `units` in the order in which they are judged."""

    agent: str
    slo: str
    labels: tuple[tuple[str, str], ...]
    role: Role
    eras: Sequence[Era]
    units: Sequence[Unit]

    def era(self, at: float) -> Era | None:
        """The one in force at this moment."""
        return next((era for era in reversed(self.eras) if era.since <= at), None)


def slo_files(scale: Scale) -> list[SloFile]:
    declared = ", ".join(flow for flow in FLOWS[: scale.flows] if flow != "other")
    front = _FRONT.format(period=scale.period_days, flows=declared, routes=", ".join(ROUTES))
    back = _BACK.format(period=scale.period_days, flows=", ".join(BACK_FLOWS))
    return list(load([("slos/front-desk.yaml", front.encode()), ("slos/back-desk.yaml", back.encode())]))


def compared(files: Sequence[SloFile]) -> Slo:
    """The SLO that the peers have rules for."""
    return files[0].slos[0]


def budgets(scale: Scale, disturbances: Disturbances) -> list[Budget]:
    return [*_flows(scale, disturbances), *_redefined(scale, disturbances), *_lost(scale, disturbances)]


def _flows(scale: Scale, disturbances: Disturbances) -> Iterator[Budget]:
    for place, flow in enumerate(FLOWS[: scale.flows]):
        role: Role = "audited" if place in AUDITED else "born" if place in disturbances.births else "plain"
        since = disturbances.births.get(place, START)
        incidents = [incident for incident in disturbances.incidents if place in incident.flows]
        for number, route in enumerate(ROUTES):
            hourly = peak(2 * place + number, 2 * scale.flows)
            made = units(
                Random(f"{scale.seed} {flow} {route}"), Span(since, scale.end), hourly, incidents,
                disturbances.down(), audited=role == "audited",
            )  # fmt: skip
            era = _undeclared(made, since) if flow == "other" else Era(since, since)
            yield Budget("front-desk", "connection-success", (("flow", flow), ("route", route)), role, [era], made)


def _undeclared(made: Sequence[Unit], since: float) -> Era:
    first = made[0].judged if made else since
    return Era(first, max(START, first - PUT_BACK))


def _redefined(scale: Scale, disturbances: Disturbances) -> Iterator[Budget]:
    eras = [Era(at, at) for at in (START, *disturbances.redefined)]
    for route, hourly in zip(ROUTES, (300.0, 12.0), strict=True):
        rng = Random(f"{scale.seed} redefined {route}")
        made = units(rng, Span(START, scale.end), hourly, disturbances.incidents[-1:], disturbances.down())
        yield Budget("front-desk", "task-completion", (("route", route),), "redefined", eras, made)


def _lost(scale: Scale, disturbances: Disturbances) -> Iterator[Budget]:
    back = disturbances.store_lost.end
    eras = [Era(START, START), Era(back, back)]
    for flow, hourly in zip(BACK_FLOWS, (200.0, 15.0, 1.0), strict=True):
        rng = Random(f"{scale.seed} lost {flow}")
        made = units(rng, Span(START, scale.end), hourly, (), [disturbances.store_lost])
        yield Budget("back-desk", "connection-success", (("flow", flow),), "store lost", eras, made)
