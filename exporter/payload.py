"""What every intake shares: how large and deep a body may be, and how one that cannot be read is reported."""

from __future__ import annotations

import re
from dataclasses import dataclass


class ExporterError(Exception):
    """Base of every error that this package raises on purpose. Messages never quote telemetry."""


class InvalidPayload(ExporterError, ValueError):
    """A body that cannot be read as a whole. The message names the place, never what stands there."""


class TooLarge(ExporterError, ValueError):
    """A body over one of the limits. `limit` names it as the configuration does."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: bytes as sent, bytes after gunzip, native events, nesting of JSON. `queue` bounds the
    events of all requests that wait for the writer."""

    body: int = 8 * 1024 * 1024
    decompressed: int = 32 * 1024 * 1024
    batch: int = 5_000
    depth: int = 32
    queue: int = 50_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """One item of a payload that was not taken. `reason` is a closed word for metrics, `error` is for people."""

    index: int
    field: str
    error: str
    reason: str


_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Possessive, the closing quote optional: linear also on a body made of escapes that never ends its string."""
_OPENING_ALIKE = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def check_depth(body: bytes, depth: int) -> None:
    """Raises `InvalidPayload` where JSON nests deeper than `depth`. Says nothing about whether it is JSON."""
    if body.count(b"{") + body.count(b"[") <= depth:
        return
    nested = _STRING.sub(b"", body).translate(_OPENING_ALIKE, _NOT_BRACKETS)
    for _ in range(depth):
        shallower = nested.replace(b"{}", b"")
        if not shallower or len(shallower) == len(nested):
            return
        nested = shallower
    raise InvalidPayload(f"JSON is nested deeper than {depth} levels")
