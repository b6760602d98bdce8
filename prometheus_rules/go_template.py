"""Pieces of the Go templates that Prometheus expands in alert labels and annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voice_slo import promql

Matchers = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Template:
    """Template text and the queries in it, as Prometheus will run them but for the label values."""

    text: str
    queries: tuple[str, ...] = ()

    def __add__(self, other: Template | str) -> Template:
        more = other if isinstance(other, Template) else Template(other)
        return Template(self.text + more.text, self.queries + more.queries)


def literal(text: str) -> str:
    """What expands to `text` itself, wherever it stands. Every brace is escaped: two may meet where texts do."""
    return text.replace("{", '{{"{"}}')


def label(name: str) -> str:
    return f"$labels.{name}"


def with_result(labels: Sequence[str], query: Callable[[Sequence[str]], str], then: Template | str) -> Template:
    """`then`, with the query's result as `.`; nothing where the result is empty.

    `query` gets matchers that select the series with the alert's values of `labels`. It holds no back-tick and no
    user text, for it becomes a Go raw string and a format at once.
    """
    asked = query([f"{name}=%[{position}]q" for position, name in enumerate(labels, start=1)])
    example = query([promql.equals(name, "x") for name in labels])
    arguments = "".join(f" {label(name)}" for name in labels)
    return Template(f"{{{{ with printf `{asked}`{arguments} | query }}}}", (example,)) + then + "{{ end }}"


VALUE = ". | first | value"
