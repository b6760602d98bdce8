"""Alert policies by name or as tiers, and the release policy."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from voice_slo import names, quantities, reading, yaml_source
from voice_slo.policies import POLICIES
from voice_slo.quantities import DAY
from voice_slo.reading import At
from voice_slo.spec import AlertPolicy, ReleasePolicy, Severity, Tier

SEVERITIES: tuple[Severity, ...] = typing.get_args(Severity)
POLICY_KEYS = ("tiers",)
TIER_REQUIRED = ("name", "long", "short", "severity")
TIER_KEYS = (
    *TIER_REQUIRED, "burn", "budget", "min_bad_callers", "min_bad_events", "z", "for", "keep_firing", "enabled",
)  # fmt: skip
RELEASE_KEYS = ("watch_below", "freeze_below", "on_fast_burn", "on_unknown", "on_collecting")
FAST_BURN: tuple[Literal["watch", "freeze", "ignore"], ...] = ("watch", "freeze", "ignore")
VERDICTS: tuple[Literal["allow", "review", "block"], ...] = ("allow", "review", "block")
_severity: Callable[[At], Severity | None] = reading.choice(SEVERITIES)
_fast_burn = reading.choice(FAST_BURN)
_verdict = reading.choice(VERDICTS)
MAX_BURN, MAX_Z = 1000, 6
LONGEST_WINDOW = 30 * DAY


def alerting(at: At) -> AlertPolicy | None:
    """`guarded`, another policy's name, or `{tiers: […]}`."""
    if not isinstance(at.node, yaml_source.Mapping):
        name = reading.choice(tuple(POLICIES))(at)
        return None if name is None else POLICIES[name]
    values = reading.entries(at, POLICY_KEYS, POLICY_KEYS)
    tiers = reading.optional(values, "tiers", lambda at: reading.every(at, _tier))
    if tiers is None:
        return None
    _check_names(values["tiers"], tiers)
    return AlertPolicy("custom", tiers)


def release_policy(at: At, inherited: ReleasePolicy) -> ReleasePolicy | None:
    """The policy with the given keys in place of the inherited ones."""
    values = reading.entries(at, RELEASE_KEYS)
    policy = replace(
        inherited,
        watch_below=reading.read(values, "watch_below", reading.ratio, inherited.watch_below),
        freeze_below=reading.read(values, "freeze_below", reading.ratio, inherited.freeze_below),
        on_fast_burn=reading.read(values, "on_fast_burn", _fast_burn, inherited.on_fast_burn),
        on_unknown=reading.read(values, "on_unknown", _verdict, inherited.on_unknown),
        on_collecting=reading.read(values, "on_collecting", _verdict, inherited.on_collecting),
    )
    if policy.watch_below <= policy.freeze_below:
        place = values.get("freeze_below") or values.get("watch_below") or at
        place.error(f"watch_below ({quantities.percent(policy.watch_below)}) has to be above freeze_below "
                    f"({quantities.percent(policy.freeze_below)})")  # fmt: skip
        return None
    return policy


def _tier(at: At) -> Tier | None:
    values = reading.entries(at, TIER_KEYS, TIER_REQUIRED)
    window = reading.seconds(60, LONGEST_WINDOW)
    pause = reading.seconds(0, LONGEST_WINDOW)
    name = reading.optional(values, "name", reading.word)
    long = reading.optional(values, "long", window)
    short = reading.optional(values, "short", window)
    severity = reading.optional(values, "severity", _severity)
    tier = Tier(
        name=name or "",
        long=long or 0,
        short=short or 0,
        severity=severity or "page",
        burn=reading.optional(values, "burn", _burn),
        budget=reading.optional(values, "budget", _share),
        min_bad_callers=reading.read(values, "min_bad_callers", reading.integer(0, 10_000), 0),
        min_bad_events=reading.read(values, "min_bad_events", reading.integer(0, 1_000_000), 0),
        z=reading.optional(values, "z", _confidence),
        for_=reading.read(values, "for", pause, 0),
        keep_firing=reading.read(values, "keep_firing", pause, 0),
        enabled=reading.read(values, "enabled", reading.boolean, True),
    )
    if ("burn" in values) == ("budget" in values):
        at.error("a tier has either `burn` or `budget`")
    if long and short and short >= long:
        values["short"].error(f"has to be shorter than `long` ({quantities.prometheus_duration(long)})")
    return tier if name and long and short and severity else None


def _check_names(at: At, tiers: tuple[Tier, ...]) -> None:
    seen: dict[str, str] = {}
    for item, tier in zip(reading.items(at) or (), tiers, strict=True):
        alert = names.burn_alert(tier.name)
        if alert in seen:
            item.error(f"tier {tier.name} gives the alert {alert}, and so does tier {seen[alert]}")
        seen.setdefault(alert, tier.name)


def _burn(at: At) -> Decimal | None:
    return _positive(at, MAX_BURN)


def _confidence(at: At) -> Decimal | None:
    return _positive(at, MAX_Z)


def _positive(at: At, limit: int) -> Decimal | None:
    value = reading.number(at)
    if value is not None and not 0 < value <= limit:
        at.error(f"{quantities.plain(value)} is not above 0 and at most {limit}")
        return None
    return value


def _share(at: At) -> Decimal | None:
    value = reading.ratio(at)
    if value == 0:
        at.error("has to be above 0")
        return None
    return value
