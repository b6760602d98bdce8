"""Recorded LiveKit sessions: request bodies by scenario, and everything in them that no one may see again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "telemetry" / "livekit-agents"
MORE = FOLDER.with_name("livekit-more")
"""Further sessions of the same release with stub models and a scripted caller: what a call can look like."""
SCENARIOS = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())

CONTENT_KEYS = ("pii", "messages", "arguments", "result", "instructions", "stacktrace", "exception.message", "metrics")


def bodies(scenario: str, suffix: str = "bin", folder: Path = FOLDER) -> list[bytes]:
    """The export requests of a session, in the order in which they arrived."""
    return [path.read_bytes() for path in sorted((folder / scenario).glob(f"traces-*.{suffix}"))]


def content(scenario: str) -> set[str]:
    """What was said, written or passed to a tool, as whole texts and as the texts inside their JSON."""
    found: set[str] = set()
    for body in bodies(scenario, "json"):
        for key, text in _attributes(json.loads(body)):
            if any(part in key for part in CONTENT_KEYS):
                found.update(_texts(text))
    return {text for text in found if len(text) >= 4}


def _attributes(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for item in node:
            yield from _attributes(item)
    elif isinstance(node, dict):
        if isinstance(node.get("key"), str) and "stringValue" in (node.get("value") or {}):
            yield node["key"], node["value"]["stringValue"]
        for value in node.values():
            yield from _attributes(value)


def _texts(text: str) -> Iterator[str]:
    yield text
    try:
        inner = json.loads(text)
    except ValueError:
        return
    yield from _said(inner)


def _said(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _said(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in (
                "content",
                "text",
                "arguments",
                "result",
                "response",
                "description",
                "messages",
                "parts",
                "items",
            ):
                yield from _said(value)
