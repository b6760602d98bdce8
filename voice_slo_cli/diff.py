"""What `generate` would change, as one unified diff that `patch -p1` and `git apply` take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from voice_slo_cli.output_tree import Drift, Generated

_NOWHERE = b"/dev/null"
_NO_NEWLINE = b"\\ No newline at end of file"


def difference(root: Path, wanted: Mapping[str, Generated], drift: Drift) -> Iterator[bytes]:
    """Lines without their ends, file after file by path. The manifest is left out: it holds nothing to read."""
    for path in sorted((*drift.missing, *drift.changed, *drift.stale)):
        old = b"" if path in drift.missing else _held(root / path)
        new = b"" if path in drift.stale else wanted[path].content
        before = _NOWHERE if path in drift.missing else b"a/" + path.encode()
        after = _NOWHERE if path in drift.stale else b"b/" + path.encode()
        yield from _ended(difflib.diff_bytes(difflib.unified_diff, _lines(old), _lines(new), before, after))


def _held(path: Path) -> bytes:
    """A stale file may be gone already: the manifest alone still names it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _lines(content: bytes) -> list[bytes]:
    """With their ends, so that a missing last one is a difference; split at nothing but newlines."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _ended(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line.removesuffix(b"\n")
        if not line.endswith(b"\n"):
            yield _NO_NEWLINE
