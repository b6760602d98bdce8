"""The segments of an SLO file: closed vocabularies with aliases, open capped ones, and which of them split budgets."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Callable, Mapping
from typing import Literal

from voice_slo import reading, yaml_source
from voice_slo.conditions import Equals
from voice_slo.diagnostics import shown, suggest
from voice_slo.names import EXTERNAL_LABELS, RESERVED_LABELS
from voice_slo.parse_sli import requires
from voice_slo.reading import At
from voice_slo.spec import NEVER_ENFORCED, Segment, Sli

Known = Literal["start", "connect", "end"]

START: Known = "start"
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
MAX_VALUES = 1000
MAX_LABEL_SETS, MANY_LABEL_SETS = 500, 100
LONG_FORM = ("values", "max", "known")
KNOWN: tuple[Known, ...] = typing.get_args(Known)
_known: Callable[[At], Known | None] = reading.choice(KNOWN)
ROW_KEYS = ("objective", "mode", "threshold", "sla")
CONNECTED = Equals("call.connected", (True,))


def segments(at: At) -> dict[str, Segment] | None:
    """Name → segment. A wrong one is reported and stands without values, so that its uses are not reported too."""
    listed = reading.pairs(at)
    if listed is None:
        return None
    declared: dict[str, Segment] = {}
    for key, value in listed:
        name = reading.key_text(key)
        segment = _segment(name, value) if _is_label(key) else None
        declared[name] = segment or Segment(name)
    return declared


def budget_by(at: At, declared: Mapping[str, Segment]) -> tuple[str, ...] | None:
    """The segments whose every value has a budget of its own, within the limit of label sets."""
    names = reading.distinct(at, lambda item: _budget_segment(item, declared), empty=True)
    if names is None:
        return None
    sets = math.prod(len(declared[name].values) or 1 for name in names)
    if sets > MAX_LABEL_SETS:
        at.error(f"makes {sets} label sets an SLO, at most {MAX_LABEL_SETS} are allowed; use fewer segments or values")
        return None
    if sets > MANY_LABEL_SETS:
        at.warn(f"makes {sets} label sets an SLO; over {MANY_LABEL_SETS}, most of them see too few calls to judge")
    return names


def identity_label(at: At, declared: Mapping[str, Segment]) -> str | None:
    """A label that the scrape or a Prometheus adds, and no segment has."""
    name = reading.text(at)
    if name is None:
        return None
    if not LABEL_NAME.fullmatch(name) or name.startswith("__"):
        at.error(f'"{shown(name)}" is not a label name')
    elif name in declared:
        at.error(f"{name} is a segment; an identity label is added by the scrape, such as cluster")
    elif name in RESERVED_LABELS - EXTERNAL_LABELS:
        at.error(f"{name} tells nothing of where counts come from; write a label such as cluster")
    else:
        return name
    return None


def check_known_in_time(at: At, names: tuple[str, ...], declared: Mapping[str, Segment], sli: Sli) -> None:
    """An SLI that can fail before a segment is known would lose those failures from the segment's budgets."""
    for name in names:
        known = declared[name].known
        if known == "end" and sli.settles != "quality":
            at.error(f"{name} is known at the end, but {sli.name} can fail before; only an SLI that settles: quality "
                     "may have it in budget_by")  # fmt: skip
        elif known == "connect" and sli.unit == "call" and not requires(sli.eligible, CONNECTED):
            at.error(f"{name} is known once the call is connected, but {sli.name} can fail before; its `eligible` "
                     "would have to require call.connected: true")  # fmt: skip


def _is_label(key: At) -> bool:
    name = reading.key_text(key)
    if not LABEL_NAME.fullmatch(name) or len(name) > 63:
        key.error("is not a label name: a-z, A-Z, 0-9 and _, not starting with a digit, at most 63")
    elif name.startswith("__"):
        key.error("label names that start with __ belong to Prometheus")
    elif name in RESERVED_LABELS:
        key.error(f"{name} is a reserved label; choose another name")
    else:
        return True
    return False


def _segment(name: str, at: At) -> Segment | None:
    node = at.node
    if not isinstance(node, yaml_source.Mapping) or not any(k.text in LONG_FORM for k, _ in node.entries):
        return _closed(name, at, START)
    values = reading.entries(at, LONG_FORM)
    known = reading.optional(values, "known", _known) or START
    if "max" in values and "values" in values:
        values["max"].error("a segment has either `values` or `max`")
        return None
    if "max" in values:
        cap = reading.integer(1, MAX_VALUES)(values["max"])
        return None if cap is None else Segment(name, max_values=cap, known=known)
    if "values" in values:
        return _closed(name, values["values"], known)
    at.error("has neither `values` nor `max`")
    return None


def _closed(name: str, at: At, known: Known) -> Segment | None:
    count = _length(at.node)
    if count > MAX_VALUES:
        at.error(f"has {count} values, at most {MAX_VALUES} are allowed")
        return None
    if not isinstance(at.node, yaml_source.Mapping):
        values = reading.distinct(at, _value)
        return None if values is None else Segment(name, values, known=known)
    listed = reading.pairs(at) or []
    if not listed:
        at.error("has no values")
        return None
    declared = [reading.key_text(key) for key, _ in listed if _value(key) is not None]
    aliases: dict[str, str] = {}
    for key, value in listed:
        for item in reading.items(value, empty=True) or ():
            _add_alias(item, reading.key_text(key), declared, aliases)
    return Segment(name, tuple(declared), aliases, known=known)


def _length(node: yaml_source.Node) -> int:
    match node:
        case yaml_source.Mapping():
            return len(node.entries)
        case yaml_source.Sequence():
            return len(node.items)
        case _:
            return 0


def _add_alias(at: At, value: str, declared: list[str], aliases: dict[str, str]) -> None:
    alias = _value(at)
    if alias is None:
        return
    if alias in declared:
        at.error(f"{shown(alias)} is a value itself")
    elif alias in aliases:
        at.error(f"{shown(alias)} is already an alias of {shown(aliases[alias])}")
    else:
        aliases[alias] = value


def _value(at: At) -> str | None:
    value = reading.text(at)
    if value in NEVER_ENFORCED:
        at.error(f"{value} stands for what is not declared and cannot be declared")
        return None
    return value


def _budget_segment(at: At, declared: Mapping[str, Segment]) -> str | None:
    name = reading.text(at)
    if name is None:
        return None
    if name not in declared:
        at.error(f'segment "{shown(name)}" is not declared; {suggest(name, declared)}')
    elif declared[name].max_values:
        at.error(f"{name} is open (`max`); only a closed vocabulary has budgets of its own")
    elif name in ROW_KEYS:
        at.error(f"{name} is a key of the rows of `objectives`; give the segment another name")
    else:
        return name
    return None
