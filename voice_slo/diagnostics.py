"""What is wrong with a user's file: where, in which field, what was found and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

MAX_PROBLEMS = 1000
"""Of one file; whoever has more has one mistake a thousand times, or is not writing SLOs."""

MAX_COMPARED = 500
"""Words that a misspelt one is compared with; more would make a hostile file slow to refuse."""

LONG_LIST, LONGEST_LIST = 12, 20
"""Words listed beside a suggestion, and without one."""
LONGEST_WORD = 64
"""Longer words are cut when shown and never compared: nobody misspells a hundred characters."""


Severity = Literal["error", "warning", "note"]
"""A warning says what cannot work as written, a note what is other than it looks. Neither refuses a file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` and `column` count from 1; `field` is the dotted path in the document, or empty."""

    path: str
    line: int
    column: int
    field: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        kind = "" if self.severity == "error" else f"{self.severity}: "
        field = f"{self.field}: " if self.field else ""
        return f"{self.path}:{self.line}:{self.column}: {kind}{field}{self.message}"


class VoiceSloError(Exception):
    """Base of every error that this package raises on purpose."""


class SloFileError(VoiceSloError):
    """SLO files that cannot be used. `problems` has every error of every file, in the files' order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for, or None. Case and `-` against `_` do not matter."""
    folded = {_fold(known): known for known in words}
    if len(word) > LONGEST_WORD or len(folded) > MAX_COMPARED:
        return folded.get(_fold(word))
    close = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggest(word: str, words: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, and all of them where they are few."""
    known = list(words)
    close = nearest(word, known)
    hint = f"did you mean {close}?" if close else ""
    if close and len(known) > LONG_LIST:
        return hint
    listed = ", ".join(known[:LONGEST_LIST]) + (", …" if len(known) > LONGEST_LIST else "")
    allowed = f"allowed: {listed}" if known else "none is declared"
    return f"{hint} ({allowed})" if hint else allowed


def shown(text: str) -> str:
    """`text` fit for one line of a message: control characters escaped, cut when long."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LONGEST_WORD + 1])
    return safe if len(text) <= LONGEST_WORD else safe[:LONGEST_WORD] + "…"


def _fold(word: str) -> str:
    return word.casefold().replace("_", "-")
