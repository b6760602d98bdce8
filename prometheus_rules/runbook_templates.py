"""The templates of the runbooks. What they show is escaped, unless it is `Markdown`."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from prometheus_rules.agent_rules import FAILURES_IN_A_ROW
from prometheus_rules.data_alerts import SHARES_Z, USUAL_EVENTS, WEEKS_UNITS
from prometheus_rules.markdown import Markdown, code, fenced, text
from prometheus_rules.state import FEWEST_EVENTS

_FIGURES = {
    "FEWEST_EVENTS": FEWEST_EVENTS, "USUAL_EVENTS": USUAL_EVENTS, "WEEKS_UNITS": WEEKS_UNITS,
    "SHARES_Z": SHARES_Z, "FAILURES_IN_A_ROW": FAILURES_IN_A_ROW,
}  # fmt: skip


@cache
def template(name: str) -> Template:
    return _environment().get_template(f"{name}.md")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("prometheus_rules", "templates/runbooks"),
        finalize=_shown,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - HTML's rules are not Markdown's; `finalize` escapes for both
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals |= _FIGURES
    environment.filters |= {"code": code, "promql": _promql, "shell": _shell, "panel": _panel, "row": _row}
    return environment


def _shown(value: object) -> object:
    """`Markdown` is a `str` too, but of another type."""
    return text(value) if type(value) is str else value


def _promql(query: str) -> Markdown:
    return fenced("promql", query)


def _shell(command: str) -> Markdown:
    return fenced("sh", command)


def _panel(title: str) -> Markdown:
    """A panel of the operator dashboard, by its title."""
    return Markdown(f"*{text(title)}*")


def _row(title: str) -> Markdown:
    """A row of the operator dashboard, by its title."""
    return Markdown(f"**{text(title)}.**")
