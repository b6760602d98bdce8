"""What callers notice of an SLI that fails, and what to do about each of its reasons."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_rules.alert_text import UNITS
from prometheus_rules.markdown import Markdown, code
from prometheus_rules.runbook_templates import template
from prometheus_rules.runbook_views import parameters
from voice_slo.catalog import catalog
from voice_slo.conditions import describe
from voice_slo.spec import Reason, Slo

_CUSTOM = "sli/custom"


def impact(slo: Slo) -> Markdown:
    return _said(_advice(slo), "impact", _words(slo))


def mitigation(slo: Slo) -> Markdown:
    """A list, in the order in which the SLI tries its reasons."""
    listed = "\n".join(f"* {code(reason.name)}: {_about(slo, reason)}" for reason in slo.sli.reasons)
    return Markdown(listed + (f"\n\n{_said(_CUSTOM, 'closing', _words(slo))}" if _advice(slo) == _CUSTOM else ""))


def _about(slo: Slo, reason: Reason) -> Markdown:
    words, advice = _words(slo), _advice(slo)
    if advice != _CUSTOM and hasattr(template(advice).module, reason.name):
        return _said(advice, reason.name, words)
    when = code(describe(reason.when)) if reason.when else "all others" if slo.sli.reasons[1:] else "all of them"
    return _said(_CUSTOM, "other", {**words, "when": when})


def _advice(slo: Slo) -> str:
    """Template of what is known about the SLI. Only the catalog's are known, by their reasons."""
    known = catalog().get(slo.sli.name)
    return f"sli/{slo.sli.name}" if known and known.reasons == slo.sli.reasons else _CUSTOM


def _words(slo: Slo) -> dict[str, str]:
    units = UNITS[slo.sli.unit]
    return {**parameters(slo), "unit": units.removesuffix("s"), "units": units, "good": code(describe(slo.sli.good))}


def _said(name: str, macro: str, words: Mapping[str, str]) -> Markdown:
    return Markdown(str(getattr(template(name).module, macro)(words)).strip())
