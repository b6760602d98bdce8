"""Generated files on disk: each replaced atomically, a manifest last, files of removed SLOs pruned."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import dirname, normpath
from pathlib import Path

from voice_slo_cli.failure import Failure

MANIFEST = "prometheus_rules/generated/manifest.json"
OURS = ("prometheus_rules/generated/", "grafana/dashboards/")
"""Nothing is deleted but below these; beside them may lie anything."""
_FOR_EVERYBODY = 0o644
"""To read: Prometheus and Grafana run as users of their own, whatever the umask here."""
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")
_FOR_PEOPLE = ".md"
"""Pages are many, and waiting for the disk for each takes minutes. After a power failure one may be empty until the
next run, which `--check` tells; what a program loads must never be."""

Entries = Mapping[str, Mapping[str, str]]
"""Path below the output folder → digest of its content, and the SLO file it comes from."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Content of one file below the output folder, and the SLO file it comes from, relative to that folder."""

    content: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs between the disk and what would be generated; paths below the output folder."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    stale: tuple[str, ...]
    manifest: bool

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.stale or self.manifest)


def compare(root: Path, wanted: Mapping[str, Generated], given: Collection[str]) -> Drift:
    """How the tree below `root` differs. `given`: the SLO files of this run; those of others are left alone."""
    return _drift(root, wanted, given, _read_manifest(root), _entries(wanted))


def _drift(
    root: Path, wanted: Mapping[str, Generated], given: Collection[str], held: Entries, entries: Entries
) -> Drift:
    missing, changed = [], []
    for path, file in sorted(wanted.items()):
        found = _content(root / path)
        if found is None:
            missing.append(path)
        elif found != file.content:
            changed.append(path)
    stale = (*_stale(root, held, wanted, given), *_left_behind(root, {MANIFEST, *held, *wanted}))
    torn = _manifest(held, entries, stale) != _content(root / MANIFEST)
    return Drift(tuple(missing), tuple(changed), stale, torn)


def write(root: Path, wanted: Mapping[str, Generated], given: Collection[str]) -> Drift:
    """Bring the tree below `root` up to date and return what differed before.

    Killed at any point, each file is the old one or the new one, and the manifest still tells the next run what
    was there.
    """
    held, entries = _read_manifest(root), _entries(wanted)
    drift = _drift(root, wanted, given, held, entries)
    if not drift:
        return drift
    # First a manifest of both sets: whatever a crash leaves behind, the next run knows each file as generated.
    replace_file(root / MANIFEST, _dump({**held, **entries}))
    for path in (*drift.missing, *drift.changed):
        replace_file(root / path, wanted[path].content, durable=not path.endswith(_FOR_PEOPLE))
    for path in drift.stale:
        _remove(root, path)
    replace_file(root / MANIFEST, _manifest(held, entries, drift.stale))
    return drift


def _stale(root: Path, held: Entries, wanted: Mapping[str, Generated], given: Collection[str]) -> tuple[str, ...]:
    """Generated before, from a file of this run or one that is gone, and not any more."""
    return tuple(
        path
        for path, entry in sorted(held.items())
        if path not in wanted and (entry["source"] in given or not (root / entry["source"]).exists())
    )


def _left_behind(root: Path, ours: Collection[str]) -> Iterator[str]:
    """Half-written files of a run that was killed."""
    for folder in sorted({dirname(path) for path in ours}):
        for path in sorted((root / folder).glob(".*.tmp")):
            match = _TEMPORARY.fullmatch(path.name)
            if match and f"{folder}/{match[1]}" in ours:
                yield f"{folder}/{path.name}"


def _remove(root: Path, path: str) -> None:
    """With the folders that are empty then, as of the runbooks of an SLO that is gone."""
    (root / path).unlink(missing_ok=True)
    folder = dirname(path)
    while f"{folder}/" not in OURS and folder.startswith(OURS):
        try:
            (root / folder).rmdir()
        except OSError:
            return
        folder = dirname(folder)


def _manifest(held: Entries, entries: Entries, stale: Sequence[str]) -> bytes:
    kept = {path: entry for path, entry in held.items() if path not in stale}
    return _dump({**kept, **entries})


def _entries(wanted: Mapping[str, Generated]) -> Entries:
    return {
        path: {"sha256": hashlib.sha256(file.content).hexdigest(), "source": file.source}
        for path, file in wanted.items()
    }


def _dump(entries: Entries) -> bytes:
    return (json.dumps({"version": 1, "files": entries}, indent=1, sort_keys=True) + "\n").encode()


def _read_manifest(root: Path) -> Entries:
    data = _content(root / MANIFEST)
    if data is None:
        return {}
    try:
        files = json.loads(data)["files"]
        return {
            path: {"sha256": str(e["sha256"]), "source": str(e["source"])} for path, e in files.items() if _ours(path)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Failure(f"{root / MANIFEST}: is not a manifest of voice-slo; move it away to generate anew") from None


def _ours(path: str) -> bool:
    """A manifest that was tampered with must not make us delete elsewhere."""
    return path.startswith(OURS) and path.isprintable() and normpath(path) == path and path != MANIFEST


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Atomically: whoever reads finds the old content or the new one; `durable`: also after a power failure."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = _created(temporary)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, _FOR_EVERYBODY)
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _created(path: Path) -> int:
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(path, how, _FOR_EVERYBODY)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, how, _FOR_EVERYBODY)
