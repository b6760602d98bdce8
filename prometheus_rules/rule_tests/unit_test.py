"""A promtool unit test as data: what is shown, what must follow, and the words that say so; and its YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from prometheus_rules.rule_tests.exported import Series
from voice_slo import promql
from voice_slo.quantities import prometheus_duration

_WIDTH = 116
Samples = Sequence[tuple[Mapping[str, str], int | str]]
"""Labels → value."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Series that belong together; `told` says what they are."""

    told: str
    series: Sequence[Series]


@dataclass(frozen=True, slots=True)
class Expected:
    """`expr` gives exactly `samples` at `at` seconds."""

    at: int
    expr: str
    samples: Samples
    told: str = ""


@dataclass(frozen=True, slots=True)
class UnitTest:
    """`about`: the alert class or recorded series that it proves, and for alerts on budgets the scope, `fast_burn all`.

    `name` is short; `told` the story in sentences. Both are ours, without a word of the SLO file but names.
    `step`: seconds between evaluations; `sampled`: between samples, where that is another.
    """

    about: str
    name: str
    step: int
    shown: Sequence[Shown]
    expected: Sequence[Expected]
    told: str = ""
    sampled: int = 0

    @property
    def steps(self) -> int:
        """Evaluations that promtool makes for it."""
        return max(each.at for each in self.expected) // self.step + 1


def document(header: str, rules: str, groups: Sequence[str], step: int, tests: Sequence[UnitTest]) -> bytes:
    """`header`: comment lines. `groups` in the order in which they run, without which the result would flake."""
    lines = [
        header.rstrip("\n"),
        f"rule_files: [{_text(rules)}]",
        f"evaluation_interval: {prometheus_duration(step)}",
        "group_eval_order:",
        *(f"- {_text(group)}" for group in groups),
        "tests:",
    ]
    for test in tests:
        lines += _test(test)
    return ("\n".join(lines) + "\n").encode()


def _test(test: UnitTest) -> Iterator[str]:
    yield ""
    yield from _comment(test.told, "")
    yield f"- name: {_text(test.name)}"
    yield f"  interval: {prometheus_duration(test.sampled or test.step)}"
    yield "  input_series:"
    for shown in test.shown:
        yield from _comment(shown.told, "  ")
        for series in shown.series:
            yield f"  - series: {_text(series.selector)}"
            yield f"    values: {_text(series.values)}"
    yield "  promql_expr_test:"
    for expected in test.expected:
        yield from _comment(expected.told, "  ")
        yield f"  - eval_time: {prometheus_duration(expected.at)}"
        yield f"    expr: {_text(expected.expr)}"
        yield "    exp_samples:" + ("" if expected.samples else " []")
        for labels, value in expected.samples:
            yield f"    - {{labels: {_text(_labels(labels))}, value: {value}}}"


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in text.split("\n") if text else ():
        yield from (f"{indent}# {part}" for part in wrap(line, _WIDTH - len(indent), break_long_words=False))


def _labels(labels: Mapping[str, str]) -> str:
    return f"{{{','.join(promql.equals(name, value) for name, value in labels.items())}}}"


def _text(text: str) -> str:
    """A YAML scalar that is text to every reader. PromQL strings have escaped what is not printable."""
    assert text.isprintable()
    return "'" + text.replace("'", "''") + "'"
