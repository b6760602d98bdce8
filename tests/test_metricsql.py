"""The allow-list of PromQL that MetricsQL reads the same way."""

from __future__ import annotations

import pytest

from prometheus_rules.metricsql import difference

SAME = [
    "x", 'x{a="1",b!="2",c=~"3|4",d!~"5"}', "x offset 1w", "last_over_time(x[5m])", "last_over_time(x[1h] offset 30m)",
    "max_over_time(x[1h])", "count_over_time(x[1h]) >= 3", "sort_desc(topk(3, x))", "sort(x)",
    "min_over_time(x[1h])", "max by (a) (x)", "sum by (a) (x and y)", "sum(x)", "count(x > 1)",
    "group by (a) (x) unless on (a) y", "max without (a) (x)", "topk(1, x > 0)", "x - y", "x * on (a) group_left () y",
    "x and ignoring (a) (y == on (a) group_left () max by (a) (y))", "x - ((0 * x and y > time() - 60) or z)", "-1e-9",
    "x >= 0.5 * y - 1e-9", "x > y - -1", "sqrt(x)", "floor(x + 1e-9)", "abs(x)", "clamp_max(x / (y > 0), 5)",
    "vector(1)", "x or y", "x == 1 or y != 2", "x > bool 1", "x > bool y", "sum(x) / sum(y)", "sum(x) / 5",
    "time() - sum(x)",
    "vector(1) + sum(x)", "x / on () group_left () sum(y)", "x and on () vector(1)", "x * on () y + vector(1)",
    "(x) ^ 3", "x or on () vector(0)", "topk(1, x) + y", "topk(1, sum(x)) + vector(1)", "sum by () (x) + vector(1)",
    "(sum(x) or vector(0)) + 1", "x != 1", "x != y + 1", "time()", "x and (y != 3)", "x != y * (z < 1)", "scalar(x)",
    "scalar(x / (y > 0)) * z", "scalar(x > 0 and y)",
]  # fmt: skip
OTHER = {
    "rate(x[5m])": "rate", "increase(x[5m])": "increase", "irate(x[5m])": "irate", "delta(x[5m])": "delta",
    "changes(x[5m])": "changes", "resets(x[5m])": "resets", "deriv(x[5m])": "deriv", "absent(x)": "absent",
    "absent_over_time(x[5m])": "absent_over_time",
    "scalar(x > 0)": "scalar of a comparison",
    "sum_over_time(x[5m])": "sum_over_time", "avg_over_time(x[5m])": "avg_over_time", "timestamp(x)": "timestamp",
    "histogram_quantile(0.9, x)": "histogram_quantile", 'label_replace(x, "a", "b", "c", "d")': "label_replace",
    "round(x)": "round", "1 + sort(x)": "sort", "sort(rate(x[5m]))": "rate", "ln(x)": "ln",
    "max_over_time(x[1h:5m])": "max_over_time of a subquery",
    "last_over_time((x > 0)[1h:])": "last_over_time of a subquery", "x @ 5": "@", "x @ end()": "@",
    "last_over_time(x[5m] @ start())": "@", "x offset -5m": "a negative offset",
    "max_over_time(x[5m] offset -5m)": "a negative offset", "x[5m]": "a range", "x[5m:1m]": "a subquery",
    "'x'": "a text",
    '{a="1"}': "a selector without a name", "-x": "a sign before an expression",
    "-(1 + 2)": "a sign before an expression",
    "avg(x)": "avg", "stddev(x)": "stddev", "quantile(0.9, x)": "quantile", 'count_values("a", x)': "count_values",
    "x atan2 y": "atan2", "x % y": "%", "avg by (a) (rate(x[5m]))": "avg", "sum by (a) (rate(x[5m]))": "rate",
    "x + rate(y[5m])": "rate", "topk(1, rate(x[5m]))": "rate", "clamp_max(rate(x[5m]), 1)": "rate",
    "x + sum(y)": "+ between a vector without labels and one with labels",
    "sum(x) > y": "> between a vector without labels and one with labels",
    "vector(1) == y": "== between a vector without labels and one with labels",
    "x * sqrt(sum(y))": "* between a vector without labels and one with labels",
    "x - (sum(y) or z)": "- between a vector without labels and one with labels",
    "x * (y + on () z)": "* between a vector without labels and one with labels",
    "x - (sum(x) and on () y)": "- between a vector without labels and one with labels",
    "(sum(x) or y) - vector(1)": "- between a vector without labels and one with labels",
    "x != (y > 1)": "!= with a comparison on its right",
    "x != sum by (a) (y == 1)": "!= with a comparison on its right",
    "x > bool (y > 1)": "> with a comparison on its right", "x == bool abs(y < 1)": "== with a comparison on its right",
}  # fmt: skip


@pytest.mark.parametrize("expr", SAME)
def test_what_means_the_same(expr: str) -> None:
    assert difference(expr) is None


@pytest.mark.parametrize(("expr", "found"), OTHER.items())
def test_what_may_mean_something_else(expr: str, found: str) -> None:
    assert difference(expr) == found


def test_what_is_no_promql() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        difference("sum by (")
