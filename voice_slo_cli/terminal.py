"""Printing: results on stdout, words for people on stderr, colour and progress only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.text import Text

T = TypeVar("T")

EXIT_OK, EXIT_INVALID, EXIT_DRIFT = 0, 2, 3


_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

PIPED_WIDTH = 160
"""Columns of tables that go to a file or a pipe, where nothing says how wide a line may be."""


def out() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def say(text: str, style: str = "") -> None:
    """One line for a person, on stderr."""
    err().print(text, style=style or None, markup=False)


def complain(*lines: str) -> int:
    """Errors on stderr; the exit code of an invalid input."""
    for line in lines:
        say(line, "yellow" if ": warning: " in line else "cyan" if ": note: " in line else "red")
    return EXIT_INVALID


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """The items, with a bar on stderr where that is a terminal."""
    console = err()
    if not console.is_terminal:
        return items
    return track(items, description=what, total=total, console=console, transient=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner on stderr where that is a terminal."""
    console = err()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


def write_diff(lines: Iterable[bytes]) -> None:
    """A unified diff on stdout: byte for byte into a pipe, so that patch takes it, coloured on a terminal."""
    if not sys.stdout.isatty():
        write_lines(lines)
        return
    console = out()
    for line in lines:
        text = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line.decode(errors="replace"))
        bold = text.startswith(("--- ", "+++ "))
        console.print(Text(text, "bold" if bold else _DIFF_COLOURS.get(text[:1], "")))


def write_lines(lines: Iterable[bytes]) -> None:
    """Machine output: one line each, as bytes."""
    stream = sys.stdout.buffer
    for line in lines:
        stream.write(line + b"\n")
    stream.flush()


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")
