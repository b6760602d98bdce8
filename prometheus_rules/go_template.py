"""Pieces of the Go templates that Prometheus expands in alert labels and annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an alert's queries select: `fixed` matchers, and the alert's own values of `labels`."""

    fixed: str
    labels: tuple[str, ...] = ()

    @property
    def definition(self) -> str:
        """Defines the template variable that stands in all selectors."""
        own = "".join(f",{name}=%q" for name in self.labels)
        values = "".join(f" {label(name)}" for name in self.labels)
        return f"{{{{ {_CHOSEN} := printf `{self.fixed}{own}`{values} }}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Template text and the queries in it, as Prometheus will run them but for the label values.

    `definition`: what has to stand before the text, once.
    """

    body: str
    queries: tuple[str, ...] = ()
    definition: str = ""

    def __add__(self, other: Template | str) -> Template:
        more = other if isinstance(other, Template) else Template(other)
        return Template(self.body + more.body, self.queries + more.queries, self.definition or more.definition)

    @property
    def text(self) -> str:
        return self.definition + self.body


def literal(text: str) -> str:
    """What expands to `text` itself, wherever it stands. Every brace is escaped: two may meet where texts do."""
    return text.replace("{", '{{"{"}}')


def label(name: str) -> str:
    return f"$labels.{name}"


def with_result(
    chosen: Chosen, query: Callable[[Sequence[str]], str], then: Template | str, otherwise: str = ""
) -> Template:
    """`then`, with the query's result as `.`; `otherwise` where the result is empty.

    `query` gets the matchers of the alert's own labels. It holds no back-tick, no percent sign and no user text, for it
    becomes a Go raw string and a format at once.
    """
    own = [f"{name}=%q" for name in chosen.labels]
    format_ = query(own)
    asked = format_.replace(",".join((chosen.fixed, *own)), "%[1]s")
    example = format_.replace("%q", '"x"')
    end = f"{{{{ else }}}}{otherwise}{{{{ end }}}}" if otherwise else "{{ end }}"
    begin = Template(f"{{{{ with printf `{asked}` {_CHOSEN} | query }}}}", (example,), chosen.definition)
    return begin + then + end


_CHOSEN = "$of"
VALUE = ". | first | value"
