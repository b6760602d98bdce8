"""One graph per alert tier: the burn rates of its two windows and the factor at which it fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from grafana.panels import Frame, Json, Place, Query, series_override, timeseries
from grafana.scope import Scope
from grafana.series_colors import slo_colors
from voice_slo import names
from voice_slo.promql import one_of
from voice_slo.quantities import plain, prometheus_duration
from voice_slo.spec import Slo, SloFile, Tier

FIRST_ID = 210
_WIDTH, _HEIGHT = 12, 9
_HALF = Decimal("0.5")
_CUT = 2
"""The axis ends at this multiple of the factor, or one bad call at night would press everything else to the floor."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """A tier with the SLOs that use it: `factors` as the policy wants them, `capped` where a cap lowers one."""

    tier: Tier
    slos: tuple[str, ...]
    factors: tuple[Decimal, ...]
    capped: tuple[tuple[str, Decimal], ...]


def panels(scope: Scope, slo_file: SloFile, below: int) -> list[Json]:
    """Two in a row, the first to the right of a panel that stands `below` units under the row's top."""
    return [
        _panel(scope, slo_file, shared, FIRST_ID + index, _place(index + 1, below))
        for index, shared in enumerate(_tiers(slo_file))
    ]


def _place(index: int, below: int) -> Place:
    return Place(_WIDTH * (index % 2), below + _HEIGHT * (index // 2), _WIDTH, _HEIGHT)


def _panel(scope: Scope, slo_file: SloFile, shared: _Shared, id_: int, place: Place) -> Json:
    tier = shared.tier
    long, short = prometheus_duration(tier.long), prometheus_duration(tier.short)
    used = one_of(names.SLO, shared.slos)
    factor = f"{scope.series(names.threshold(tier.name), used)} / {scope.series(names.ERROR_BUDGET_RATIO)}"
    title = f"{names.burn_alert(tier.name)} ({tier.severity}): burn rate over {long}, dotted over {short}"
    return timeseries(
        Frame(id_, title, _description(shared), place),
        [
            Query(worst_burn(scope, long, used), f"{{{{slo}}}} {long}"),
            Query(worst_burn(scope, short, used), f"{{{{slo}}}} {short}"),
            Query(f"min by (slo) ({factor} and {scope.series(names.ENFORCED)} == 1)", "{{slo}} fires at"),
        ],
        unit="none",
        decimals=1,
        overrides=[*slo_colors(slo_file), _thin(f" {short}$", "dot", 2, 6), _thin(" fires at$", "dash", 12, 8)],
        soft=(0, float(max(shared.factors))),
        cut_at=float(_CUT * max(shared.factors)),
    )


def worst_burn(scope: Scope, window: str, *matchers: str) -> str:
    """Highest burn rate among each SLO's enforced budgets; absent where nothing was judged in the window."""
    burn = scope.series(names.burn_rate(window), *matchers)
    return f"max by (slo) ({burn} and {scope.series(names.ENFORCED)} == 1)"


def _thin(pattern: str, fill: str, *dash: int) -> Json:
    properties = {
        "custom.hideFrom": {"legend": True, "tooltip": False, "viz": False},
        "custom.lineStyle": {"dash": list(dash), "fill": fill},
        "custom.lineWidth": 1,
    }
    return series_override(f"/{pattern}/", properties)


def _description(shared: _Shared) -> str:
    factors = " or ".join(plain(round(factor, 2)) for factor in sorted(shared.factors))
    lowered = [f"{plain(round(factor, 2))} for {slo}" for slo, factor in shared.capped]
    cap = f", but {' and '.join(lowered)}: half of all units failing must be enough" if lowered else ""
    return (
        f"The worst enforced budget of each SLO. The alert needs both windows at or above the dashed line, enough "
        f"different callers, and more than chance explains. The line stands at {factors}{cap}; where segments have "
        f"objectives of their own the lowest line is drawn. Cut off at {plain(_CUT * max(shared.factors))}."
    )


def _tiers(slo_file: SloFile) -> list[_Shared]:
    """Every enabled tier of the file, once per name and windows, in the order of the file."""
    users: dict[tuple[str, int, int], list[tuple[Slo, Tier]]] = {}
    for slo in slo_file.slos:
        for tier in slo.alerting.tiers:
            if tier.enabled:
                users.setdefault((tier.name, tier.long, tier.short), []).append((slo, tier))
    return [_shared(found) for found in users.values()]


def _shared(users: Sequence[tuple[Slo, Tier]]) -> _Shared:
    factors = {slo.name: tier.factor(slo.period) for slo, tier in users}
    effective = {slo.name: _effective(slo, factors[slo.name]) for slo, _ in users}
    capped = [(name, factor) for name, factor in effective.items() if factor is not None and factor != factors[name]]
    return _Shared(users[0][1], tuple(factors), tuple(dict.fromkeys(factors.values())), tuple(capped))


def _effective(slo: Slo, factor: Decimal) -> Decimal | None:
    """The factor at which the SLO's own objective fires; None where it allows no failure."""
    allowed = slo.target({}).error_budget
    return max(min(factor * allowed, _HALF), allowed) / allowed if allowed else None
