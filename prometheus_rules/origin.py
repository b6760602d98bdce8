"""What every generated file says of itself."""

from __future__ import annotations


def origin(path: str, version: str) -> str:
    """One line. `path` is that of the SLO file; what would break the line is shown as a question mark."""
    source = "".join(character if character.isprintable() else "?" for character in path)
    return f"generated from {source} by voice-slo {version}, do not edit"
