"""Burn-rate alerts of other tools as tiers of the SLO file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from voice_slo.names import burn_alert
from voice_slo.policies import DAY, HOUR, MINUTE
from voice_slo.spec import Severity, Tier

SEVERITIES: Mapping[str, Severity] = {
    "page": "page", "critical": "page", "emergency": "page", "high": "page", "sev1": "page", "p1": "page",
    "ticket": "ticket", "warning": "ticket", "major": "ticket", "medium": "ticket", "sev2": "ticket", "p2": "ticket",
    "info": "info", "minor": "info", "low": "info", "notice": "info", "sev3": "info", "p3": "info",
}  # fmt: skip
"""Words that people put into severities, and whom they mean to reach."""
UNKNOWN_SEVERITY: Severity = "ticket"

SLOTH_DEFAULT_PERIOD = 30 * DAY
_SLOTH: tuple[tuple[str, str, int, int, Severity], ...] = (
    ("fast", "0.02", HOUR, 5 * MINUTE, "page"),
    ("medium", "0.05", 6 * HOUR, 30 * MINUTE, "page"),
    ("slow", "0.1", DAY, 2 * HOUR, "ticket"),
    ("trickle", "0.1", 3 * DAY, 6 * HOUR, "ticket"),
)
"""sloth's built-in windows: shares of the budget (SRE workbook, chapter 5), from which it derives the factors."""

_PYRRA: tuple[tuple[str, int, int, int, int, Severity], ...] = (
    ("fast", 14, 28 * 24, 28 * 24 * 12, 28 * 24 * 30, "page"),
    ("medium", 7, 28 * 4, 28 * 48, 28 * 96, "page"),
    ("slow", 2, 28, 28 * 12, 28 * 24, "ticket"),
    ("trickle", 1, 7, 28 * 4, 28 * 8, "ticket"),
)
"""pyrra's factors, and the parts of the SLO's window that are its long window, short window and `for`."""

SHORT_PART = 12
"""A long window has this many short ones (SRE workbook, chapter 5)."""
SHORTEST = 5 * MINUTE
"""A shorter window rests on too few scrapes; half the long one where that is shorter still."""


def sloth(page: bool, ticket: bool) -> tuple[Tier, ...]:
    """sloth's four tiers; those of an alert that is disabled stay, disabled, so that it shows what was there."""
    wanted = {"page": page, "ticket": ticket}
    return tuple(
        Tier(name, long, short, severity, budget=Decimal(budget), enabled=wanted[severity])
        for name, budget, long, short, severity in _SLOTH
    )


def pyrra(window: int, severities: Mapping[str, Severity], enabled: bool) -> tuple[Tier, ...]:
    """pyrra's four tiers for an SLO window of `window` seconds; `severities` holds those that the spec changes."""
    return tuple(
        Tier(
            name, _minutes(window, long), _minutes(window, short), severities.get(name, severity),
            burn=Decimal(factor), for_=_minutes(window, pause), enabled=enabled,
        )
        for name, factor, long, short, pause, severity in _PYRRA
    )  # fmt: skip


def single_window(name: str, burn: Decimal, long: int, for_: int, severity: Severity) -> Tier:
    """A tier out of a condition with one window: a short one is added, so that it ends soon after its cause."""
    least = min(SHORTEST, long // 2 // MINUTE * MINUTE)
    return Tier(name, long, max(long // SHORT_PART // MINUTE * MINUTE, least), severity, burn=burn, for_=for_)


def apart(tiers: Iterable[Tier]) -> tuple[Tier, ...]:
    """The tiers with names that the SLO file takes, each of which gives an alert of its own."""
    taken: set[str] = set()
    named = []
    for tier in tiers:
        base = re.sub(r"[^a-z0-9]+", "_", tier.name.lower()).strip("_")[:40].rstrip("_").removesuffix("_burn")
        base = base if base[:1].isalpha() else f"tier_{base}".rstrip("_")
        name, number = base, 1
        while burn_alert(name) in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(burn_alert(name))
        named.append(replace(tier, name=name))
    return tuple(named)


def _minutes(window: int, part: int) -> int:
    """window / part, rounded half up to a whole minute as pyrra does; seconds."""
    return (2 * window + part * MINUTE) // (2 * part * MINUTE) * MINUTE
