"""SLOs of sloth, spec `prometheus/v1`. sloth itself ignores keys that it does not know; here each is noted."""

from __future__ import annotations

from collections.abc import Mapping

from interchange import figures, tiers
from interchange.definition import Definition, Notes, flat, prose, query
from voice_slo import reading
from voice_slo.diagnostics import suggest
from voice_slo.reading import At
from voice_slo.spec import Tier

VERSION = "prometheus/v1"
TOOL = f"sloth {VERSION}"
KEYS = ("version", "service", "labels", "slo_plugins", "slos")
SLO_KEYS = ("name", "description", "objective", "plugins", "labels", "sli", "alerting")
ALERTING_KEYS = ("name", "labels", "annotations", "page_alert", "ticket_alert")
ALERT_KEYS = ("disable", "labels", "annotations")
SLI_KINDS: Mapping[str, tuple[str, ...]] = {
    "events": ("error_query", "total_query"), "raw": ("error_ratio_query",), "plugin": ("id", "options"),
}  # fmt: skip
OWNER_LABELS = ("owner", "team")


def definitions(root: At, notes: Notes) -> list[Definition]:
    """The SLOs of one document; what is wrong is in the report of `root`."""
    values = _entries(root, KEYS, ("version", "service", "slos"), notes)
    service = reading.read(values, "service", reading.text, "")
    owner = _owner(values.get("labels"))
    if "labels" in values:
        notes.lost(values["labels"], f"labels ({flat(values['labels'].node)}) are not carried over{_but(owner)}")
    if "slo_plugins" in values:
        notes.lost(values["slo_plugins"], "plugins are not carried over")
    found = (
        [_slo(item, service, owner, notes) for item in reading.items(values["slos"]) or ()] if "slos" in values else []
    )
    if found:
        notes.lost(root, "sloth takes the period from its command line, so the spec has none; 30d is written unless "
                         "--period says another")  # fmt: skip
    return [definition for definition in found if definition is not None]


def _slo(at: At, service: str, owner: str, notes: Notes) -> Definition | None:
    values = _entries(at, SLO_KEYS, ("name", "objective", "sli"), notes)
    name = reading.optional(values, "name", reading.text)
    objective = reading.optional(values, "objective", lambda at: figures.percentage(at, closed=True))
    if name is None or objective is None:
        return None
    own = _owner(values.get("labels"))
    if "labels" in values:
        notes.lost(values["labels"], f"labels ({flat(values['labels'].node)}) are not carried over{_but(own)}", name)
    if "plugins" in values:
        notes.lost(values["plugins"], "plugins are not carried over", name)
    line = at.node.line
    return Definition(
        name=name,
        origin=f"{at.report.path}:{line}",
        tool=TOOL,
        objective=objective,
        description=prose(values["description"]) if "description" in values else "",
        owner=own or owner,
        service=service,
        queries=_queries(values["sli"], name, notes) if "sli" in values else (),
        alerting=_alerting(values.get("alerting"), name, notes),
    )


def _queries(at: At, slo: str, notes: Notes) -> tuple[tuple[str, str], ...]:
    kinds = _entries(at, tuple(SLI_KINDS), (), notes)
    if len(kinds) != 1:
        at.error(f"has to hold exactly one of {', '.join(SLI_KINDS)}")
        return ()
    ((kind, inside),) = kinds.items()
    values = _entries(inside, SLI_KINDS[kind], SLI_KINDS[kind][:1], notes)
    notes.lost(at, "queries are not carried over: an SLI here is a condition over calls; they stand in a comment", slo)
    return tuple((key, query(value) or flat(value.node)) for key, value in values.items())


def _alerting(at: At | None, slo: str, notes: Notes) -> tuple[Tier, ...] | str:
    values = _entries(at, ALERTING_KEYS, (), notes) if at else {}
    for key in ("name", "labels", "annotations"):
        if key in values:
            text = f"{key} ({flat(values[key].node)}) of alerts not carried over; names, labels and texts are generated"
            notes.lost(values[key], text, slo)
    page = _enabled(values.get("page_alert"), slo, notes)
    ticket = _enabled(values.get("ticket_alert"), slo, notes)
    return tiers.sloth(page, ticket)


def _enabled(at: At | None, slo: str, notes: Notes) -> bool:
    values = _entries(at, ALERT_KEYS, (), notes) if at else {}
    for key in ("labels", "annotations"):
        if key in values:
            notes.lost(values[key], f"{key} ({flat(values[key].node)}) of an alert are not carried over", slo)
    return not reading.read(values, "disable", reading.boolean, False)


def _owner(labels: At | None) -> str:
    listed = reading.pairs(labels) if labels else None
    values = {reading.key_text(key): prose(value) for key, value in listed or ()}
    return next((values[name] for name in OWNER_LABELS if values.get(name)), "")


def _but(owner: str) -> str:
    return "; of them only the owner is kept" if owner else ""


def _entries(at: At, allowed: tuple[str, ...], required: tuple[str, ...], notes: Notes) -> dict[str, At]:
    values: dict[str, At] = {}
    for key, value in reading.pairs(at) or ():
        name = reading.key_text(key)
        if name in allowed:
            values[name] = value
        else:
            notes.lost(key, f"no key of sloth's, which ignores it too; {suggest(name, allowed)}")
    for name in required:
        if name not in values:
            at.error(f"{name} is missing")
    return values
