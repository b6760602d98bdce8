"""Definitions of other tools → the text of an SLO file. What a person has to decide stands in it as a comment.

No text of the source can become YAML: values are quoted, comments escaped line by line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from interchange.definition import Definition
from voice_slo import parse_sli
from voice_slo.catalog import catalog
from voice_slo.loading import VERSION
from voice_slo.parse_slo import CALENDAR
from voice_slo.policies import POLICIES
from voice_slo.quantities import percent, plain, prometheus_duration
from voice_slo.reading import LONGEST_TEXT
from voice_slo.spec import Tier

UNDECIDED = parse_sli.UNDECIDED.member
_SKELETON = (
    "DECIDE what is judged and what good means: say unit, eligible and good below, or name an SLI of the",
    "catalog in their place, such as `sli: turn_latency`. Until then no unit is eligible and nothing is counted;",
    "`voice-slo check` warns of it. `mode: observe` keeps it from paging; take it out once you have decided.",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A definition under its name in the SLO file; `sli` is of the catalog, or empty while it is undecided.

    `zone` is set where the period is the calendar month of a time zone.
    """

    name: str
    of: Definition
    sli: str
    owner: str
    period: int
    zone: str = ""


def render(agent: str, slos: Sequence[Planned]) -> str:
    """The file. The first SLO's owner and period are the file's; the others say where theirs differ."""
    first = slos[0]
    lines = [*_head(slos), f"version: {VERSION}", f"agent: {agent}", f"owner: {quoted(first.owner)}"]
    lines += [f"period: {_period(first)}", "", "slos:"]
    for planned in slos:
        lines += ["  " + line if line else "" for line in _slo(planned, first)]
    return "\n".join(lines).rstrip("\n") + "\n"


def quoted(text: str) -> str:
    """A YAML text of one line."""
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def one_line(text: str) -> str:
    """`text` as the SLO file takes it: at most 200 characters, blanks collapsed, what cannot be printed left out."""
    safe = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(safe.split())[:LONGEST_TEXT].strip()


def comment(text: str) -> Iterator[str]:
    """`text` as comment lines. Only a line feed ends a line; other characters that might are escaped."""
    for line in text.split("\n"):
        safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line.rstrip("\r"))
        yield f"# {safe}".rstrip()


def _head(slos: Sequence[Planned]) -> Iterator[str]:
    tools = ", ".join(dict.fromkeys(planned.of.tool for planned in slos))
    yield from comment(
        f"Imported from {tools} by `voice-slo openslo import`, which also says what was not carried over."
    )
    undecided = [planned.name for planned in slos if not planned.sli]
    if undecided:
        yield f"# To be decided by a person: {', '.join(undecided)}."


def _slo(planned: Planned, first: Planned) -> Iterator[str]:
    source = planned.of
    yield from comment(f"{source.origin}: {source.name}")
    if source.description and (source.title or one_line(source.description) != source.description):
        yield from comment(source.description)
    if source.queries and not (planned.sli and planned.sli == source.sli):
        yield from comment("It was judged by these queries, which are not carried over:")
        for what, text in source.queries:
            yield from comment(f"  {what}: " + text.strip().replace("\n", "\n    "))
    yield f"{planned.name}:"
    yield from ("  " + line for line in _body(planned, first))
    yield ""


def _body(planned: Planned, first: Planned) -> Iterator[str]:
    source = planned.of
    title = quoted(source.title or source.description)
    if title != '""':
        yield f"title: {title}"
    yield from _sli(planned)
    yield f"objective: {percent(source.objective)}"
    if planned.sli and planned.sli == source.sli and source.threshold is not None:
        yield f"threshold: {_threshold(planned.sli, source.threshold)}"
    if source.mode == "observe" or not planned.sli:
        yield "mode: observe"
    if (planned.period, planned.zone) != (first.period, first.zone):
        yield f"period: {_period(planned)}"
    if planned.owner != first.owner:
        yield f"owner: {quoted(planned.owner)}"
    yield from _alerting(source.alerting, planned.period)


def _period(planned: Planned) -> str:
    if planned.zone:
        return f"{{calendar: {CALENDAR}, zone: {quoted(planned.zone)}}}"
    return prometheus_duration(planned.period)


def _sli(planned: Planned) -> Iterator[str]:
    if planned.sli:
        yield f"sli: {planned.sli}"
        return
    for line in _SKELETON:
        yield from comment(line)
    yield "sli:"
    yield "  unit: call"
    yield "  settles: operational"
    yield f"  eligible: {{call.tags: {{has: {UNDECIDED}}}}}"
    yield f"  good: {{call.tags: {{has: {UNDECIDED}}}}}"


def _threshold(sli: str, value: Decimal) -> str:
    return plain(value) + ("s" if parse_sli.quantity_of(catalog()[sli], parse_sli.THRESHOLD) == "seconds" else "")


def _alerting(alerting: str | tuple[Tier, ...] | None, period: int) -> Iterator[str]:
    if not alerting:
        return
    name = alerting if isinstance(alerting, str) else _same_as_policy(alerting, period)
    if name:
        yield f"alerting: {name}"
        return
    yield "alerting:"
    yield "  tiers:"
    for tier in alerting:
        assert isinstance(tier, Tier)
        yield f"    - {{{', '.join(f'{key}: {value}' for key, value in _tier(tier).items())}}}"


def _same_as_policy(tiers: tuple[Tier, ...], period: int) -> str:
    """The policy whose tiers are the same over this period; sloth's are those of the SRE workbook over 30 days."""
    as_factors = tuple(replace(tier, burn=tier.factor(period), budget=None) for tier in tiers)
    return next((name for name, policy in POLICIES.items() if policy.tiers == as_factors), "")


def _tier(tier: Tier) -> Mapping[str, str]:
    said = {"name": tier.name}
    if tier.burn is not None:
        said["burn"] = plain(tier.burn)
    if tier.budget is not None:
        said["budget"] = percent(tier.budget)
    said |= {"long": prometheus_duration(tier.long), "short": prometheus_duration(tier.short)}
    if tier.for_:
        said["for"] = prometheus_duration(tier.for_)
    said["severity"] = tier.severity
    return said if tier.enabled else {**said, "enabled": "false"}
