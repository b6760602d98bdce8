"""What every source gives and takes: one payload becomes canonical events, with what could not be taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.payload import Rejection
from voice_slo.events import MAX_LATENCY_SECONDS, Event

Paths = tuple[str, ...]
"""Attribute names or field paths, of which the first that is there counts."""

DEFAULT_SEGMENTS: Mapping[str, Paths] = {
    "flow": ("voice.flow",),
    "route": ("voice.route",),
    "prompt_version": ("voice.prompt_version",),
    "language": ("voice.language",),
    "agent_version": ("voice.agent_version", "service.version"),
}
DEFAULT_SYNTHETIC = "voice.synthetic"


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How a team names things. `agent` is set on events that name none."""

    agent: str | None = None
    segments: Mapping[str, Paths] = field(default_factory=lambda: DEFAULT_SEGMENTS)
    synthetic_attribute: str = DEFAULT_SYNTHETIC


@dataclass(frozen=True, slots=True)
class Translated:
    """Events of one payload and what was left out of it.

    `positions` has the place in the payload (item, span) of each event, in the events' order. `dropped` counts
    values and spans that were set aside, by reason; `unmapped_end_reasons` ends whose literal is in no table.
    """

    events: tuple[Event, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    unmapped_end_reasons: int = 0
    positions: tuple[int, ...] = ()


def latency_or_reason(value: object) -> tuple[float | None, str | None]:
    """A measured latency in seconds, or why it is none. Absent is neither.

    −1 and 0.0 are what frameworks write where nothing was measured; a longer one than `MAX_LATENCY_SECONDS` is a
    slip of units.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, None
    if not math.isfinite(value):
        return None, "latency_not_finite"
    if value < 0:
        return None, "latency_negative"
    if value == 0:
        return None, "latency_zero"
    if value > MAX_LATENCY_SECONDS:
        return None, f"latency_over_{MAX_LATENCY_SECONDS}s"
    return float(value), None


def may_be_segment(path: str) -> bool:
    """Whether an attribute may become a segment: a team's own, and of the frameworks' those without content."""
    parts = path.split(".")
    if "pii" in parts:
        return False
    return parts[0] not in ("lk", "gen_ai", "exception", "langfuse") or path in _FRAMEWORK_SEGMENTS


_FRAMEWORK_SEGMENTS = frozenset(
    (
        "lk.agent_name", "lk.agent_label", "lk.deployment_id", "gen_ai.agent.name", "gen_ai.agent.version",
        "gen_ai.prompt.name", "gen_ai.provider.name", "gen_ai.request.model",
    )
)  # fmt: skip
