"""Alert policies of OpenSLO v1 as tiers. A condition has one window, and knows no callers and no traffic."""

from __future__ import annotations

from decimal import Decimal

from interchange import figures, tiers
from interchange.definition import Notes, flat, prose
from interchange.openslo_objects import (
    ALERT_CONDITION,
    ALERT_POLICY,
    Metadata,
    Named,
    Thing,
    inline,
    referred,
)  # fmt: skip
from voice_slo import reading
from voice_slo.parse_alerting import LONGEST_WINDOW, MAX_BURN
from voice_slo.policies import MINUTE, POLICIES
from voice_slo.quantities import prometheus_duration
from voice_slo.reading import At
from voice_slo.spec import Severity, Tier

POLICY_KEYS = (
    "description", "alertWhenNoData", "alertWhenBreaching", "alertWhenResolved", "conditions", "notificationTargets",
)  # fmt: skip
CONDITION_KEYS = ("severity", "condition", "description")
BURN_KEYS = ("kind", "op", "threshold", "lookbackWindow", "alertAfter")
ABOVE = ("gt", "gte")
BELOW = ("lt", "lte")


def alerting(
    about: Metadata, policies: At | None, named: Named, notes: Notes, slo: str
) -> str | tuple[Tier, ...] | None:
    """The tiers of an SLO's alert policies; the policy of ours by name where an export of ours named it."""
    ours = about.ours("alerting")
    by_name = ours is not None and prose(ours) in POLICIES
    # Still read where the policy is named, for what is wrong in it; its notes would be about nothing that is lost.
    told = Notes() if by_name else notes
    read = [_policy(at, named, told, slo) for at in reading.items(policies, empty=True) or ()] if policies else []
    if ours is not None and by_name:
        return prose(ours)
    found = [tier for listed in read for tier in listed]
    if not found:
        place = policies or about.at
        if place is not None:
            notes.lost(place, "no alert policy that can be carried over; the default, guarded, holds", slo)
        return None
    return tiers.apart(found)


def _policy(at: At, named: Named, notes: Notes, slo: str) -> list[Tier]:
    found = _inside(at, "alertPolicyRef", ALERT_POLICY, named, notes, slo)
    if found is None:
        return []
    values = reading.entries(found.spec, POLICY_KEYS)
    for key in ("alertWhenNoData", "alertWhenResolved", "notificationTargets"):
        if key in values:
            notes.lost(values[key], "is not carried over; routes are Alertmanager's", slo)
    listed = reading.items(values["conditions"], empty=True) if "conditions" in values else None
    if listed and len(listed) > 1:
        listed[1].error("a second condition; a policy has one")
    conditions = [_inside(item, "conditionRef", ALERT_CONDITION, named, notes, slo) for item in listed or ()]
    read = [_tier(condition, notes, slo) for condition in conditions if condition is not None]
    return [tier for tier in read if tier is not None]


def _inside(at: At, ref: str, kind: str, named: Named, notes: Notes, slo: str) -> Thing | None:
    keys = {reading.key_text(key) for key, _ in reading.pairs(at) or ()}
    if keys != {ref}:
        return inline(at, kind)
    return referred(reading.entries(at, (ref,))[ref], kind, named, notes, slo)


def _tier(condition: Thing, notes: Notes, slo: str) -> Tier | None:
    values = reading.entries(condition.spec, CONDITION_KEYS, CONDITION_KEYS[:2])
    if "condition" not in values or "severity" not in values:
        return None
    severity = _severity(values["severity"], notes, slo)
    burn = reading.entries(values["condition"], BURN_KEYS, BURN_KEYS[:4])
    kind = reading.optional(burn, "kind", reading.choice(("burnrate",)))
    op = reading.optional(burn, "op", reading.choice((*ABOVE, *BELOW)))
    threshold = reading.optional(burn, "threshold", reading.number)
    long = figures.shorthand_seconds(burn["lookbackWindow"], notes, slo) if "lookbackWindow" in burn else None
    after = figures.shorthand_seconds(burn["alertAfter"], notes, slo) if "alertAfter" in burn else 0
    if kind is None or op is None or threshold is None or long is None or after is None:
        return None
    if not _possible(op, threshold, long, after):
        text = f"an alert that is {op} {threshold} over {prometheus_duration(long)} cannot be a tier and is left out"
        notes.lost(values["condition"], text, slo)
        return None
    tier = tiers.single_window(condition.metadata.title or condition.metadata.name, threshold, long, after, severity)
    text = f"has one window; a short one of {prometheus_duration(tier.short)} was added, and no guard for few calls"
    notes.lost(values["condition"], text, slo)
    return tier


def _possible(op: str, threshold: Decimal, long: int, after: int) -> bool:
    return (
        op in ABOVE and 0 < threshold <= MAX_BURN and 2 * MINUTE <= long <= LONGEST_WINDOW and after <= LONGEST_WINDOW
    )


def _severity(at: At, notes: Notes, slo: str) -> Severity:
    word = prose(at)
    known = tiers.SEVERITIES.get(word.lower())
    if known != word:
        notes.lost(at, f"the severity {flat(at.node)} became {known or tiers.UNKNOWN_SEVERITY}", slo)
    return known or tiers.UNKNOWN_SEVERITY
