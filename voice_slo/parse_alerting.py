"""Alert policies by name or as tiers, and the release policy."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from voice_slo import names, quantities, reading, yaml_source
from voice_slo.alert_classes import ALERT_CLASSES
from voice_slo.policies import POLICIES
from voice_slo.quantities import DAY
from voice_slo.reading import At
from voice_slo.spec import AlertPolicy, ReleasePolicy, Severity, Tier

SEVERITIES: tuple[Severity, ...] = typing.get_args(Severity)
POLICY_KEYS = ("policy", "tiers", "disable", "severity")
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
CUSTOM = "custom"
LONGEST_WINDOW = 30 * DAY


def alerting(at: At, inherited: AlertPolicy) -> AlertPolicy | None:
    """A policy's name; or tiers of one's own, beside or instead of a policy's, and what is switched off or graded.

    Without `policy` and `tiers` it changes what it inherits.
    """
    if not isinstance(at.node, yaml_source.Mapping):
        return _policy(at)
    values = reading.entries(at, POLICY_KEYS)
    if not values:
        at.error(f"is empty; write {', '.join(POLICY_KEYS)}")
        return None
    base = reading.optional(values, "policy", _policy)
    own = reading.optional(values, "tiers", lambda at: reading.every(at, _tier))
    if ("policy" in values and base is None) or ("tiers" in values and own is None):
        return None
    if own is not None:
        _check_names(values["tiers"], own)
    policy = _together(base, own, inherited)
    known = (*(tier.name for tier in policy.tiers), *ALERT_CLASSES)
    disabled = reading.read(values, "disable", lambda at: _named(at, known), ())
    severities = reading.read(values, "severity", lambda at: _severities(at, known), {})
    return replace(
        policy,
        tiers=tuple(_graded(tier, disabled, severities) for tier in policy.tiers),
        disabled=policy.disabled | {name for name in disabled if name in ALERT_CLASSES},
        severities={**policy.severities, **{n: s for n, s in severities.items() if n in ALERT_CLASSES}},
    )


def _policy(at: At) -> AlertPolicy | None:
    name = reading.choice(tuple(POLICIES))(at)
    return None if name is None else POLICIES[name]


def _together(base: AlertPolicy | None, own: tuple[Tier, ...] | None, inherited: AlertPolicy) -> AlertPolicy:
    """A tier replaces the policy's of the same alert. One's own come first: their index is the one in the file."""
    if own is None:
        return base or inherited
    replaced = {names.burn_alert(tier.name) for tier in own}
    kept = [tier for tier in base.tiers if names.burn_alert(tier.name) not in replaced] if base else []
    return AlertPolicy(CUSTOM, (*own, *kept))


def _named(at: At, known: tuple[str, ...]) -> tuple[str, ...] | None:
    return reading.distinct(at, reading.choice(known))


def _severities(at: At, known: tuple[str, ...]) -> dict[str, Severity] | None:
    values = reading.entries(at, known)
    return {name: read for name, value in values.items() if (read := _severity(value)) is not None}


def _graded(tier: Tier, disabled: tuple[str, ...], severities: Mapping[str, Severity]) -> Tier:
    enabled = tier.enabled and tier.name not in disabled
    return replace(tier, enabled=enabled, severity=severities.get(tier.name, tier.severity))


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
