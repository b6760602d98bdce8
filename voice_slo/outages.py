"""Which declared outage covers a bad unit."""

from __future__ import annotations

from typing import Literal

from voice_slo.events import to_us
from voice_slo.segments import counted
from voice_slo.spec import Outage, Slo
from voice_slo.units import Phase, UnitFacts


def outage_of(slo: Slo, unit: UnitFacts) -> Outage | Literal[False] | None:
    """The first declared outage that covers a bad unit; None while a later fact of its open call may bring one."""
    return next((covered for outage in slo.outages if (covered := _covers(outage, slo, unit)) is not False), False)


def _covers(outage: Outage, slo: Slo, unit: UnitFacts) -> Outage | Literal[False] | None:
    """Inside the declared time, the failing stage ran at the declared provider, declared segments are equal."""
    if not to_us(outage.start) <= unit.at < to_us(outage.end):
        return False
    stage, provider = outage.match.get("stage"), outage.match.get("provider")
    open_ = unit.phase is Phase.OPEN
    known = True
    for name, value in outage.match.items():
        if name in ("stage", "provider"):
            continue
        raw = unit.segments.get(name)
        if raw is None and open_:
            known = False
        elif counted(slo.segments[name], raw) != value:
            return False
    asked = stage is not None or provider is not None
    if asked and not any(stage in (None, s) and provider in (None, p) for s, p in unit.failures):
        return None if open_ else False
    return outage if known else None
