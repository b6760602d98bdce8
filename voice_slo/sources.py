"""What each source of telemetry can observe and whose word counts first (TELEMETRY.md 1 and 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from voice_slo.fields import Capability

NATIVE = "native"

_ALL: frozenset[Capability] = frozenset(
    ("connection", "first_audio", "first_word", "turns", "tool_use", "ended_by")
)
_LINE: frozenset[Capability] = frozenset(("connection", "first_audio", "first_word", "turns", "ended_by"))

OBSERVES: Mapping[str, frozenset[Capability]] = {
    "livekit": _ALL,
    "hamming": _ALL,
    "pipecat": frozenset(("turns",)),
    "pipecat-observer": _ALL - {"ended_by"},
    "vapi": _LINE,
    "retell": _LINE,
    "elevenlabs": frozenset(("connection", "first_audio", "turns", "tool_use", "ended_by")),
    "twilio": frozenset(("connection", "ended_by")),
    "livekit-server": frozenset(("connection", "ended_by")),
    "bland": frozenset(("connection", "first_audio", "ended_by")),
}

_FRAMEWORKS = (NATIVE, "livekit", "pipecat-observer", "pipecat", "hamming", "openai-realtime", "deepgram")
_PLATFORMS = ("vapi", "retell", "elevenlabs", "bland")
_CARRIERS = ("twilio", "livekit-server")

_TURN_ORDER = {name: rank for rank, name in enumerate(_FRAMEWORKS + _PLATFORMS + _CARRIERS)}
_LINE_ORDER = {name: rank for rank, name in enumerate(_CARRIERS + _FRAMEWORKS + _PLATFORMS)}
_LAST = len(_TURN_ORDER)

PAIRED_TURNS = frozenset(("livekit",))
"""Sources that report the caller's and the agent's side of one exchange under two ids."""

_HUMAN, _EVALUATOR, _PLATFORM = range(3)


def turn_rank(source: str) -> int:
    """Framework, platform, carrier; 0 counts first."""
    return _TURN_ORDER.get(source, _LAST)


def is_framework(source: str) -> bool:
    """Whether no other source's turns can take precedence."""
    return source in _FRAMEWORKS or source not in _TURN_ORDER


def line_rank(source: str) -> int:
    """The carrier's word on connection and end counts first."""
    return _LINE_ORDER.get(source, _LAST)


def verdict_rank(source: str, evaluator: str | None) -> int:
    """Human, then evaluator, then platform."""
    if evaluator is not None:
        return _HUMAN if evaluator.split(":")[0].lower() == "human" else _EVALUATOR
    return _PLATFORM if source in _PLATFORMS else _EVALUATOR


def capabilities(reported: Mapping[str, Collection[str]]) -> frozenset[Capability]:
    """What the sources of one call can observe. `reported`: source → kinds of events it has sent on this call.

    An own feed (`native` or a name of the team's own) observes everything once it has reported the call's
    lifecycle; with turns alone it observes turns, not whether tools ran.
    """
    found: set[Capability] = set()
    for source, kinds in reported.items():
        if source in OBSERVES:
            found |= OBSERVES[source]
        elif any(kind.startswith("call.") for kind in kinds):
            found |= _ALL
        elif "turn" in kinds or "speech" in kinds:
            found.add("turns")
    return frozenset(found)


def watches_calls(reported: Mapping[str, Collection[str]]) -> bool:
    """Whether some source tells of the call itself, and not only of single turns or verdicts in it."""
    return any(
        source in OBSERVES or any(kind.startswith("call.") for kind in kinds) for source, kinds in reported.items()
    )
