"""What an SLO definition of another tool says, whichever tool it is, and what of it could not be carried over."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from decimal import Decimal

from voice_slo import yaml_source
from voice_slo.diagnostics import VoiceSloError, shown
from voice_slo.reading import At
from voice_slo.spec import Mode, Tier

LONGEST_NAME = 63
_DIGEST = 8


class NothingToImport(VoiceSloError):
    """The files are valid, but no SLO of theirs can be carried over."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not carried over, and what stands in its place. `slos` empty: it concerns the whole file.

    `line` and `column` count from 1; they are None where an SLO file is the source, whose model has no positions.
    """

    path: str
    field: str
    message: str
    slos: tuple[str, ...] = ()
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}:{self.column}"
        concerned = f" ({', '.join(self.slos)})" if self.slos else ""
        field = f"{self.field}: " if self.field else ""
        return f"{place}: {field}{self.message}{concerned}"


@dataclass(slots=True)
class Notes:
    """The notes so far of one import."""

    found: list[Note] = field(default_factory=list)

    def lost(self, at: At, message: str, slo: str = "") -> None:
        place = at.node
        self.found.append(Note(at.report.path, at.field, message, (slo,) if slo else (), place.line, place.column))


@dataclass(frozen=True, slots=True)
class Definition:
    """One SLO of another tool. Ratios are exact, `period` is in seconds and None where the tool's spec has none.

    `zone` is set where the period is the calendar month of a time zone.
    `queries` are (what it is, text) and only ever shown: they are about series, the language is about calls.
    `alerting` is a policy's name, tiers, or None for voice-slo's default. `sli` is set where our own export said it.
    """

    name: str
    origin: str
    tool: str
    objective: Decimal
    period: int | None = None
    zone: str = ""
    title: str = ""
    description: str = ""
    owner: str = ""
    service: str = ""
    queries: tuple[tuple[str, str], ...] = ()
    alerting: str | tuple[Tier, ...] | None = None
    sli: str = ""
    threshold: Decimal | None = None
    mode: Mode = "strict"


def dns_label(text: str, taken: set[str]) -> str:
    """`text` as a name of lower-case letters, digits and `-` that begins with a letter, not one of `taken`.

    At most 63 characters (RFC 1123, and the names of the SLO file). Where something had to be cut, or two texts
    give one name, a digest of the text keeps them apart. Adds the name to `taken`.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    slug = slug if slug[:1].isalpha() else f"x-{slug}".rstrip("-")
    name, tried = slug, 0
    while len(name) > LONGEST_NAME or name in taken:
        digest = hashlib.sha256(f"{text}{tried or ''}".encode("utf-8", "replace")).hexdigest()[:_DIGEST]
        name, tried = f"{slug[: LONGEST_NAME - _DIGEST - 1].rstrip('-')}-{digest}", tried + 1
    taken.add(name)
    return name


def prose(at: At) -> str:
    """Text of any length and number of lines, as one line; a number that stands there is text too."""
    node = at.node
    if isinstance(node, yaml_source.Scalar) and node.kind != "boolean":
        return "" if node.kind == "null" else " ".join(node.text.split())
    at.error("has to be text")
    return ""


def query(at: At) -> str:
    """Text as it stands."""
    node = at.node
    return node.text if isinstance(node, yaml_source.Scalar) and node.kind != "null" else ""


def flat(node: yaml_source.Node) -> str:
    """One line about a value, for a note."""
    match node:
        case yaml_source.Scalar(text):
            return shown(text)
        case yaml_source.Sequence(items):
            return shown(", ".join(flat(item) for item in items))
        case yaml_source.Mapping(entries):
            return shown(", ".join(key.text for key, _ in entries))
        case _:
            return "?"
