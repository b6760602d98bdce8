"""Matchers as Alertmanager's configuration and amtool read them; the same in its old and its UTF-8 parser."""

from __future__ import annotations

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
"""All that both parsers know. Anything else stands as it is: the old one would read `\\t` as a backslash and a t."""


def equals(label: str, value: str) -> str:
    """`owner="voice-platform"`."""
    return f"{label}={_quoted(value)}"


def matches(label: str, *patterns: str) -> str:
    """Any of these regular expressions, over the whole value."""
    return f"{label}=~{_quoted('|'.join(patterns))}"


def shell_word(text: str) -> str:
    """`text` as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'
