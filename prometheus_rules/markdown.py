"""Text of a user as Markdown that shows just that text: in CommonMark, GitHub's dialect and Python-Markdown alike.

Entities where a renderer knows no other way (HTML, tables, templates of site generators, links without brackets),
backslashes where every renderer knows them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

_PLAIN = re.compile(r"(?:[^\W_]|[.,;:/()='\"%+? -])*")
_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_[]#!"} | {c: f"&#{ord(c)};" for c in "&<>|~${}@^"},
)
_LOOKS_LIKE_A_LINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
_NOT_IN_CODE = re.compile(r"[`|{}]|<[A-Za-z/!?]")
_URL_CHARACTERS = "/:?#[]@!$&'*+,=%-._~"
_TICKS = re.compile("`+")


class Markdown(str):
    """What is Markdown already. Any other `str` that a template shows is escaped."""

    __slots__ = ()


@lru_cache(maxsize=10_000)
def text(value: str) -> Markdown:
    """`value` literally, in one line."""
    line = value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    if not _PLAIN.fullmatch(line):
        line = line.translate(_ESCAPES)
    return Markdown(_LOOKS_LIKE_A_LINK.sub(lambda found: f"&#{ord(found[0])};", line))


def code(value: str) -> Markdown:
    """`value` as code, or literally where that could be more than code to some renderer."""
    if not value or value != value.strip() or not value.isprintable() or _NOT_IN_CODE.search(value):
        return text(value)
    return Markdown(f"`{value}`")


def fenced(language: str, *lines: str) -> Markdown:
    """A block of code. A fence longer than any row of back-ticks within cannot be closed by it."""
    content = "\n".join(lines)
    ticks = "```" if "`" not in content else "`" * max(3, *(len(row) + 1 for row in _TICKS.findall(content)))
    return Markdown(f"{ticks}{language}\n{content}\n{ticks}")


def link(label: str, url: str) -> Markdown:
    """A link to a web page; the label alone for any other address."""
    if not url.startswith(("https://", "http://")):
        return text(label)
    return Markdown(f"[{text(label)}]({quote(url, safe=_URL_CHARACTERS)})")
