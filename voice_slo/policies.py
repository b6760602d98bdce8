"""The alert policies that an SLO file names by word, as data.

`guarded` asks for distinct failing callers and a Poisson bound before it pages. `article` and `sre-workbook` are the
published multi-window forms (SRE workbook, chapter 5), unguarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from voice_slo.spec import AlertPolicy, Severity, Tier

MINUTE, HOUR, DAY = 60, 3600, 86400


def _tier(name: str, burn: str, long: int, short: int, severity: Severity) -> Tier:
    return Tier(name, long, short, severity, burn=Decimal(burn))


_FAST = _tier("fast", "10", 15 * MINUTE, 5 * MINUTE, "page")
_MEDIUM = _tier("medium", "6", 6 * HOUR, 30 * MINUTE, "page")
_SLOW = _tier("slow", "1.5", DAY, 2 * HOUR, "ticket")

_GUARDED = AlertPolicy(
    "guarded",
    (
        replace(_FAST, min_bad_callers=3, z=Decimal("3.09"), keep_firing=10 * MINUTE),
        replace(_MEDIUM, min_bad_callers=3, z=Decimal("3.09"), keep_firing=30 * MINUTE),
        replace(_SLOW, min_bad_callers=3, z=Decimal("2.33"), keep_firing=2 * HOUR),
    ),
)
_SRE_WORKBOOK = AlertPolicy(
    "sre-workbook",
    (
        _tier("fast", "14.4", HOUR, 5 * MINUTE, "page"),
        _MEDIUM,
        _tier("slow", "3", DAY, 2 * HOUR, "ticket"),
        _tier("trickle", "1", 3 * DAY, 6 * HOUR, "ticket"),
    ),
)

DEFAULT = _GUARDED
POLICIES: Mapping[str, AlertPolicy] = {
    policy.name: policy for policy in (_GUARDED, AlertPolicy("article", (_FAST, _SLOW)), _SRE_WORKBOOK)
}
