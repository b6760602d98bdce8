"""The SLIs that an SLO file names by word, from the package's `catalog.yaml`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from voice_slo import reading, yaml_source
from voice_slo.diagnostics import SloFileError
from voice_slo.parse_sli import sli
from voice_slo.reading import At, Report
from voice_slo.spec import Sli

FILE = "catalog.yaml"


@functools.cache
def catalog() -> Mapping[str, Sli]:
    """Name → SLI, in the catalog's order."""
    data = resources.files("voice_slo").joinpath(FILE).read_bytes()
    return MappingProxyType(parse_catalog(FILE, data))


def parse_catalog(path: str, data: bytes) -> dict[str, Sli]:
    """Entries keyed by SLI name, in the syntax of a custom SLI. Raises `SloFileError`."""
    source = yaml_source.parse(path, data)
    report = Report(path, list(source.problems))
    listed = reading.pairs(At(source.root, "catalog", report)) if source.root else None
    entries: dict[str, Sli] = {}
    for key, value in listed or ():
        name = reading.word(key)
        entry = sli(value, name or "", {}, builtin=True)
        if name and entry:
            entries[name] = entry
    if report.problems:
        raise SloFileError(report.problems)
    return entries
