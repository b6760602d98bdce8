"""Input of `translate`, `judge` and `explain`: files or stdin, bounded, gunzipped."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from voice_slo.events import Event, EventError, decode
from voice_slo_cli.failure import Failure

STDIN = "-"
LARGEST = 1024 * 1024 * 1024
"""More than a gigabyte at once does not fit beside the facts folded from it."""
_GZIP = b"\x1f\x8b"


def read(names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file, `-` or nothing for stdin. Raises `Failure` for what is too large or no gzip."""
    for given in names or [STDIN]:
        name, data = ("stdin", sys.stdin.buffer.read(LARGEST + 1)) if given == STDIN else (given, _file(Path(given)))
        if data.startswith(_GZIP):
            data = _gunzip(name, data)
        if len(data) > LARGEST:
            raise Failure(f"{name}: larger than {LARGEST >> 20} MiB")
        yield name, data


def events(names: Sequence[str], agent: str | None = None) -> Iterator[Event]:
    """Canonical events, one JSON object a line; of one agent, with those that name none, where it is given.

    Raises `Failure` with file and line of the first line that is no event.
    """
    for name, data in read(names):
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                event = decode(line)
            except EventError as e:
                raise Failure(f"{name}:{number}: {e}") from None
            if agent is None or event.agent in (None, agent):
                yield event


def _file(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _gunzip(name: str, data: bytes) -> bytes:
    try:
        with gzip.open(BytesIO(data)) as stream:
            return stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise Failure(f"{name}: not readable as gzip: {e}") from None
