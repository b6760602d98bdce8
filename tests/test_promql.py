"""Values keep their meaning in PromQL, and what does not parse or could meet another SLO's series is refused."""

from __future__ import annotations

from decimal import Decimal

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_slo import promql
from voice_slo.promql import PromqlError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("booking", '"booking"'),
        ('a "b"', r'"a \"b\""'),
        ("c\\d", r'"c\\d"'),
        ("a\nb\tc\r", r'"a\nb\tc\r"'),
        ("é😀", '"é😀"'),
        ("\x00\x85\u2028\U000e0001", r'"\u0000\u0085\u2028\U000e0001"'),
    ],
)
def test_quoted(text: str, literal: str) -> None:
    assert promql.quoted(text) == literal


@given(TEXT)
def test_a_quoted_text_reads_back_as_itself(text: str) -> None:
    selected = promql_parser.parse(f"m{{l={promql.quoted(text)}}}")
    assert isinstance(selected, promql_parser.VectorSelector)
    (matcher,) = selected.matchers.matchers
    assert matcher.value == text


@pytest.mark.parametrize(
    ("values", "matcher"),
    [
        (("a|b",), 'flow="a|b"'),
        (("a|b", "c.d"), r'flow=~"a\\|b|c\\.d"'),
        (("(x)", "y*", "z-w"), r'flow=~"\\(x\\)|y\\*|z-w"'),
    ],
)
def test_one_of(values: tuple[str, ...], matcher: str) -> None:
    assert promql.one_of("flow", values) == matcher


def test_one_of_nothing_is_refused() -> None:
    with pytest.raises(PromqlError, match="no value to match flow with"):
        promql.one_of("flow", ())


@given(st.lists(TEXT, min_size=2, max_size=4))
def test_a_pattern_of_any_values_parses(values: list[str]) -> None:
    promql.check(f'm{{agent="a",slo="s",{promql.one_of("flow", values)}}}')


def test_selector() -> None:
    assert promql.selector("m", "front-desk", "x", 'flow="y"') == 'm{agent="front-desk",slo="x",flow="y"}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(1) - Decimal("0.9"), "0.1"),
        (1 - Decimal("0.97"), "0.03"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.50"), "0.5"),
        (Decimal(0), "0"),
        (30, "30"),
        (Decimal("1E-11"), "0.00000000001"),
        (Decimal("0.05") * 7 / 3, "0.116666666666667"),
    ],
)
def test_number(value: Decimal | int, text: str) -> None:
    assert promql.number(value) == text


@pytest.mark.parametrize(
    "expr",
    [
        'm{agent="a",slo="s"}',
        'max_over_time(m{slo="s",agent="a"}[1h:5m]) and on (agent) -n{agent="a",slo="s",flow=~"x"}',
        'quantile(scalar(m{agent="a",slo="s"}), n{agent="a",slo="s"})',
        "vector(1) > time() - 300",
    ],
)
def test_check_accepts(expr: str) -> None:
    promql.check(expr)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("m{", r"unexpected end of input inside braces in m\{"),
        ("", "no expression found in input"),
        ("m", "m lacks agent and slo in m"),
        ('m{agent="a"}', "m lacks agent and slo"),
        ('m{agent="a",slo=~"s|t"}', "m lacks agent and slo"),
        ('m{agent="a",slo=""}', "m lacks agent and slo"),
        ('m{agent="a",slo="s"} / (n > 0)', "n lacks agent and slo"),
        ("last_over_time(m[5m] offset 1h) or -n", "m, n lacks agent and slo"),
        ('quantile(scalar(m), n{agent="a",slo="s"})', "m lacks agent and slo"),
        ("max_over_time(m[1h:5m])", "m lacks agent and slo"),
        ('{__name__=~"voice_slo:.*"}', "lacks agent and slo"),
    ],
)
def test_check_refuses(expr: str, message: str) -> None:
    with pytest.raises(PromqlError, match=message):
        promql.check(expr)


def test_series_read() -> None:
    read = promql.series_read('a{x="1"} / (last_over_time(b[5m]) > 0) or sum by (x) (a) unless vector(1)')
    assert read == {"a", "b"}
