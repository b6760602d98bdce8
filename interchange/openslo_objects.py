"""OpenSLO v1 objects out of YAML, strictly, and what refers to what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from interchange.definition import Notes, flat, prose
from voice_slo import reading, yaml_source
from voice_slo.diagnostics import shown
from voice_slo.reading import At

VERSION = "openslo/v1"
OURS = "voice-slo/"
"""Prefix of the annotations that an export of ours carries."""
ALERT_POLICY, ALERT_CONDITION, SLI, SLO = "AlertPolicy", "AlertCondition", "SLI", "SLO"
KINDS = (SLO, SLI, "Service", "DataSource", ALERT_POLICY, ALERT_CONDITION, "AlertNotificationTarget")
REFERRED = (SLI, ALERT_POLICY, ALERT_CONDITION)
"""Kinds that an SLO's own content may come from."""
OBJECT_KEYS = ("apiVersion", "kind", "metadata", "spec")
METADATA_KEYS = ("name", "displayName", "labels", "annotations")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Metadata:
    name: str
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, At] = field(default_factory=dict)
    at: At | None = None

    def ours(self, key: str) -> At | None:
        """The value of an annotation of our own."""
        return self.annotations.get(OURS + key)


@dataclass(frozen=True, slots=True)
class Thing:
    """An object, standing alone or inside another."""

    kind: str
    metadata: Metadata
    spec: At
    at: At


Named = dict[tuple[str, str], Thing]
"""(kind, name) → object, over all files."""


def read(roots: Iterable[At], notes: Notes) -> Named:
    """The objects of all documents. A document may also be a list of objects."""
    named: Named = {}
    for root in roots:
        listed = reading.items(root) if isinstance(root.node, yaml_source.Sequence) else [root]
        for at in listed or ():
            found = _thing(at)
            if found is None:
                continue
            first = named.setdefault((found.kind, found.metadata.name), found)
            if first is not found:
                place = f"{first.at.report.path}:{first.at.node.line}"
                at.error(f"{found.kind} {found.metadata.name} is already defined in {place}")
            if found.kind not in (SLO, *REFERRED):
                notes.lost(at, f"{found.kind} {found.metadata.name} is not carried over")
    return named


def inline(at: At, kind: str) -> Thing | None:
    """An object inside another: of policies and conditions the kind is named, of indicators it is not."""
    keys = ("metadata", "spec") if kind == SLI else ("kind", "metadata", "spec")
    values = reading.entries(at, keys, keys)
    if "kind" in values and reading.choice((kind,))(values["kind"]) is None:
        return None
    about = metadata(values["metadata"]) if "metadata" in values else None
    return Thing(kind, about, values["spec"], at) if about and "spec" in values else None


def referred(at: At, kind: str, named: Named, notes: Notes, slo: str) -> Thing | None:
    """The object that a reference names; where it is in no file that was given, a note."""
    name = prose(at)
    found = named.get((kind, name))
    if found is None:
        notes.lost(at, f"{kind} {shown(name)} is in none of the files", slo)
    return found


def metadata(at: At) -> Metadata | None:
    values = reading.entries(at, METADATA_KEYS, ("name",))
    name = reading.optional(values, "name", reading.text)
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        values["name"].error(f'"{shown(name)}" is not a name of a-z, 0-9 and - (RFC 1123)')
        return None
    labels = reading.pairs(values["labels"]) if "labels" in values else None
    annotations = reading.pairs(values["annotations"]) if "annotations" in values else None
    return Metadata(
        name,
        prose(values["displayName"]) if "displayName" in values else "",
        {reading.key_text(key): _label(value) for key, value in labels or ()},
        {reading.key_text(key): value for key, value in annotations or ()},
        at,
    )


def _label(at: At) -> str:
    """The first value: a label may have several."""
    if isinstance(at.node, yaml_source.Sequence):
        return next((prose(item) for item in reading.items(at, empty=True) or ()), "")
    return prose(at)


def _thing(at: At) -> Thing | None:
    values = reading.entries(at, OBJECT_KEYS, OBJECT_KEYS)
    if not all(key in values for key in OBJECT_KEYS):
        return None
    version = reading.choice((VERSION,))(values["apiVersion"])
    kind = reading.choice(KINDS)(values["kind"])
    about = metadata(values["metadata"])
    return Thing(kind, about, values["spec"], at) if version and kind and about else None


def told(about: Metadata, notes: Notes, slo: str, owner_labels: tuple[str, ...]) -> str:
    """The owner that labels name; labels and foreign annotations are noted."""
    owner = next((about.labels[label] for label in owner_labels if about.labels.get(label)), "")
    if about.at is None:
        return owner
    dropped = [label for label in about.labels if about.labels[label] != owner or label not in owner_labels]
    if dropped:
        notes.lost(about.at, f"the labels {', '.join(map(shown, dropped))} are not carried over", slo)
    for key, value in about.annotations.items():
        if not key.startswith(OURS):
            notes.lost(value, f"the annotation {flat(value.node)} is not carried over", slo)
    return owner
