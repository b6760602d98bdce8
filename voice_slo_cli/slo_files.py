"""SLO files from paths: a file, or every *.yaml and *.yml of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from voice_slo.loading import Loaded, load_with_warnings
from voice_slo.spec import SloFile
from voice_slo_cli.failure import Failure

DEFAULT = "slos/"
LARGEST = 1024 * 1024 + 1
"""The language takes 1 MiB; one byte more is enough to say that a file is too large."""


def find(paths: Sequence[str]) -> list[Path]:
    """The SLO files that `paths` name, in order, each once. Raises `Failure` where there are none."""
    found: list[Path] = []
    for given in paths or [DEFAULT]:
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for pattern in ("*.yaml", "*.yml") for p in path.glob(pattern))
            if not inside:
                raise Failure(f"{given}: no *.yaml file in this folder")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise Failure(f"{given}: no such file or folder")
    return list(dict.fromkeys(found))


def read(paths: Sequence[str]) -> Loaded:
    """The checked files of `paths`. Raises `Failure`, or `SloFileError` with every error of every file."""
    return read_as((path, str(path)) for path in find(paths))


def read_as(named: Iterable[tuple[Path, str]]) -> Loaded:
    """Like `read`, under names of the caller's choice."""
    return load_with_warnings([(name, _content(path)) for path, name in named])


def select(files: Sequence[SloFile], agent: str | None) -> Sequence[SloFile]:
    """The files, or the one of `agent`. Raises `Failure` where it has none."""
    found = [file for file in files if agent in (None, file.agent)]
    if not found:
        raise Failure(f"agent {agent} has no SLO file; there are: {', '.join(file.agent for file in files)}")
    return found


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST)
